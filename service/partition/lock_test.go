package partition_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

// holding keeps a lock on the parent until the test ends: whatever conflicts
// with it would not be had.
func holding(t *testing.T, pool *pgxpool.Pool, mode string) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	_, err = tx.Exec(t.Context(), `lock table only ticks in `+mode+` mode`)
	require.NoError(t, err)
}

func TestPartitionsAheadWaitForNeitherReadersNorWritersOfTheParent(t *testing.T) {
	pool := opened(t)
	_, err := managing(pool).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	holding(t, pool, "row exclusive")
	holding(t, pool, "access share")
	report, err := partition.New(partition.Config{Pool: pool, Ahead: 8}).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.Len(t, report.Created, 8)
}

func TestALatePartitionWaitsForNoReaderOfTheParent(t *testing.T) {
	pool := opened(t)
	holding(t, pool, "access share")
	report, err := managing(pool).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.Contains(t, report.Created, tick(today()))
}

func TestALockThatIsNeverFreeIsAnErrorAndNotAWait(t *testing.T) {
	pool := opened(t)
	holding(t, pool, "row exclusive")
	manager := managing(pool)
	require.ErrorContains(t, manager.Cover(t.Context(), "ticks", today()), "covering ticks: making partition "+tick(today()))
	require.NoError(t, manager.Cover(t.Context(), "ticks", today()), "and the next writer is not held up")
}
