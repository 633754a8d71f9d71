package partition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

func days(n int) partition.Retention {
	return partition.Retention{Keep: partition.Keep{Ticks: partition.Period{Days: n}}}
}

func TestRetainKeepsWhatItDetachesAndDropsOnlyWhenTold(t *testing.T) {
	pool := opened(t, `create table ticks_history partition of ticks for values from (minvalue) to ('2020-01-01 00:00+00')`)
	manager := managing(pool)
	for n := range 5 {
		day := today().AddDate(0, 0, -n)
		require.NoError(t, manager.Cover(t.Context(), "ticks", day))
		ticksOn(t, pool, day, 10)
	}
	ticksOn(t, pool, at("2019-05-05T00:00:00Z"), 10)
	report, err := manager.Retain(t.Context(), time.Now(), days(2))
	require.NoError(t, err)
	old, older := today().AddDate(0, 0, -3).Format("20060102"), today().AddDate(0, 0, -4).Format("20060102")
	require.Equal(t, []string{"ticks_kept_history_20200101", "ticks_kept_" + older, "ticks_kept_" + old}, report.Detached)
	require.Empty(t, report.Dropped)
	require.Equal(t, 30, one[int](t, pool, `select count(*) from ticks`), "today and two days before")
	require.Equal(t, 10, one[int](t, pool, `select count(*) from ticks_kept_`+old))
	require.Equal(t, "ticks_kept_"+old+"_pkey", one[string](t, pool,
		`select conname from pg_constraint where contype = 'p' and conrelid = 'ticks_kept_`+old+`'::regclass`))
	require.Equal(t, 1, one[int](t, pool, `select count(*) from pg_constraint where contype = 'f'
		and confdeltype = 'r' and conrelid = 'ticks_kept_`+old+`'::regclass`), "what is kept still holds its instruments")

	again, err := manager.Retain(t.Context(), time.Now(), days(2))
	require.NoError(t, err)
	require.True(t, again.Idle(), again)
	// A late row makes a partition of the same day again.
	require.NoError(t, partition.New(partition.Config{Pool: pool}).Cover(t.Context(), "ticks", today().AddDate(0, 0, -3)))
	requireWhole(t, pool, "ticks_p"+old)
	second, err := manager.Retain(t.Context(), time.Now(), days(2))
	require.NoError(t, err)
	require.Equal(t, []string{"ticks_kept_" + old + "_2"}, second.Detached)

	execute(t, pool, `create table ticks_kept_mine (); create table bars_kept_2000 ()`)
	dropping := days(2)
	dropping.Drop = true
	dropped, err := manager.Retain(t.Context(), time.Now(), dropping)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"ticks_kept_history_20200101", "ticks_kept_" + older, "ticks_kept_" + old, "ticks_kept_" + old + "_2",
	}, dropped.Dropped, "what is not ours, or kept for ever, stays")
	require.Equal(t, 30, one[int](t, pool, `select count(*) from ticks`))
}

func TestRowsThatComeLaterThanTheyAreKeptStayVisible(t *testing.T) {
	pool := opened(t)
	manager := partition.New(partition.Config{Pool: pool, Keep: days(2).Keep})
	_, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	// The last day that is kept, one that is kept no longer, and a far one.
	const batch = `insert into ticks (price, volume, at, trade, instrument_id)
		select 10, 1, $1::timestamptz - d * interval '1 day', 1, 1 from unnest(array[2, 3, 300]) d on conflict do nothing`
	late := []time.Time{today().AddDate(0, 0, -2), today().AddDate(0, 0, -3), today().AddDate(0, 0, -300)}
	for range 3 {
		require.NoError(t, manager.Cover(t.Context(), "ticks", late...))
		execute(t, pool, batch, today())
		report, err := manager.Repair(t.Context(), time.Now())
		require.NoError(t, err)
		require.Empty(t, report.Skipped)
		retained, err := manager.Retain(t.Context(), time.Now(), days(2))
		require.NoError(t, err)
		require.True(t, retained.Idle(), retained)
		require.Equal(t, 3, one[int](t, pool, `select count(*) from ticks`), "a batch repeated is not stored again")
	}
	require.Equal(t, 2, one[int](t, pool, `select count(*) from ticks_default`))
	require.Equal(t, 1, one[int](t, pool, `select count(*) from `+tick(today().AddDate(0, 0, -2))))
}

func TestAClockThatRunsAheadCostsNoHistory(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	_, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	both := days(2)
	both.Keep.Bars = partition.Period{Years: 1}
	report, err := manager.Retain(t.Context(), time.Now().AddDate(0, 1, 0), both)
	require.NoError(t, err)
	require.Empty(t, report.Detached)
	require.Equal(t, 1, strings.Count(report.Skipped, "lies more than a day after the server's clock"), report.Skipped)
}

func TestAnInterruptedDetachIsEnded(t *testing.T) {
	pool := opened(t, `drop table ticks_default`)
	manager := managing(pool)
	require.NoError(t, manager.Cover(t.Context(), "ticks", today().AddDate(0, 0, -9)))
	old := tick(today().AddDate(0, 0, -9))
	ticksOn(t, pool, today().AddDate(0, 0, -9), 10)

	reading, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = reading.Exec(t.Context(), `select count(*) from ticks`)
	require.NoError(t, err)
	detached := make(chan error, 1)
	go func() {
		_, err := pool.Exec(t.Context(), `alter table ticks detach partition `+old+` concurrently`)
		detached <- err
	}()
	require.Eventually(t, func() bool {
		return one[bool](t, pool, `select exists (select from pg_inherits where inhdetachpending)`)
	}, time.Minute, time.Millisecond)
	execute(t, pool, `select pg_terminate_backend(pid, 5000) from pg_stat_activity where query like 'alter table ticks detach%'`)
	require.Error(t, <-detached, "the reader was in the way")
	require.NoError(t, reading.Rollback(t.Context()))
	execute(t, pool, `create table ticks_default partition of ticks default`)

	status, err := manager.Status(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{old}, table(t, status, "ticks").DetachPending)
	require.False(t, table(t, status, "ticks").Partitions[0].Attached)
	report, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{"ticks_kept_" + old[len("ticks_p"):]}, report.Finalized)
	require.Equal(t, 10, one[int](t, pool, `select count(*) from ticks_kept_`+old[len("ticks_p"):]))
}

func TestPeriods(t *testing.T) {
	tests := map[string]struct {
		text string
		want partition.Period
		bad  string
	}{
		"for ever":    {text: ""},
		"days":        {text: "90d", want: partition.Period{Days: 90}},
		"months":      {text: "18m", want: partition.Period{Months: 18}},
		"years":       {text: "10y", want: partition.Period{Years: 10}},
		"no unit":     {text: "90", bad: `period "90": want a number with d, m or y`},
		"not a time":  {text: "soon", bad: "want a number"},
		"nothing":     {text: "0d", bad: "must be at least 1"},
		"in the past": {text: "-3d", bad: "want a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			period, err := partition.ParsePeriod(test.text)
			if test.bad != "" {
				require.ErrorContains(t, err, test.bad)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, period)
		})
	}
}
