package drive_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// These tests are not parallel: whether an acknowledgement was flushed shows on
// a server that nobody else writes to.

func TestAReleaseThatAcknowledgesBeforeTheLogIsFlushedIsFoundOut(t *testing.T) {
	for name, want := range map[string]string{"careful": "on", "careless": "off"} {
		t.Run(name, func(t *testing.T) {
			var s small
			s.careless.Store(name == "careless")
			r := s.release(t, "current")
			store, err := r.Store(t.Context(), 10, afterwards)
			require.NoError(t, err)
			require.Equal(t, want, store.Settings["synchronous_commit"])
			require.Equal(t, "on", store.Settings["fsync"])
			require.Equal(t, 40, s.rows(t), "what was stored to look is taken away")
			deliver, leave, err := r.Deliver(t.Context(), 1, 10, afterwards)
			require.NoError(t, err)
			defer leave()
			require.Equal(t, want, deliver.Settings["synchronous_commit"])

			for _, w := range []drive.Workload{store, deliver} {
				settings, err := w.Recheck(t.Context())
				require.NoError(t, err)
				require.Equal(t, w.Settings, settings)
			}
			require.Equal(t, 40, s.rows(t))
		})
	}
}

func TestAReleaseThatBecomesCarelessWhileItIsMeasuredIsFoundOut(t *testing.T) {
	var s small
	w, err := s.release(t, "current").Store(t.Context(), 1, afterwards)
	require.NoError(t, err)
	require.Equal(t, "on", w.Settings["synchronous_commit"])
	s.careless.Store(true)
	settings, err := w.Recheck(t.Context())
	require.NoError(t, err)
	require.Equal(t, "off", settings["synchronous_commit"])
}

func TestAServiceThatFlushesOnADatabaseThatNeedNotIsDurable(t *testing.T) {
	dsn, _ := listed(t)
	var s small
	base := s.on(t, dsn)
	require.NoError(t, s.db.Ping(t.Context())) // its session is older than the change
	execute(t, dsn, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	require.Equal(t, "on", serve(t, dsn, base)[0].Settings["synchronous_commit"])
}

func TestServicesOnOneDatabaseBeginWithTheSameRowsAndAreHeldToTheirOwnDurability(t *testing.T) {
	dsn, _ := listed(t)
	var careful, careless small
	careless.careless.Store(true)
	arms := serve(t, dsn, careful.on(t, dsn), careless.on(t, dsn))
	require.Equal(t, "on", arms[0].Settings["synchronous_commit"])
	require.Equal(t, "off", arms[1].Settings["synchronous_commit"])
	rows := rowsOf(t, dsn)
	require.Positive(t, rows)
	for _, w := range arms {
		require.Equal(t, rows, w.Rows)
		before, err := w.Observe(t.Context())
		require.NoError(t, err)
		_, err = w.Run(t.Context(), 4)
		require.NoError(t, err)
		after, err := w.Observe(t.Context())
		require.NoError(t, err)
		require.Greater(t, *after.WAL, *before.WAL)
	}
	require.EqualValues(t, 1, counted(t, dsn, `SELECT count(*) FROM pg_class WHERE relname = 'ticks' AND reloptions @> '{autovacuum_enabled=off}'`))
	careful.careless.Store(true)
	settings, err := arms[0].Recheck(t.Context())
	require.NoError(t, err)
	require.Equal(t, "off", settings["synchronous_commit"])
}

func TestAServerThatDoesNotTellOfItsLogLeavesTheDurabilityUnknown(t *testing.T) {
	dsn, _ := listed(t)
	execute(t, dsn, `DO $$ BEGIN CREATE ROLE shy; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
		`GRANT ALL ON ALL TABLES IN SCHEMA public TO shy`, `REVOKE EXECUTE ON FUNCTION pg_current_wal_flush_lsn() FROM PUBLIC`)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	var s small
	arms := serve(t, config.ConnString()+"&role=shy", s.on(t, dsn))
	require.Contains(t, arms[0].Settings["synchronous_commit"], "grant EXECUTE on pg_current_wal_insert_lsn() and pg_current_wal_flush_lsn()")
}

// listed is a database that knows two instruments.
func listed(t *testing.T) (dsn, name string) {
	t.Helper()
	return database(t, currentLayout, `INSERT INTO instruments (symbol) VALUES ('`+market.Symbols(2)[0]+`'), ('`+market.Symbols(2)[1]+`')`)
}

// serve compares services that share a database.
func serve(t *testing.T, dsn string, bases ...string) []drive.Workload {
	t.Helper()
	var services []drive.Served
	for _, base := range bases {
		m := drive.NewMarket(base, 3)
		t.Cleanup(m.Close)
		services = append(services, drive.Served{Name: base, Market: m})
	}
	next := market.NewTicks(7, market.Calibration{}, market.Symbols(2), time.Now(), time.Millisecond).Next
	arms, done, err := drive.Serve(t.Context(), dsn, 3, next, services...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, done(context.Background())) })
	return arms
}

func TestTheRealServiceAcknowledgesOnlyWhatIsFlushed(t *testing.T) {
	s := released(t, 7)
	arms, done, err := drive.Serve(t.Context(), s.operator.DSN, 3, s.prices.Next, drive.Served{Name: "marketd", Market: s.market})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, done(context.Background())) })
	require.Equal(t, "on", arms[0].Settings["synchronous_commit"])
}
