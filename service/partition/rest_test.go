package partition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

// rounds runs a manager and returns what has it do one more round at a time.
func rounds(t *testing.T, config partition.Config) (round func(now time.Time)) {
	t.Helper()
	tick, clock := make(chan time.Time), make(chan time.Time)
	config.Tick, config.Now = tick, func() time.Time { return <-clock }
	ctx, stop := contextOf(t)
	ended := make(chan error, 1)
	go func() { ended <- partition.New(config).Run(ctx) }()
	t.Cleanup(func() {
		clock <- today() // a round waits for it
		stop()
		require.NoError(t, <-ended)
	})
	return func(now time.Time) {
		clock <- now
		tick <- now // taken when the round is over
	}
}

func TestADayTooLargeIsLeftToPeople(t *testing.T) {
	pool := opened(t)
	large, small := today().AddDate(0, 0, -9), today().AddDate(0, 0, -8)
	ticksOn(t, pool, large, 101)
	ticksOn(t, pool, small, 100)
	round := rounds(t, partition.Config{Pool: pool, MostMoved: 100})
	round(time.Now())
	round(time.Now())
	require.Equal(t, 100, one[int](t, pool, `select count(*) from only `+tick(small)))
	require.Equal(t, 101, one[int](t, pool, `select count(*) from ticks_default`))
	want := "more than 100 rows of " + large.Format(time.DateOnly) + " in ticks_default: " +
		"run `marketd partitions repair` when it is quiet; writers of the table wait meanwhile"
	require.Equal(t, want, one[string](t, pool, `select detail from partition_events where action = 'skipped'`), "it is said once")
	manager := partition.New(partition.Config{Pool: pool, MostMoved: 100})
	require.ErrorContains(t, manager.Cover(t.Context(), "ticks", large), want)
	status, err := manager.Status(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{want}, table(t, status, "ticks").Waiting)

	report, err := manager.Repair(t.Context(), time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 101, report.Moved)
}

func TestADayThatTookTooLongIsLeftAloneForAnHour(t *testing.T) {
	pool := opened(t)
	day := today().AddDate(0, 0, -9)
	ticksOn(t, pool, day, 10)
	execute(t, pool, `create sequence tried;
		create function slow() returns trigger language plpgsql as $$ begin
			if pg_trigger_depth() = 1 then perform nextval('tried'), pg_sleep(2); end if; return old; end $$;
		create trigger slow before delete on ticks_default for each row execute function slow()`)
	round := rounds(t, partition.Config{Pool: pool, Patience: 500 * time.Millisecond})
	now := time.Now()
	round(now)
	round(now.Add(59 * time.Minute))
	require.Equal(t, 1, one[int](t, pool, `select last_value from tried`))
	require.Contains(t, one[string](t, pool, `select detail from partition_events where action = 'skipped'`),
		"took longer to move than they may: run `marketd partitions repair`")
	round(now.Add(61 * time.Minute))
	require.Equal(t, 2, one[int](t, pool, `select last_value from tried`))
	execute(t, pool, `drop trigger slow on ticks_default`)
	round(now.Add(122 * time.Minute))
	require.Equal(t, 0, one[int](t, pool, `select count(*) from ticks_default`))
}
