package history_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// archive is a database with the tables of the history.
type archive struct {
	t   testing.TB
	dsn string
	*pgx.Conn
}

func newArchive(t testing.TB) *archive {
	t.Helper()
	a := &archive{t: t, dsn: testdb.Empty(t)}
	conn, err := pgx.Connect(t.Context(), a.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	a.Conn = conn
	_, err = replica.Prepare(t.Context(), conn.Config())
	require.NoError(t, err)
	return a
}

func (a *archive) exec(sql string, arguments ...any) {
	a.t.Helper()
	_, err := a.Exec(a.t.Context(), sql, arguments...)
	require.NoError(a.t, err)
}

func (a *archive) count(sql string, arguments ...any) (n int) {
	a.t.Helper()
	require.NoError(a.t, a.QueryRow(a.t.Context(), sql, arguments...).Scan(&n))
	return n
}

// keeper is one of the replicas, which leads while leads is true.
type keeper struct {
	*history.Keeper
	t     testing.TB
	pool  *pgxpool.Pool
	leads bool
	said  *strings.Builder
}

func keep(t testing.TB, dsn string) *keeper {
	t.Helper()
	k := &keeper{t: t, leads: true, said: &strings.Builder{}}
	if dsn != "" {
		pool, err := history.OpenPool(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		k.pool = pool
	}
	k.Keeper = history.New(history.Config{
		Pool: k.pool, Leads: func() bool { return k.leads },
		Log: slog.New(slog.NewTextHandler(k.said, nil)),
	})
	return k
}

// writes takes and writes one second.
func (k *keeper) writes(at time.Time, change func(*monitor.Snapshot)) {
	k.t.Helper()
	s := measured(at)
	change(&s)
	k.Take(s, time.Now())
	k.Work(k.t.Context(), at)
}

// tidies works until nothing is left to do at that time.
func (k *keeper) tidies(now time.Time) (steps int) {
	k.t.Helper()
	for steps = 0; steps == 0 || !k.Tidy(now); steps++ {
		k.Work(k.t.Context(), now)
		require.Less(k.t, steps, 2000)
	}
	return steps
}

// measured is a snapshot with few figures.
func measured(at time.Time) monitor.Snapshot {
	return monitor.Snapshot{Status: monitor.Pass, CheckedAt: at, Pool: monitor.Pool{Max: 16}}
}

// ago is a whole hour so many hours ago.
func ago(hours int) time.Time {
	return time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(hours) * time.Hour)
}

func countOf(said *strings.Builder, text string) int { return strings.Count(said.String(), text) }
