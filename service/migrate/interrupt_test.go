package migrate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestAStepThatIsInterruptedAnywhereIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	for version := int64(1); version <= 7; version++ {
		t.Run(fmt.Sprintf("%d to %d and back", version-1, version), func(t *testing.T) {
			t.Parallel()
			interruptEverywhere(t, version-1, version)
		})
	}
}

// interruptEverywhere interrupts the step up and the step down after their
// first statement, after their second, and so on, and lets another run finish
// each: what one leaves is where the other begins.
func interruptEverywhere(t *testing.T, lower, upper int64) {
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	calm := open(t, dsn, migrate.Options{})
	if lower > 0 {
		migrateTo(t, calm, 1)
		fill(t, conn)
	}
	migrateTo(t, calm, lower)
	before := content(t, conn)
	for interruptions := 0; ; interruptions++ {
		interrupted := false
		for _, way := range [][2]int64{{lower, upper}, {upper, lower}} {
			from, to := way[0], way[1]
			if !interrupt(t, dsn, conn, to, interruptions) {
				continue // it got there
			}
			interrupted = true
			found, err := calm.Verify(t.Context())
			require.NoError(t, err)
			require.NotNil(t, found.Running, "interruption %d leaves a marker", interruptions)
			if interruptions%3 == 2 { // whoever wants to go back finishes first, too
				migrateTo(t, calm, from)
				require.Equal(t, before, content(t, conn), "after interruption %d and the way back", interruptions)
				requireFresh(t, calm, from)
			}
			migrateTo(t, calm, to)
			require.Equal(t, before, content(t, conn), "after interruption %d", interruptions)
			requireFresh(t, calm, to)
		}
		if !interrupted {
			require.Positive(t, interruptions)
			return
		}
	}
}

// interrupt runs the step and ends it after some statements: in turn by
// calling it off after a statement and by killing its session before one.
func interrupt(t *testing.T, dsn string, conn *pgx.Conn, to int64, after int) (interrupted bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := 0
	m := open(t, dsn, migrate.Options{Watch: func(e migrate.Event) {
		switch {
		case e.Kind == migrate.End && ended == after && after%2 == 0:
			interrupted = true
			cancel()
		case e.Kind == migrate.Begin && ended == after && after%2 == 1:
			interrupted = true
			_, err := conn.Exec(t.Context(), `
				select pg_terminate_backend(pid, 5000) from pg_locks
				where locktype = 'advisory' and objid = 7306001
				  and database = (select oid from pg_database where datname = current_database())`)
			require.NoError(t, err)
		}
		if e.Kind == migrate.End {
			ended++
		}
	}})
	_, err := m.To(ctx, to)
	if interrupted {
		require.Error(t, err)
	} else {
		require.NoError(t, err)
	}
	return interrupted
}

func requireFresh(t *testing.T, m *migrate.Migrator, version int64) {
	t.Helper()
	found, err := m.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, found.Differences)
	require.Nil(t, found.Running)
	require.Equal(t, version, found.Version)
}

func migrateTo(t *testing.T, m *migrate.Migrator, version int64) {
	t.Helper()
	_, err := m.To(t.Context(), version)
	require.NoError(t, err)
}

func open(t *testing.T, dsn string, o migrate.Options) *migrate.Migrator {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	m, err := migrate.Open(config, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	config.RuntimeParams["timezone"] = "UTC"
	// A test follows tables that change their shape under it.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}

// content returns every tick and bar in whatever version the database is.
func content(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var old, current bool
	require.NoError(t, conn.QueryRow(t.Context(),
		`select to_regclass('market_data') is not null, to_regclass('ticks') is not null`).Scan(&old, &current))
	query := `
		select concat_ws(' ', 'tick', symbol, at, trade, price::float8, volume::float8)
		from ticks join instruments i on i.id = instrument_id
		union all
		select concat_ws(' ', 'bar', symbol, day, open::float8, high::float8, low::float8, close::float8, volume::float8)
		from bars join instruments i on i.id = instrument_id order by 1`
	switch {
	case old:
		query = `
			select case kind when 'tick' then concat_ws(' ', 'tick', symbol, at, trade, close::float8, volume::float8)
				else concat_ws(' ', 'bar', symbol, (at at time zone 'UTC')::date,
					open::float8, high::float8, low::float8, close::float8, volume::float8) end
			from market_data order by 1`
	case !current:
		return []string{}
	}
	rows, err := conn.Query(t.Context(), query)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}
