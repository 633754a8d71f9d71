package partition_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

// A reader that had planned without the new partition, and waited for the
// default partition while its rows moved away, would find them in neither. It
// asks without a prepared statement, for a kept plan would be made anew.
func TestAReaderThatWaitsWhileRowsMoveSeesThemAll(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	_, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	for n := range 5 {
		ticksOn(t, pool, today().AddDate(0, 0, -10*n-10), 100)
		inTheWay, err := pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = inTheWay.Exec(t.Context(), `select from only ticks_default limit 1`)
		require.NoError(t, err)

		repaired := make(chan error, 1)
		go func() {
			_, err := manager.Repair(t.Context(), time.Now())
			repaired <- err
		}()
		seen := make(chan int, 1)
		ctx, stop := contextOf(t)
		go func() {
			least := 1_000_000
			for ctx.Err() == nil {
				var found int
				if err := pool.QueryRow(t.Context(), `select count(*) from ticks`, pgx.QueryExecModeSimpleProtocol).Scan(&found); err != nil {
					found = -1
				}
				least = min(least, found)
			}
			seen <- least
		}()
		require.Eventually(t, func() bool {
			return one[bool](t, pool, `select count(*) filter (where query like 'select count(*) from ticks%') > 0
				and count(*) filter (where query like '%attach%' or query like 'lock table%') > 0
				from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)
		}, time.Minute, time.Millisecond, "the manager and a reader wait")
		require.NoError(t, inTheWay.Rollback(t.Context()))
		require.NoError(t, <-repaired)
		stop()
		require.Equal(t, 100*(n+1), <-seen, "no reader saw fewer")
	}
}
