package migrate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestTwoWhoMigrateAtOnceDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	done := make(chan error, 2)
	steps := make(chan int, 2)
	for range 2 {
		m := open(t, dsn, migrate.Options{})
		go func() {
			carried, err := m.Up(t.Context(), 7)
			steps <- len(carried)
			done <- err
		}()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Equal(t, 7, <-steps+<-steps, "each step is carried out once")
	requireFresh(t, open(t, dsn, migrate.Options{}), 7)
}

func TestATableThatStaysInUseEndsInAWordAndTheNextRunFinishes(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	migrateTo(t, open(t, dsn, migrate.Options{}), 4)
	reader, err := connect(t, dsn).Begin(t.Context())
	require.NoError(t, err)
	_, err = reader.Exec(t.Context(), `select from ticks`)
	require.NoError(t, err)

	retries := 0
	m := open(t, dsn, migrate.Options{Patience: 600 * time.Millisecond, Watch: func(e migrate.Event) {
		if e.Kind == migrate.Retry {
			retries++
		}
	}})
	_, err = m.To(t.Context(), 5)
	require.ErrorIs(t, err, migrate.ErrBusy)
	require.Positive(t, retries)
	require.NoError(t, reader.Rollback(t.Context()))
	migrateTo(t, m, 5)
	requireFresh(t, m, 5)
}

func TestALongCopyTellsHowFarItIsAndGoesOnWhereItWasKilled(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	migrateTo(t, open(t, dsn, migrate.Options{}), 3)
	run(t, conn, `insert into instruments (symbol) values ('A'), ('B')`)
	run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume)
		select 1 + n % 2, '2026-01-01Z'::timestamptz + n * interval '1 second', n, 1 + n % 100, n % 7 from generate_series(1, 90000) n`)
	before := content(t, conn)
	killed := false
	var told []int64
	watch := func(e migrate.Event) {
		if e.Kind != migrate.Progress || e.Title != "copy the ticks" {
			return
		}
		told = append(told, e.Done)
		if !killed && e.Done >= 40000 {
			killed = true
			_, err := conn.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 7306001
				and database = (select oid from pg_database where datname = current_database())`)
			require.NoError(t, err)
		}
	}
	m := open(t, dsn, migrate.Options{Watch: watch})
	_, err := m.To(t.Context(), 4)
	require.Error(t, err)
	require.True(t, killed)
	told = nil
	migrateTo(t, m, 4)
	require.NotEmpty(t, told)
	require.Greater(t, told[0], int64(40000), "what was copied is not copied again")
	require.Equal(t, before, content(t, conn))
	requireFresh(t, m, 4)
}
