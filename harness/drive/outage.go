package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// changePatience bounds how long a driver waits to be told of a change.
const changePatience = 30 * time.Second

// Outage is a stretch of time in which the database does not answer.
type Outage struct {
	For        time.Duration
	Begin, End func(ctx context.Context) error
	// Patience bounds how long the monitor waits to be told of the trouble, and
	// then of the recovery; zero is 30 s.
	Patience time.Duration
}

// Outage stops the database and lets it come back, while a monitor keeps
// asking. It yields "time until the trouble is told" and "time until the
// recovery is told" in seconds, "changes never told" within the patience,
// counted of these two, "liveness answers missed" and "health answers missed",
// each counted of those asked, and "health answer" in milliseconds over the
// whole time, to which a missed answer counts with the whole patience of 5 s.
// What was never told yields the time waited, a lower bound; a recovery from a
// trouble that was never told is not observed at all.
func (m *Market) Outage(ctx context.Context, o Outage) (measure.Set, error) {
	if o.Patience == 0 {
		o.Patience = changePatience
	}
	w := watcher{market: m, answer: measure.NewHistogram()}
	trouble, recovery := wait{limit: o.Patience}, wait{limit: o.Patience}
	if err := o.Begin(ctx); err != nil {
		return nil, fmt.Errorf("stopping the database: %w", err)
	}
	began := time.Now()
	err := trouble.until(ctx, w.asks(http.StatusServiceUnavailable))
	if err == nil {
		pause(ctx, o.For-time.Since(began))
	}
	if endErr := o.End(context.WithoutCancel(ctx)); endErr != nil {
		return nil, errors.Join(err, fmt.Errorf("letting the database come back: %w", endErr))
	}
	if err != nil {
		return nil, fmt.Errorf("waiting to be told that the database is gone: %w", err)
	}
	never := measure.Share{Of: 2}
	back := measure.Value{Unit: "s", Amount: &measure.Amount{Says: "the trouble was never told"}}
	if trouble.told {
		if err := recovery.until(ctx, w.asks(http.StatusOK)); err != nil {
			return nil, fmt.Errorf("waiting to be told that the database is back: %w", err)
		}
		back = recovery.measure()
	} else {
		never.Hits++
	}
	if !recovery.told {
		never.Hits++
	}
	return measure.Set{
		"time until the trouble is told":  trouble.measure(),
		"time until the recovery is told": back,
		"changes never told":              {Share: &never},
		"liveness answers missed":         {Share: &w.dead},
		"health answers missed":           {Share: &w.missed},
		"health answer":                   {Unit: measure.Milliseconds, Histogram: w.answer},
	}, nil
}

// watcher is a monitor that keeps asking how the service is.
type watcher struct {
	market       *Market
	dead, missed measure.Share
	answer       *measure.Histogram
}

// asks returns a question that is answered when the health has the status.
func (w *watcher) asks(status int) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		health, err := w.market.ask(ctx, "/api/health")
		if err != nil {
			return false, err
		}
		w.answer.Record(health.took)
		w.missed.Of++
		if health.missed {
			w.missed.Hits++
		}
		alive, err := w.market.ask(ctx, "/api/health/live")
		if err != nil {
			return false, err
		}
		w.dead.Of++
		if alive.missed || alive.status != http.StatusOK {
			w.dead.Hits++
		}
		return health.status == status, nil
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ShutOut disconnects every client from a database and keeps them out; LetIn
// lets them in again. Both act through admin, a connection string of another
// database on the same server. What the server itself does there goes on.
func ShutOut(ctx context.Context, admin, database string) error {
	return connected(ctx, admin, "shutting everybody out of the database", func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+pgx.Identifier{database}.Sanitize()+" WITH ALLOW_CONNECTIONS false"); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = $1 AND backend_type = 'client backend'`, database)
		return err
	})
}

// LetIn undoes ShutOut.
func LetIn(ctx context.Context, admin, database string) error {
	return connected(ctx, admin, "letting everybody into the database", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "ALTER DATABASE "+pgx.Identifier{database}.Sanitize()+" WITH ALLOW_CONNECTIONS true")
		return err
	})
}
