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

func TestAWorkloadTellsWhatItsServerDoes(t *testing.T) {
	baseline, current, dsn := sides(t)
	next := market.NewTicks(8, market.Calibration{}, market.Symbols(3), time.Now().Add(time.Hour), time.Millisecond).Next
	for _, side := range []*drive.Side{baseline, current} {
		store, err := side.Store(t.Context(), 10, next)
		require.NoError(t, err)
		before, err := store.Observe(t.Context())
		require.NoError(t, err)
		_, err = store.Run(t.Context(), 20)
		require.NoError(t, err)
		after, err := store.Observe(t.Context())
		require.NoError(t, err)
		require.Greater(t, *after.WAL-*before.WAL, int64(20*10*20), "each of 200 prices takes some bytes of log")
		require.NotEmpty(t, after.Checkpoint)

		execute(t, dsn, "CHECKPOINT")
		later, err := store.Observe(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, after.Checkpoint, later.Checkpoint)
		_, err = store.Run(t.Context(), 20)
		require.NoError(t, err, "what the side has prepared is left alone")

		settings, err := store.Recheck(t.Context())
		require.NoError(t, err)
		require.Equal(t, store.Settings, settings)
	}
}

func TestAServerThatKeepsToItselfIsMeasuredAllTheSame(t *testing.T) {
	dsn, _ := database(t, currentLayout,
		`DO $$ BEGIN CREATE ROLE shy; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
		`GRANT ALL ON ALL TABLES IN SCHEMA public TO shy`,
		`REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC`)
	shy, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	next := market.NewTicks(8, market.Calibration{}, market.Symbols(1), time.Now().Add(time.Hour), time.Millisecond).Next
	open := func() drive.Workload {
		side, err := drive.Current(t.Context(), shy.ConnString()+"&role=shy")
		require.NoError(t, err)
		t.Cleanup(func() { _ = side.Close(context.Background()) })
		require.NoError(t, side.Fill(t.Context(), []market.Tick{next(), next(), next()}))
		store, err := side.Store(t.Context(), 10, next)
		require.NoError(t, err)
		_, err = store.Run(t.Context(), 2)
		require.NoError(t, err)
		return store
	}

	partly, err := open().Observe(t.Context())
	require.NoError(t, err)
	require.Nil(t, partly.WAL)
	require.NotEmpty(t, partly.Checkpoint)

	execute(t, dsn, `REVOKE EXECUTE ON FUNCTION pg_control_checkpoint() FROM PUBLIC`)
	require.Nil(t, open().Observe, "it tells nothing at all")
}
