package monitor_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

// killer ends the session of each statement that contains a text, before the
// statement is sent.
type killer struct {
	t     *testing.T
	admin *pgx.Conn
	text  string
	kills int // how many are still to be ended
}

func (k *killer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if k.kills > 0 && k.text != "" && strings.Contains(data.SQL, k.text) {
		k.kills--
		endSessions(k.t, k.admin, "pid = $1", conn.PgConn().PID())
	}
	return ctx
}

func (k *killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// endSessions ends those of this database and returns when they are gone.
func endSessions(t *testing.T, admin *pgx.Conn, which string, args ...any) {
	t.Helper()
	var ended int
	err := admin.QueryRow(t.Context(), `select count(*) filter (where pg_terminate_backend(pid, 10000)) from pg_stat_activity
		where datname = current_database() and `+which, args...).Scan(&ended)
	require.NoError(t, err)
	require.Positive(t, ended)
}

// looking is a look through a pool whose sessions may be ended.
func looking(t *testing.T) (*pgxpool.Pool, *killer, monitor.Look, string) {
	t.Helper()
	dsn := testdb.Migrated(t)
	own, err := monitor.OpenPool(t.Context(), dsn)
	require.NoError(t, err)
	config := own.Config()
	own.Close()
	k := &killer{t: t, admin: session(t, dsn)}
	config.ConnConfig.Tracer = k
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	look := monitor.NewLook(monitor.Config{Pool: pool})
	seen, reachable := look.Sight(t.Context())
	require.True(t, reachable)
	require.Empty(t, seen.Stale)
	return pool, k, look, dsn
}

func TestSessionsThatWereEndedAreNoOutage(t *testing.T) {
	pool, k, look, _ := looking(t)
	one, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	other, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	one.Release()
	other.Release()
	endSessions(t, k.admin, "application_name = 'marketd monitor'")
	look.Anew()
	seen, reachable := look.Sight(t.Context())
	require.True(t, reachable, "a new session would have been answered")
	require.Empty(t, seen.Stale)
}

func TestASessionThatEndsWithinALookIsReplaced(t *testing.T) {
	for _, text := range []string{"pg_stat_database", "pg_stat_wal", "relfrozenxid"} { // the first part, one in the middle, the last
		t.Run(text, func(t *testing.T) {
			_, k, look, _ := looking(t)
			k.text, k.kills = text, 1
			look.Anew()
			seen, reachable := look.Sight(t.Context())
			require.Zero(t, k.kills)
			require.True(t, reachable)
			require.Empty(t, seen.Stale)
		})
	}
}

func TestASessionIsReplacedOnceALook(t *testing.T) {
	_, k, look, _ := looking(t)
	k.text, k.kills = "pg_stat_wal", 100
	look.Anew()
	seen, reachable := look.Sight(t.Context())
	require.Equal(t, 98, k.kills)
	require.True(t, reachable, "it answered before")
	stale := staleParts(seen)
	require.NotContains(t, stale, "database")
	require.NotContains(t, stale, "activity")
	require.Subset(t, stale, []string{"wal", "replication", "tables", "wraparound"})
}

func TestADatabaseThatTakesNoNewSessionIsToldAtTheSameLook(t *testing.T) {
	_, _, look, dsn := looking(t)
	restart := takeAway(t, dsn)
	look.Anew()
	seen, reachable := look.Sight(t.Context())
	require.False(t, reachable)
	require.Len(t, seen.Stale, 11)
	restart()
	seen, reachable = look.Sight(t.Context())
	require.True(t, reachable)
	require.Empty(t, seen.Stale)
}
