package monitor_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

// plain is the address of a database for a role that may see only its own
// sessions.
func plain(t *testing.T, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	role := strings.ToLower(config.Database)
	ctx := context.WithoutCancel(t.Context())
	execute := func(sql string) {
		conn, err := pgx.ConnectConfig(ctx, config)
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close(ctx)) }()
		_, err = conn.Exec(ctx, sql)
		require.NoError(t, err)
	}
	execute("create role " + role + " login; grant select on all tables in schema public to " + role)
	t.Cleanup(func() { execute("drop owned by " + role + "; drop role " + role) })
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	address.User = url.User(role)
	return address.String()
}

func TestWhatMayNotBeSeenIsNotToldAsNothing(t *testing.T) {
	dsn := testdb.Migrated(t)
	asPlain := plain(t, dsn)
	w := start(t, asPlain, nil)
	seen := w.await("an ordinary day", func(s monitor.Snapshot) bool { return passing(s) && s.Transactions.LongestMS != nil })
	require.Zero(t, *seen.Transactions.LongestMS)
	require.Zero(t, *seen.Locks.Waiting)
	require.Contains(t, seen.Figures(), "transactions.longest_ms")
	require.Empty(t, seen.Unread())

	other := session(t, dsn)
	do(t, other, "begin", "lock table instruments in access exclusive mode")
	s := w.await("somebody else's session", func(s monitor.Snapshot) bool {
		return s.CheckedAt.After(seen.CheckedAt) && *s.Database.Connections > *seen.Database.Connections
	})
	require.Equal(t, monitor.Transactions{}, s.Transactions, "none of them is known")
	require.Nil(t, s.Locks.Waiting)
	require.Nil(t, s.Locks.LongestWaitMS)
	require.Empty(t, s.Locks.Blockers)
	require.Equal(t, monitor.Pass, s.Status, "that is no failure: %v", s.Reasons)
	figures := s.Figures()
	unread := []string{
		"transactions.longest_ms", "transactions.longest_idle_ms", "transactions.longest_statement_ms", "transactions.idle",
		"locks.waiting", "locks.longest_wait_ms",
	}
	for _, name := range unread {
		require.NotContains(t, figures, name)
	}
	require.Equal(t, unread, s.Unread(), "an alert on them is neither fired nor ended")

	require.Nil(t, s.Wraparound.Vacuums)
	require.NotNil(t, s.Wraparound.Age)

	waiter := session(t, asPlain)
	waited := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(context.WithoutCancel(t.Context()), "select from instruments")
		waited <- err
	}()
	s = w.await("whom its own role waits for", func(s monitor.Snapshot) bool { return len(s.Locks.Blockers) == 1 })
	require.EqualValues(t, other.PgConn().PID(), s.Locks.Blockers[0].PID)
	require.Equal(t, "unknown", s.Locks.Blockers[0].State)
	require.Nil(t, s.Locks.Waiting, "there may be others")

	require.NoError(t, other.Close(t.Context()))
	require.NoError(t, <-waited)
	w.await("its end", func(s monitor.Snapshot) bool { return s.Transactions.LongestMS != nil && s.Locks.Waiting != nil })
}
