package partition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

func TestEnsureMakesTodayAndFourDaysAhead(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	now := time.Now()
	report, err := manager.Ensure(t.Context(), now)
	require.NoError(t, err)
	require.Len(t, report.Created, 10, "five days of ticks, five years of bars")
	for n := range 5 {
		require.Contains(t, report.Created, tick(today().AddDate(0, 0, n)))
		requireWhole(t, pool, tick(today().AddDate(0, 0, n)))
	}
	require.Contains(t, report.Created, now.UTC().Format("bars_p2006"))
	requireWhole(t, pool, now.UTC().Format("bars_p2006"))
	require.Equal(t, 10, one[int](t, pool, `select count(*) from partition_events where action = 'created'`))

	again, err := manager.Ensure(t.Context(), now)
	require.NoError(t, err)
	require.True(t, again.Idle(), again)
}

func TestTheCalendar(t *testing.T) {
	tests := map[string]struct {
		now   string
		ticks []string
		bars  string
	}{
		"the end of a month": {"2026-04-29T23:59:59Z", []string{"0429", "0430", "0501", "0502", "0503"}, "bars_p2026"},
		"the end of a year":  {"2026-12-30T12:00:00Z", []string{"1230", "1231", "0101", "0102", "0103"}, "bars_p2030"},
		"a leap day":         {"2028-02-27T00:00:00Z", []string{"0227", "0228", "0229", "0301", "0302"}, "bars_p2032"},
		"a February without": {"2027-02-27T00:00:00Z", []string{"0227", "0228", "0301", "0302", "0303"}, "bars_p2031"},
		"another time zone":  {"2027-01-01T00:30:00+02:00", []string{"1231", "0101", "0102", "0103", "0104"}, "bars_p2026"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pool := opened(t)
			report, err := managing(pool).Ensure(t.Context(), at(test.now))
			require.NoError(t, err)
			var days []string
			for _, created := range report.Created[:5] {
				days = append(days, created[len("ticks_p2006"):])
			}
			require.ElementsMatch(t, test.ticks, days)
			require.Contains(t, report.Created, test.bars)
			status, err := managing(pool).Status(t.Context(), at(test.now))
			require.NoError(t, err)
			require.Empty(t, table(t, status, "ticks").Gaps)
			require.Empty(t, table(t, status, "bars").Gaps)
		})
	}
}

func TestGapsAndClocksThatJump(t *testing.T) {
	pool := opened(t)
	manager := managing(pool)
	_, err := manager.Ensure(t.Context(), at("2026-03-01T12:00:00Z"))
	require.NoError(t, err)

	forward, err := manager.Ensure(t.Context(), at("2026-04-01T12:00:00Z"))
	require.NoError(t, err)
	require.Len(t, forward.Created, 31, "what lies between is filled")
	back, err := manager.Ensure(t.Context(), at("2026-03-05T12:00:00Z"))
	require.NoError(t, err)
	require.True(t, back.Idle(), back)
	earlier, err := manager.Ensure(t.Context(), at("2026-02-27T12:00:00Z"))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"ticks_p20260227", "ticks_p20260228"}, earlier.Created)

	execute(t, pool, `drop table ticks_p20260315, ticks_p20260316`)
	status, err := manager.Status(t.Context(), at("2026-04-01T12:00:00Z"))
	require.NoError(t, err)
	require.Equal(t, []partition.Gap{{From: at("2026-03-15T00:00:00Z"), To: at("2026-03-17T00:00:00Z")}}, table(t, status, "ticks").Gaps)
	filled, err := manager.Ensure(t.Context(), at("2026-04-01T12:00:00Z"))
	require.NoError(t, err)
	require.Equal(t, []string{"ticks_p20260315", "ticks_p20260316"}, filled.Created)
}

func TestBoundsCountAndNotNames(t *testing.T) {
	pool := opened(t, `
		create table ticks_history partition of ticks for values from (minvalue) to ('2026-03-03 00:00+00');
		create table ticks_p20260304 partition of ticks for values from ('2026-03-04 00:00+00') to ('2026-03-04 12:00+00');
		create table whatever partition of ticks for values from ('2026-03-05 00:00+00') to ('2026-03-07 00:00+00')`)
	manager := managing(pool)
	report, err := manager.Ensure(t.Context(), at("2026-03-03T12:00:00Z"))
	require.NoError(t, err)
	require.Contains(t, report.Created, "ticks_p20260303")
	require.Contains(t, report.Created, "ticks_p20260304_2", "the other half of the day")
	require.Contains(t, report.Created, "ticks_p20260307")
	require.NotContains(t, report.Created, "ticks_p20260305")
	status, err := manager.Status(t.Context(), at("2026-03-03T12:00:00Z"))
	require.NoError(t, err)
	ticks := table(t, status, "ticks")
	require.Empty(t, ticks.Gaps)
	require.Nil(t, ticks.Partitions[0].From, "from MINVALUE")
	require.InDelta(t, 4*24+12, ticks.LookAheadHours, 0.001)
}

func TestRowsOfTheRangeInTheDefaultPartitionAreMoved(t *testing.T) {
	pool := opened(t)
	ticksOn(t, pool, today(), 5000)
	report, err := managing(pool).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 5000, report.Moved)
	require.Equal(t, 5000, one[int](t, pool, `select count(*) from only `+tick(today())))
	require.Equal(t, 0, one[int](t, pool, `select count(*) from ticks_default`))
	requireWhole(t, pool, tick(today()))
	require.Equal(t, "5000 rows out of ticks_default", one[string](t, pool, `select detail from partition_events where action = 'moved'`))
}

