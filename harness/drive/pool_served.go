package drive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

// Served is a running service that is compared with another one on the same
// database.
type Served struct {
	Name   string
	Market *Market
}

// Serve returns a workload of each of the services, which share the database at
// dsn: so many clients at a time, each of which stores a price and reads the
// latest of its instrument. A unit of work is one operation. The prices come
// from next, which must never repeat one. Whoever asks for the workloads calls
// done in the end.
//
// No trial restores the table: there is but one, and what either service stores
// grows it for both. Both begin with the same rows, and as pairs run in turns,
// in an order by coin, neither meets a larger table than the other. The database
// is left quiet before, without autovacuum. The settings tell the durability
// with which each service is seen to store; see Side.durability.
func Serve(ctx context.Context, dsn string, clients int, next func() market.Tick, services ...Served) (arms []Workload, done func(context.Context) error, err error) {
	side, err := Current(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	if arms, err = side.servedBy(ctx, clients, next, services); err != nil {
		return nil, nil, errors.Join(err, side.Close(context.WithoutCancel(ctx)))
	}
	return arms, side.Close, nil
}

func (s *Side) servedBy(ctx context.Context, clients int, next func() market.Tick, services []Served) ([]Workload, error) {
	arms := make([]Workload, len(services))
	for i, served := range services {
		recheck := func(ctx context.Context) (map[string]string, error) {
			return s.durability(ctx, func(ctx context.Context, _ int) error { return served.Market.store(ctx, next()) })
		}
		settings, err := recheck(ctx)
		if err != nil {
			return nil, fmt.Errorf("serving with %s: %w", served.Name, err)
		}
		arms[i] = Workload{
			Name: served.Name, Text: "POST /api/ticks, GET /api/prices/latest", Settings: settings,
			Observe: s.observer(ctx), Recheck: recheck, Run: served.run(clients, next),
		}
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	var rows int64
	if err := s.conn.QueryRow(ctx, "SELECT count(*) FROM "+s.layout.table).Scan(&rows); err != nil {
		return nil, fmt.Errorf("counting the prices of the %s side: %w", s.Name, plain(err))
	}
	for i := range arms {
		arms[i].Rows = rows
	}
	return arms, nil
}

// run does so many operations and returns how long they took.
func (s Served) run(clients int, next func() market.Tick) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, n int) (time.Duration, error) {
		prices := make([]market.Tick, n)
		for i := range prices {
			prices[i] = next()
		}
		done, err := load.Closed(ctx, load.ClosedPlan{
			Workers: clients, Count: int64(n),
			Do: func(ctx context.Context, _, i int) error { return s.Market.storeAndRead(ctx, prices[i]) },
		})
		if err == nil && done.Failed > 0 {
			err = done.First
		}
		if err != nil {
			return 0, fmt.Errorf("serving %d clients with %s: %w", clients, s.Name, err)
		}
		return done.Elapsed, nil
	}
}
