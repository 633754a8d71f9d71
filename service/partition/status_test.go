package partition_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

func contextOf(t testing.TB) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	return ctx, stop
}

func TestStatusTellsWhatIsThere(t *testing.T) {
	pool := opened(t, `create table goose_db_version (version_id bigint, is_applied boolean); insert into goose_db_version values (7, true)`)
	manager := partition.New(partition.Config{Pool: pool, Keep: partition.Keep{Ticks: partition.Period{Days: 1}}})
	_, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.NoError(t, managing(pool).Cover(t.Context(), "ticks", today().AddDate(0, 0, -5)))
	ticksOn(t, pool, today(), 1000)
	ticksOn(t, pool, at("2001-01-01T00:00:00Z"), 3)
	execute(t, pool, `analyze`)
	status, err := manager.Status(t.Context(), today().Add(6*time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 7, status.SchemaVersion)
	ticks := table(t, status, "ticks")
	require.EqualValues(t, 3, ticks.DefaultRows)
	require.InDelta(t, 5*24-6, ticks.LookAheadHours, 0.001)
	require.Equal(t, []string{tick(today().AddDate(0, 0, -5))}, ticks.Overdue)
	require.Len(t, ticks.Partitions, 6)
	require.EqualValues(t, 1000, ticks.Partitions[1].Rows)
	require.Greater(t, ticks.Partitions[1].Bytes, int64(1000*40))
	require.True(t, ticks.Partitions[1].From.Equal(today()))
}

func TestStatusTellsOfAConstraintThatWasLeft(t *testing.T) {
	pool := opened(t, `alter table ticks_default add constraint ticks_ahead_exclusion check (at < '2027-01-01') not valid`)
	manager := managing(pool)
	told := func() string {
		status, err := manager.Status(t.Context(), time.Now())
		require.NoError(t, err)
		return table(t, status, "ticks").LeftOver
	}
	require.Equal(t, "ticks_ahead_exclusion", told())
	working, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer working.Release()
	_, err = working.Exec(t.Context(), `select pg_advisory_lock(7306002)`)
	require.NoError(t, err)
	require.Empty(t, told(), "a manager at work needs it")
	_, err = working.Exec(t.Context(), `select pg_advisory_unlock_all()`)
	require.NoError(t, err)
	_, err = manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.Empty(t, told())
}

// locked holds one table exclusively until the test ends.
func locked(t testing.TB, pool *pgxpool.Pool, name string) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	_, err = tx.Exec(t.Context(), `lock table only `+name+` in access exclusive mode`)
	require.NoError(t, err)
}

func TestStatusWaitsForNobody(t *testing.T) {
	for _, name := range []string{"a partition", "the default partition", "the parent", "the version table"} {
		t.Run(name, func(t *testing.T) {
			pool := opened(t, `create table goose_db_version (version_id bigint, is_applied boolean)`)
			manager := managing(pool)
			_, err := manager.Ensure(t.Context(), time.Now())
			require.NoError(t, err)
			locked(t, pool, map[string]string{
				"a partition": tick(today()), "the default partition": "ticks_default",
				"the parent": "ticks", "the version table": "goose_db_version",
			}[name])
			// Whoever waited for the lock would wait until the test ends.
			status, err := manager.Status(t.Context(), time.Now())
			require.NoError(t, err)
			require.Len(t, table(t, status, "ticks").Partitions, 5)
			require.Len(t, status.Tables, 2)
		})
	}
}

// thousand makes a table with a thousand partitions.
func thousand(b *testing.B) *pgxpool.Pool {
	b.Helper()
	pool := opened(b)
	execute(b, pool, `do $$ begin for n in 0..999 loop execute format(
		'create table %I partition of ticks for values from (%L) to (%L)', to_char(now() at time zone 'UTC' - (n + 1) * interval '1 day', '"ticks_p"YYYYMMDD'),
		(now() at time zone 'UTC')::date - n - 1 || ' 00:00+00', (now() at time zone 'UTC')::date - n || ' 00:00+00');
		if n % 100 = 99 then commit; end if; end loop; end $$`)
	return pool
}

func BenchmarkStatusOfAThousandPartitionsWithOneLocked(b *testing.B) {
	pool := thousand(b)
	locked(b, pool, tick(today().AddDate(0, 0, -500)))
	manager := managing(pool)
	for b.Loop() {
		status, err := manager.Status(b.Context(), time.Now())
		require.NoError(b, err)
		require.Len(b, table(b, status, "ticks").Partitions, 1000)
	}
}

func BenchmarkEnsureWithAThousandPartitions(b *testing.B) {
	pool := thousand(b)
	manager := managing(pool)
	for n := 0; b.Loop(); n++ {
		report, err := manager.Ensure(b.Context(), time.Now())
		require.NoError(b, err)
		require.Len(b, report.Created, 10)
		b.StopTimer()
		execute(b, pool, fmt.Sprintf(`drop table %s`, joined(report.Created)))
		b.StartTimer()
	}
}

func BenchmarkEnsureMakesAThousandPartitions(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		pool := opened(b, `drop table bars`)
		b.StartTimer()
		report, err := partition.New(partition.Config{Pool: pool, Ahead: 999}).Ensure(b.Context(), time.Now())
		require.NoError(b, err)
		require.Len(b, report.Created, 1000)
	}
}

func BenchmarkRepairMovesAHundredThousandRows(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		pool := opened(b)
		ticksOn(b, pool, at("2026-01-01T00:00:00Z"), 100_000)
		_, err := managing(pool).Ensure(b.Context(), time.Now())
		require.NoError(b, err)
		b.StartTimer()
		report, err := managing(pool).Repair(b.Context(), time.Now())
		require.NoError(b, err)
		require.EqualValues(b, 100_000, report.Moved)
	}
}

func joined(names []string) string {
	all := names[0]
	for _, name := range names[1:] {
		all += ", " + name
	}
	return all
}