func TestALargeDefaultPartitionIsNotScannedUnderAnExclusiveLock(t *testing.T) {
	pool := opened(t)
	ticksOn(t, pool, today().AddDate(-3, 0, 0), 200_000)
	manager := managing(pool)
	report, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.Len(t, report.Created, 10)
	requireWhole(t, pool, "ticks_default")

	execute(t, pool, `drop table `+tick(today().AddDate(0, 0, 4)))
	execute(t, pool, `alter table ticks_default add constraint ticks_ahead_exclusion check (at < '2027-01-01') not valid`)
	_, err = manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	requireWhole(t, pool, "ticks_default")
}

func TestALeftoverTableIsAdopted(t *testing.T) {
	day := today()
	pool := opened(t, `create table `+tick(day)+` (like ticks); create table ticks_p19990101 (like ticks)`)
	execute(t, pool, `insert into `+tick(day)+` (price, volume, at, trade, instrument_id) values (7, 1, $1, 1, 1), (1, 1, $1, 2, 1)`, day)
	execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id) values (7, 1, $1, 1, 1), (7, 1, $1, 3, 1)`, day)
	report, err := managing(pool).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{tick(day)}, report.Adopted)
	requireWhole(t, pool, tick(day))
	require.Equal(t, "7,1,7", one[string](t, pool, `select string_agg(price::text, ',' order by trade) from ticks`),
		"of rows that are equal one stays, and every other row")
}

func TestALeftoverTableWithOtherValuesIsNotAdopted(t *testing.T) {
	day := today()
	pool := opened(t, `create table `+tick(day)+` (like ticks)`)
	execute(t, pool, `insert into `+tick(day)+` (price, volume, at, trade, instrument_id)
		values (1, 1, $1, 1, 1), (1, 1, $1, 2, 1), (7, 2, $1, 3, 1), (7, 1, $1, 4, 1)`, day)
	execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id)
		values (7, 1, $1, 1, 1), (7, 1, $1, 3, 1), (7, 1, $1, 4, 1)`, day)
	manager := managing(pool)
	want := "table " + tick(day) + " is not adopted: 2 of its rows have other values than rows of ticks_default under the same key; " +
		"rename the table, or delete the rows that are wrong"
	for range 2 {
		report, err := manager.Repair(t.Context(), time.Now())
		require.NoError(t, err)
		require.Equal(t, want, report.Skipped)
		require.Empty(t, report.Adopted)
	}
	require.Equal(t, 9, one[int](t, pool, `select count(*) from partition_events where action = 'created'`), "the others are made")
	require.Equal(t, 1, one[int](t, pool, `select count(*) from partition_events where action = 'skipped'`), "it is said once")
	require.Equal(t, 4, one[int](t, pool, `select count(*) from `+tick(day)), "nothing is lost")
	require.Equal(t, 3, one[int](t, pool, `select count(*) from ticks`))
	require.ErrorContains(t, manager.Cover(t.Context(), "ticks", day), want)
	status, err := manager.Status(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{want}, table(t, status, "ticks").Waiting)

	execute(t, pool, `delete from `+tick(day)+` where trade in (1, 3)`)
	report, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{tick(day)}, report.Adopted)
	require.Equal(t, 4, one[int](t, pool, `select count(*) from ticks`))
	status, err = manager.Status(t.Context(), time.Now())
	require.NoError(t, err)
	require.Empty(t, table(t, status, "ticks").Waiting)
}

func TestATableInTheWayStopsOnlyItself(t *testing.T) {
	pool := opened(t, `create table `+tick(today())+` (something text)`)
	report, err := managing(pool).Ensure(t.Context(), time.Now())
	require.ErrorContains(t, err, tick(today())+", which has the name of a partition and is none: rename or drop it")
	require.Len(t, report.Created, 9)
}

func TestASchemaWithoutPartitionsIsLeftAlone(t *testing.T) {
	pool := opened(t, `drop table ticks, bars; create table ticks (at timestamptz); create table bars (day date)`)
	manager := managing(pool)
	report, err := manager.Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, partition.Unpartitioned, report.Skipped)
	require.NoError(t, manager.Cover(t.Context(), "ticks", time.Now()))
	status, err := manager.Status(t.Context(), time.Now())
	require.NoError(t, err)
	require.Empty(t, status.Tables)
}

func TestOnlyOneWorksAtATime(t *testing.T) {
	tests := map[string]struct {
		key  int
		want string
	}{
		"a migration":     {7_306_001, "a migration is under way"},
		"another manager": {7_306_002, "another partition manager is at work"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pool := opened(t)
			conn, err := pool.Acquire(t.Context())
			require.NoError(t, err)
			defer conn.Release()
			_, err = conn.Exec(t.Context(), `select pg_advisory_lock($1)`, test.key)
			require.NoError(t, err)
			report, err := managing(pool).Ensure(t.Context(), time.Now())
			require.NoError(t, err)
			require.Equal(t, test.want, report.Skipped)
			require.Empty(t, report.Created)
			require.ErrorContains(t, managing(pool).Cover(t.Context(), "ticks", time.Now()), test.want)
			_, err = conn.Exec(t.Context(), `select pg_advisory_unlock_all()`)
			require.NoError(t, err)
			report, err = managing(pool).Ensure(t.Context(), time.Now())
			require.NoError(t, err)
			require.Len(t, report.Created, 10)
		})
	}
}
