package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
	"github.com/signoff-dev/signoff/service/replica"
	"github.com/signoff-dev/signoff/service/stream"
)

// composition is what the parts of serve are made of.
type composition struct {
	options  serveOptions
	token    string
	database *pgx.ConnConfig
	rules    []alert.Rule
	log      *slog.Logger
	pools    pools
	queries  *monitor.Recorder
	member   *replica.Member
	ears     *ears
	address  net.Addr
}

// composed is what serves and what runs beside it.
type composed struct {
	handler http.Handler
	looked  <-chan struct{}
	run     []func(context.Context) error
	close   func() // after all of run has ended
}

// compose joins the parts of serve: who asks whom, and who hears what.
func compose(ctx context.Context, c composition) (composed, error) {
	o, log := c.options, c.log
	keep := partition.Keep{Ticks: partition.Period{Days: o.keepDays}}
	partitions := partition.New(partition.Config{Pool: c.pools.managing, Log: log, Keep: keep})
	store := market.New(market.Config{Pool: c.pools.served, Log: log, Partitions: partitions})
	var watcher *monitor.Service
	tickets := &stream.Tickets{}
	var authenticate func(*http.Request) bool
	if o.private {
		authenticate = httpapi.Admits(c.token, tickets)
	}
	sockets := stream.NewManager(stream.Config{
		Authenticate: authenticate,
		Log:          log, Health: func() string { return watcher.Snapshot().Status.Word() },
	})
	watcher = monitor.New(monitor.Config{
		Pool: c.pools.watching, Served: c.pools.served, Queries: c.queries, Replicas: c.member, Name: o.replica.name, Log: log,
		Written: writtenBy(store), Partitions: partitionsOn(c.pools.watching, keep),
		Clients: sockets.Connections, Statements: plannedStatements(), Settings: servedSettings(),
	})
	past, closePast, err := openHistory(ctx, o.database, history.Config{Leads: c.member.Leads, Snapshot: watcher.Snapshot, Log: log})
	if err != nil {
		return composed{}, err
	}
	alerts, judging := o.alerts.components(c.address, alert.Config{
		Board: alert.NewBoard(c.rules), Monitor: watcher, Member: c.member, Log: log,
	})
	measuring := performance(c.database, c.member, c.ears, watcher, log)
	// Who hears what the replicas say, and who is told of changed documents.
	c.ears.hear = append(c.ears.hear, relay(sockets), watcher.Heard, alerts.Heard)
	c.ears.changed = append(c.ears.changed, alerts.Changed)
	return composed{
		handler: httpapi.New(httpapi.Dependencies{
			Store: store, Monitor: watcher, Stream: sockets, Alerts: alerts, Performance: measuring, History: past,
			Log: log, Token: c.token, Private: o.private, Tickets: tickets, Version: version(), Started: time.Now(),
		}),
		looked: watcher.Looked(),
		run:    append(judging, sockets.Run, remembering(c.member, sockets), watcher.Run, partitions.Run, measuring.Run, past.Run),
		close:  closePast,
	}, nil
}
