package partition_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

func TestRepairBringsScatteredRowsHome(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	far := []string{"1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2000-02-29T12:00:00Z", "2025-01-01T00:00:00Z"}
	for _, day := range far {
		ticksOn(t, pool, at(day).Truncate(24*time.Hour), 100)
	}
	ticksOn(t, pool, today(), 100)
	execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id) values (1, 1, '-infinity', 1, 1), (1, 1, '0044-03-15 BC', 1, 1)`)
	execute(t, pool, `insert into bars select 1, d, 1, 1, 1, 1, 1 from unnest(array['2019-10-19', '2021-10-29', '2020-02-29']::date[]) d`)
	report, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 503, report.Moved)
	require.Equal(t, 2, one[int](t, pool, `select count(*) from ticks_default`), "no calendar has these days")
	require.Equal(t, 0, one[int](t, pool, `select count(*) from bars_default`))
	require.Equal(t, 502, one[int](t, pool, `select count(*) from ticks`))
	require.Equal(t, 3, one[int](t, pool, `select count(*) from bars`))
	requireWhole(t, pool, "ticks_p20000229")

	again, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.LessOrEqual(t, len(again.Created), 400+100, "gaps are filled, but not those of a far past")
	third, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.True(t, third.Idle(), third)
}

func TestRepairIsBounded(t *testing.T) {
	pool := opened(t)
	execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id)
		select 1, 1, '1990-01-01 00:00+00'::timestamptz + n * interval '2 days', n, 1 from generate_series(1, 70) n`)
	manager := managing(pool)
	first, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 50, first.Moved)
	require.Contains(t, first.Skipped, "ticks_default holds rows of more days than one run repairs")
	second, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 20, second.Moved)
	require.Empty(t, second.Skipped)
}

func TestCoverMakesThePartitionBeforeTheRow(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	day := at("2024-02-29T12:00:00Z")
	require.NoError(t, manager.Cover(t.Context(), "ticks", day, day, day.Add(time.Hour)))
	require.NoError(t, manager.Cover(t.Context(), "bars", day))
	require.Equal(t, 2, one[int](t, pool, `select count(*) from partition_events where action = 'created'`))
	require.NotNil(t, one[*string](t, pool, `select to_regclass('ticks_p20240229')::text`))
	require.NotNil(t, one[*string](t, pool, `select to_regclass('bars_p2024')::text`))
	require.ErrorContains(t, manager.Cover(t.Context(), "cheese", day), `table "cheese": only ticks and bars`)
	pool.Close()
	require.NoError(t, manager.Cover(t.Context(), "ticks", day), "what is known needs no database")
}

func TestOneProcessCoversNoMoreThanFourHundredDays(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	var scattered []time.Time
	for n := range 410 {
		scattered = append(scattered, at("1980-01-01T00:00:00Z").AddDate(0, 0, 9*n))
	}
	err := manager.Cover(t.Context(), "ticks", scattered...)
	require.ErrorContains(t, err, "this process has made 400 partitions")
	require.Equal(t, 400, one[int](t, pool, `select count(*) from partition_events`))
	require.NoError(t, manager.Cover(t.Context(), "ticks", scattered...), "and it does not try again at once")
}

func TestTwoPartitionManagersShareTheWork(t *testing.T) {
	pool := opened(t)
	failures := make(chan error, 8)
	for n := range 8 {
		manager := managing(pool)
		go func() {
			var problem error
			for d := range 12 {
				if err := manager.Cover(t.Context(), "ticks", at("2024-01-01T00:00:00Z").AddDate(0, 0, (d+n)%12)); err != nil {
					problem = fmt.Errorf("manager %d: %w", n, err)
				}
			}
			failures <- problem
		}()
	}
	for range 8 {
		require.NoError(t, <-failures)
	}
	require.Equal(t, 12, one[int](t, pool, `select count(*) from partition_events where action = 'created'`))
}

func TestRunRepairsAtEveryTick(t *testing.T) {
	pool := opened(t)
	tick := make(chan time.Time)
	clock := make(chan time.Time, 1)
	manager := partition.New(partition.Config{Pool: pool, Tick: tick, Now: func() time.Time { return <-clock }})
	ended := make(chan error, 1)
	clock <- at("2026-05-01T12:00:00Z")
	ctx, stop := contextOf(t)
	go func() { ended <- manager.Run(ctx) }()
	tick <- time.Time{} // taken when the first round is over
	require.Equal(t, 5, one[int](t, pool, `select count(*) from partition_events where parent = 'ticks'`))
	clock <- at("2026-05-02T00:00:00Z")
	tick <- time.Time{}
	require.Equal(t, 6, one[int](t, pool, `select count(*) from partition_events where parent = 'ticks'`))
	stop()
	clock <- at("2026-05-03T00:00:00Z")
	require.NoError(t, <-ended)
}
