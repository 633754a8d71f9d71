package history_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
)

const day = 24 * time.Hour

func TestAQuestionIsAnsweredFromWhatIsKept(t *testing.T) {
	now := time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC)
	for name, test := range map[string]struct{ ago, length, step, wantStep, wantSource time.Duration }{
		"ten minutes, by the second":             {10 * time.Minute, 10 * time.Minute, 0, time.Second, time.Second},
		"the last hour":                          {time.Hour, time.Hour, 0, 10 * time.Second, time.Second},
		"two hours":                              {2 * time.Hour, 2 * time.Hour, 0, 15 * time.Second, time.Second},
		"a minute of yesterday":                  {day, time.Minute, 0, time.Minute, time.Minute},
		"a day":                                  {day, day, 0, 5 * time.Minute, time.Minute},
		"two weeks":                              {14 * day, 14 * day, 0, time.Hour, time.Hour},
		"an hour of last month":                  {40 * day, time.Hour, 0, time.Hour, time.Hour},
		"a year":                                 {365 * day, 365 * day, 0, 24 * time.Hour, time.Hour},
		"ever":                                   {5000 * day, 5000 * day, 0, 48 * time.Hour, time.Hour},
		"an odd step":                            {time.Hour, time.Hour, 7 * time.Second, 7 * time.Second, time.Second},
		"a coarse step of today is of seconds":   {2 * time.Hour, 2 * time.Hour, time.Hour, time.Hour, time.Second},
		"a coarse step of days is of minutes":    {3 * day, 3 * day, time.Hour, time.Hour, time.Minute},
		"a coarse step of two weeks is of hours": {14 * day, 14 * day, 24 * time.Hour, 24 * time.Hour, time.Hour},
		"unless it must be of minutes":           {14 * day, 14 * day, 90 * time.Minute, 90 * time.Minute, time.Minute},
		"a step longer than everything":          {time.Hour, time.Hour, 100000 * time.Hour, 100000 * time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			q := history.Question{Measures: []string{"pool.max"}, From: now.Add(-test.ago), To: now.Add(test.length - test.ago), Step: test.step}
			from, to, step, source, err := q.Planned(now)
			require.NoError(t, err)
			require.Equal(t, test.wantStep, step)
			require.Equal(t, test.wantSource, source)
			require.Zero(t, from.Unix()%int64(step/time.Second))
			require.Zero(t, to.Unix()%int64(step/time.Second))
			require.LessOrEqual(t, int64(to.Sub(from)/step), int64(history.MaxPoints+2))
		})
	}
}

func TestAStepThatIsOfferedIsTaken(t *testing.T) {
	now := time.Date(2026, 1, 5, 14, 30, 7, 0, time.UTC)
	for _, ago := range []time.Duration{time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, day, 14 * day, 15 * day, 400 * day, 9000 * day} {
		q := history.Question{Measures: []string{"pool.max"}, From: now.Add(-ago), Step: time.Second}
		_, _, _, _, err := q.Planned(now)
		if err == nil {
			continue
		}
		var wrong *history.Invalid
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, "step", wrong.Field)
		require.Regexp(t, `; (\d+[smh]) would do$`, wrong.Problem)
		offered := wrong.Problem[:len(wrong.Problem)-len(" would do")]
		for i := len(offered) - 1; offered[i] != ' '; i-- {
			q.Step, err = time.ParseDuration(offered[i:])
		}
		require.NoError(t, err)
		_, _, _, _, err = q.Planned(now)
		require.NoError(t, err, "%s ago", ago)
		require.Greater(t, q.Step, time.Second)
	}
}

func TestTheSameIsAnsweredFromEveryTableInOnePartOrMany(t *testing.T) {
	a := newArchive(t)
	end := ago(0)
	a.exec(`insert into monitoring.history_hours select $1::timestamptz - n * interval '1 hour',
		jsonb_build_object('pool.max', jsonb_build_array(n, n + 1, n + 2, 3600), 'locks.waiting', jsonb_build_array(0, 0, 0, 1))
		from generate_series(1, 20000) n where n % 1000 <> 0`, end)
	k := keep(t, a.dsn)
	ask := func(step time.Duration) history.Answer {
		answer, err := k.Ask(t.Context(), history.Question{
			Measures: []string{"locks.waiting", "pool.wait_ms", "pool.max"}, From: end.Add(-20000 * time.Hour), To: end, Step: step,
		})
		require.NoError(t, err)
		require.Empty(t, answer.Points[1])
		require.Len(t, answer.Points[0], len(answer.Points[2]))
		require.Equal(t, time.Hour, answer.Resolution)
		require.Equal(t, end.Add(-19999*time.Hour), *answer.Oldest)
		return answer
	}
	answer := ask(10 * time.Hour)
	require.InDelta(t, 2000, len(answer.Points[2]), 1)
	count, last := int64(0), time.Time{}
	for _, p := range answer.Points[2] {
		require.True(t, p.At.After(last), "in order, each once")
		last, count = p.At, count+p.Count
		require.True(t, p.Least < p.Mean && p.Mean < p.Greatest)
	}
	require.EqualValues(t, (20000-20)*3600, count)
	whole := ask(1000000 * time.Hour)
	require.Equal(t, []history.Point{{At: time.Unix(0, 0).UTC(), Least: 1, Mean: whole.Points[2][0].Mean, Greatest: 20001, Count: count}}, whole.Points[2])
	require.InEpsilon(t, (200010000.0-210000)/19980+1, whole.Points[2][0].Mean, 1e-12)
}

func TestMeansOfMinutesAreWeighedByTheirSeconds(t *testing.T) {
	a := newArchive(t)
	end := ago(3)
	a.exec(`insert into monitoring.history_minutes values ($1, '{"pool.max":[1,2,3,60]}'), ($1 + interval '1 minute', '{"pool.max":[0,8,9,20]}')`, end)
	answer, err := keep(t, a.dsn).Ask(t.Context(), history.Question{Measures: []string{"pool.max"}, From: end, To: end.Add(time.Minute + 1), Step: 2 * time.Minute})
	require.NoError(t, err)
	require.Equal(t, [][]history.Point{{{At: end, Least: 0, Mean: 3.5, Greatest: 9, Count: 80}}}, answer.Points)
}

func TestManyWhoAskDoNotKeepTheHistoryFromBeingWritten(t *testing.T) {
	a := newArchive(t)
	k := keep(t, a.dsn)
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan error, 20)
	for range 20 {
		go func() {
			var err error
			for err == nil && ctx.Err() == nil {
				_, err = k.Ask(ctx, history.Question{Measures: []string{"pool.max"}})
			}
			asked <- err
		}()
	}
	now := ago(0)
	for s := range 30 {
		k.writes(now.Add(time.Duration(s)*time.Second), busy(1))
	}
	require.Equal(t, 30, a.count("select count(*) from monitoring.history_seconds"))
	stop()
	for range 20 {
		<-asked
	}
}
