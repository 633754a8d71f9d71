package alert_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/replica"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// partaker is a replica with a real member.
type partaker struct {
	*alert.Service

	member *replica.Member
	stop   func()
}

// partake lets a replica run until the test ends or stop is called.
func partake(t *testing.T, dsn, name string, w *world, hooks ...*alert.Webhook) *partaker {
	t.Helper()
	database, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(t.Output(), nil)).With("replica", name)
	p := &partaker{}
	p.member = replica.New(replica.Config{
		Database: database, Name: name, Log: log,
		Hear: func(m replica.Message) {
			w.heard(m)
			p.Heard(m)
		},
		Changed: func(document string) { p.Changed(document) },
	})
	rules, err := alert.Parse([]byte("rules: [{name: pool_usage, for: 300ms, keep_firing_for: 300ms}, {name: health_status, disabled: true}]"))
	require.NoError(t, err)
	p.Service = alert.New(alert.Config{Board: alert.NewBoard(rules), Monitor: w, Member: p.member, Webhooks: hooks, Log: log})
	var running, taking sync.WaitGroup
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	part, leave := context.WithCancel(context.WithoutCancel(t.Context()))
	taking.Go(func() { _ = p.member.Run(part) })
	running.Go(func() { _ = p.Run(ctx) })
	p.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		leave()
		taking.Wait()
	})
	t.Cleanup(p.stop)
	return p
}

func TestRealReplicasTellOneStory(t *testing.T) {
	dsn := testdb.Migrated(t)
	r := receive(t, always(200))
	worlds, replicas := []*world{{}, {}, {}}, []*partaker{}
	for i, w := range worlds {
		replicas = append(replicas, partake(t, dsn, fmt.Sprint("replica ", i), w, webhookTo(t, r.URL)))
		eventually(t, "one collects, the others follow", func() bool { return replicas[i].member.State() != replica.Cut })
	}
	all := func(share float64) {
		for _, w := range worlds {
			w.set(share)
		}
	}
	all(0.99)
	story := []string{"pool_usage pending warning", "pool_usage firing critical"}
	for i, w := range worlds {
		eventually(t, "everybody hears it", func() bool { return len(w.told()) == 2 })
		require.Equal(t, story, w.told())
		require.Equal(t, worlds[0].events, w.events)
		eventually(t, "and shows it", func() bool { a := replicas[i].Alerts(); return len(a) == 1 && a[0].State == alert.Firing })
	}
	_, err := replicas[2].Acknowledge(t.Context(), time.Now(), "pool_usage", "ada", "on it")
	require.NoError(t, err)
	for _, p := range replicas {
		eventually(t, "everybody knows who looks after it", func() bool { return p.Alerts()[0].Acknowledged != nil })
	}

	replicas[0].stop()
	eventually(t, "another one leads", func() bool { return replicas[1].member.Leads() || replicas[2].member.Leads() })
	all(0)
	story = append(story, "pool_usage recovering critical", "pool_usage ok critical")
	for _, w := range worlds[1:] {
		eventually(t, "everybody hears the end", func() bool { return len(w.told()) == 4 })
		require.Equal(t, story, w.told())
		require.Equal(t, w.events[0].ID, w.events[3].ID)
	}
	eventually(t, "the receiver hears both", func() bool { return len(r.heard()) == 2 })
	require.Contains(t, r.heard()[1], "/resolved")
	late := partake(t, dsn, "late", &world{})
	eventually(t, "who comes late knows the history", func() bool { return len(late.History(alert.Question{})) == 4 })
}

func webhookTo(t *testing.T, address string) *alert.Webhook {
	t.Helper()
	h, err := alert.NewWebhook(address, "", nil)
	require.NoError(t, err)
	return h
}
