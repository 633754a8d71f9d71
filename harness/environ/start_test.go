package environ_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

func TestLocalProvidesADurableServerAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	needLocal(t)
	o := options(t, environ.Local)
	o.TempDir = sharedTemp(t)
	p := start(t, o)
	checkServer(t, p, environ.Local)
	require.NoError(t, p.Stop(context.Background()))
	require.NoError(t, p.Stop(context.Background()), "stopping again does nothing")
	left, err := os.ReadDir(o.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = pgx.Connect(t.Context(), p.DSN(""))
	require.Error(t, err, "the server must be gone")
}

// sharedTemp is a temporary directory that an unprivileged server may enter.
func sharedTemp(t testing.TB) string {
	dir, err := os.MkdirTemp("/tmp", "signoff-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // the server runs as another user
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// checkServer goes through what every provider must do alike.
func checkServer(t testing.TB, p *environ.Postgres, provider string) {
	facts := p.Facts()
	require.Equal(t, provider, facts.Provider)
	require.NotEmpty(t, facts.Why)
	require.Regexp(t, `^1[5-8]\.\d+$`, facts.Version)
	for name, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"wal_level": "replica", "max_connections": "200", "TimeZone": "UTC",
	} {
		require.Equal(t, want, facts.Settings[name], name)
	}

	ctx := t.Context()
	dsn, err := p.CreateDatabase(ctx, "template", "")
	require.NoError(t, err)
	require.Equal(t, dsn, p.DSN("template"))
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))

	dsn, err = p.CreateDatabase(ctx, "Scenario SLO-01", "template")
	require.NoError(t, err)
	conn, err = pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	var rows int
	var name string
	require.NoError(t, conn.QueryRow(ctx, "SELECT count(*), current_database() FROM t").Scan(&rows, &name))
	require.Equal(t, 1000, rows)
	require.Regexp(t, `^signoff_`+runID(t)+`_[0-9a-f]{6}_scenario_slo_01$`, name)
	// Someone is still connected: dropping goes ahead all the same.
	require.NoError(t, p.DropDatabase(ctx, "Scenario SLO-01"))
	_, err = pgx.Connect(ctx, dsn)
	require.Error(t, err)
	require.ErrorContains(t, p.DropDatabase(ctx, "postgres"), "not made here")
	conn.Close(ctx)
}
