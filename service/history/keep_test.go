package history_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

func busy(share float64) func(*monitor.Snapshot) {
	return func(s *monitor.Snapshot) { s.Pool.Utilisation = share }
}

// rolled reads what was rolled up of one measure, by the time.
func (a *archive) rolled(table, measure string) map[time.Time]history.Point {
	a.t.Helper()
	rows, err := a.Query(a.t.Context(), "select at, figures -> $1 from monitoring."+table+" where figures ? $1", measure)
	require.NoError(a.t, err)
	defer rows.Close()
	all := map[time.Time]history.Point{}
	for rows.Next() {
		var at time.Time
		var text []byte
		require.NoError(a.t, rows.Scan(&at, &text))
		var values [4]float64
		require.NoError(a.t, json.Unmarshal(text, &values))
		all[at.UTC()] = history.Point{At: at.UTC(), Least: values[0], Mean: values[1], Greatest: values[2], Count: int64(values[3])}
	}
	require.NoError(a.t, rows.Err())
	return all
}

// pooled rolls values up in Go.
func pooled(values map[time.Time]float64, step time.Duration) map[time.Time]history.Point {
	sums := map[time.Time]*big{}
	all := map[time.Time]history.Point{}
	for at, v := range values {
		bin := at.Truncate(step)
		p, there := all[bin]
		if !there {
			p, sums[bin] = history.Point{At: bin, Least: v, Greatest: v}, &big{}
		}
		p.Least, p.Greatest, p.Count = min(p.Least, v), max(p.Greatest, v), p.Count+1
		sums[bin].add(v)
		all[bin] = p
	}
	for bin, p := range all {
		p.Mean = sums[bin].sum() / float64(p.Count)
		all[bin] = p
	}
	return all
}

// big sums without losing the small beside the large (Neumaier 1974).
type big struct{ total, lost float64 }

func (b *big) add(v float64) {
	total := b.total + v
	if math.Abs(b.total) >= math.Abs(v) {
		b.lost += (b.total - total) + v
	} else {
		b.lost += (v - total) + b.total
	}
	b.total = total
}

func (b *big) sum() float64 { return b.total + b.lost }

func requirePoints(t *testing.T, want, got map[time.Time]history.Point) {
	t.Helper()
	require.Len(t, got, len(want))
	for at, p := range want {
		require.InEpsilon(t, 1+math.Abs(p.Mean), 1+math.Abs(got[at].Mean), 1e-12, at)
		p.Mean = got[at].Mean
		require.Equal(t, p, got[at])
		require.True(t, p.Least <= p.Mean && p.Mean <= p.Greatest)
	}
}

func TestMinutesAndHoursAreExactlyWhatTheSecondsWere(t *testing.T) {
	a := newArchive(t)
	const seed = 20260105
	chance := rand.New(rand.NewPCG(seed, seed))
	begin := ago(4)
	values, sizes := map[time.Time]float64{}, map[time.Time]float64{}
	at, shares, bytes := []time.Time{}, []float64{}, []*float64{}
	for second := range 2 * 3600 {
		now := begin.Add(time.Duration(second) * time.Second)
		if second/600%3 == 2 || chance.IntN(10) == 0 { // nobody measured
			continue
		}
		values[now] = chance.NormFloat64() * math.Pow(10, float64(chance.IntN(12)))
		at, shares, bytes = append(at, now), append(shares, values[now]), append(bytes, nil)
		if chance.IntN(3) == 0 { // known only now and then
			sizes[now] = float64(chance.Int64N(1 << 50))
			size := sizes[now]
			bytes[len(bytes)-1] = &size
		}
	}
	a.exec(`insert into monitoring.history_seconds
		select at, jsonb_strip_nulls(jsonb_build_object('share', share, 'bytes', bytes))
		from unnest($1::timestamptz[], $2::float8[], $3::float8[]) x(at, share, bytes)`, at, shares, bytes)

	k := keep(t, a.dsn)
	require.Greater(t, k.tidies(begin.Add(3*time.Hour)), 8, "in small steps")
	requirePoints(t, pooled(values, time.Minute), a.rolled("history_minutes", "share"))
	requirePoints(t, pooled(sizes, time.Minute), a.rolled("history_minutes", "bytes"))
	requirePoints(t, pooled(values, time.Hour), a.rolled("history_hours", "share"))
	requirePoints(t, pooled(sizes, time.Hour), a.rolled("history_hours", "bytes"))
	require.Empty(t, k.said.String())
}

func TestAMinuteIsRolledUpOnceWhenItIsOverWhoeverLedInIt(t *testing.T) {
	a := newArchive(t)
	first, second := keep(t, a.dsn), keep(t, a.dsn)
	second.leads = false
	begin := ago(1)
	for s := range 60 {
		if s == 25 { // the first is cut off, and nobody leads for five seconds
			first.leads = false
		}
		if s == 30 {
			second.leads = true
		}
		for _, k := range []*keeper{first, second} {
			k.writes(begin.Add(time.Duration(s)*time.Second+500*time.Millisecond), busy(float64(s)))
		}
	}
	require.Equal(t, 55, a.count("select count(*) from monitoring.history_seconds"))
	second.Work(t.Context(), begin.Add(74*time.Second))
	require.Empty(t, a.rolled("history_minutes", "pool.utilisation"), "a second may still come")
	second.tidies(begin.Add(75 * time.Second))
	want := history.Point{At: begin, Least: 0, Mean: (300 + 1335) / 55.0, Greatest: 59, Count: 55}
	requirePoints(t, map[time.Time]history.Point{begin: want}, a.rolled("history_minutes", "pool.utilisation"))

	// What comes later changes nothing, and neither does another leader.
	second.writes(begin.Add(27*time.Second), busy(1e9))
	first.leads = true
	first.tidies(begin.Add(3 * time.Minute))
	second.tidies(begin.Add(3 * time.Minute))
	requirePoints(t, map[time.Time]history.Point{begin: want}, a.rolled("history_minutes", "pool.utilisation"))
}

func TestASnapshotIsWrittenOnceAndOnlyByWhoLeads(t *testing.T) {
	a := newArchive(t)
	k := keep(t, a.dsn)
	now := ago(0)
	s := measured(now)
	for range 4 {
		k.Take(s, time.Now())
	}
	require.Equal(t, 1, k.Pending())
	s.CheckedAt = now.Add(-20 * time.Second)
	s.Reasons = []string{monitor.NotCollected}
	k.Take(s, time.Now())
	require.Equal(t, 1, k.Pending(), "nobody has looked yet")
	s.CheckedAt, s.Reasons = now.Add(-30*time.Second), []string{monitor.Outdated}
	k.Take(s, time.Now())
	require.Equal(t, 1, k.Pending(), "what is outdated has no figures")
	k.leads = false
	k.Take(measured(now.Add(time.Second)), time.Now())
	k.Work(t.Context(), now)
	require.Zero(t, k.Pending())
	require.Zero(t, a.count("select count(*) from monitoring.history_seconds"))
	k.leads = true
	k.writes(now.Add(2*time.Second), busy(math.NaN()))
	require.Equal(t, 1, a.count("select count(*) from monitoring.history_seconds where not figures ? 'pool.utilisation' and figures ? 'pool.max'"))
}

func TestAClockThatIsPutBackLosesAndDoublesNothingThatWasThere(t *testing.T) {
	a := newArchive(t)
	k := keep(t, a.dsn)
	begin := ago(1)
	for s := range 150 {
		k.writes(begin.Add(time.Duration(s)*time.Second), busy(1))
	}
	require.Len(t, a.rolled("history_minutes", "pool.utilisation"), 2)
	for s := 40; s < 260; s++ { // 110 seconds back
		k.writes(begin.Add(time.Duration(s)*time.Second), busy(2))
	}
	k.tidies(begin.Add(6 * time.Minute))
	require.Equal(t, 260, a.count("select count(*) from monitoring.history_seconds"))
	minutes := a.rolled("history_minutes", "pool.utilisation")
	require.Len(t, minutes, 5)
	for number, want := range []history.Point{{Least: 1, Mean: 1, Greatest: 1, Count: 60}, {Least: 1, Mean: 1, Greatest: 1, Count: 60},
		{Least: 1, Mean: 1.5, Greatest: 2, Count: 60}, {Least: 2, Mean: 2, Greatest: 2, Count: 60}, {Least: 2, Mean: 2, Greatest: 2, Count: 20}} {
		want.At = begin.Add(time.Duration(number) * time.Minute)
		require.Equal(t, want, minutes[want.At])
	}
}

func TestAClockThatRunsAheadOfTheServersDeletesAndEndsNothing(t *testing.T) {
	a := newArchive(t)
	a.exec(`insert into monitoring.history_seconds select date_trunc('minute', now()) + n * interval '1 second', '{"x":1}' from generate_series(0, 59) n`)
	a.exec(`insert into monitoring.history_hours values (now() - interval '1000 days', '{}')`)
	keep(t, a.dsn).tidies(time.Now().AddDate(50, 0, 0))
	require.Equal(t, 60, a.count("select count(*) from monitoring.history_seconds"))
	require.Zero(t, a.count("select count(*) from monitoring.history_minutes"))
	require.Equal(t, 1, a.count("select count(*) from monitoring.history_hours"))
}

func TestWhatWasMissedWhileNobodyLedIsMadeUpForBeforeItIsDeleted(t *testing.T) {
	a := newArchive(t)
	begin := ago(6)
	for n, from := range []time.Time{begin, begin.Add(4 * time.Hour)} {
		a.exec(`insert into monitoring.history_seconds select $1::timestamptz + n * interval '1 second', jsonb_build_object('x', $2::int)
			from generate_series(0, 3599) n`, from, n)
	}
	k := keep(t, a.dsn)
	steps := k.tidies(begin.Add(5*time.Hour + 15*time.Second))
	require.Greater(t, steps, 12)
	require.Len(t, a.rolled("history_minutes", "x"), 120)
	hours := a.rolled("history_hours", "x")
	require.Equal(t, map[time.Time]history.Point{
		begin:                    {At: begin, Count: 3600},
		begin.Add(4 * time.Hour): {At: begin.Add(4 * time.Hour), Least: 1, Mean: 1, Greatest: 1, Count: 3600},
	}, hours)
	require.Equal(t, 3600, a.count("select count(*) from monitoring.history_seconds"), "the older hour is over its time")
}

func TestEverythingIsKeptForItsTimeAndNoLonger(t *testing.T) {
	a := newArchive(t)
	now := time.Now().UTC().Truncate(time.Second)
	for table, keep := range map[string]string{"seconds": "2 hours", "minutes": "14 days", "hours": "1095 days"} {
		a.exec(`insert into monitoring.history_`+table+` select $1::timestamptz - $2::text::interval + n * interval '1 minute', '{}'
			from generate_series(-1500, 10) n`, now, keep)
	}
	a.exec(`insert into monitoring.history_minutes select distinct date_trunc('minute', at), '{}'::jsonb from monitoring.history_seconds on conflict do nothing`)
	a.exec(`insert into monitoring.history_hours select distinct date_trunc('hour', at), '{}'::jsonb from monitoring.history_minutes on conflict do nothing`)
	k := keep(t, a.dsn)
	require.GreaterOrEqual(t, k.tidies(now), 3, "at most 500 rows at a time")
	for table, keep := range map[string]string{"seconds": "2 hours", "minutes": "14 days", "hours": "1095 days"} {
		require.Zero(t, a.count(`select count(*) from monitoring.history_`+table+` where at < $1::timestamptz - $2::text::interval - interval '3 minutes'`, now, keep))
		require.Equal(t, 11, a.count(`select count(*) from monitoring.history_`+table+
			` where at >= $1::timestamptz - $2::text::interval and at <= $1::timestamptz - $2::text::interval + interval '10 minutes' and extract(second from at) = extract(second from $1::timestamptz)`,
			now, keep), table)
	}
}

func TestADatabaseThatIsGonePilesNothingUpAndIsSaidOnce(t *testing.T) {
	k := keep(t, "postgres://nobody@127.0.0.1:1/x?sslmode=disable")
	now := time.Now()
	for s := range 40 {
		k.Take(measured(now.Add(time.Duration(s)*time.Second)), now.Add(time.Duration(s)*time.Second))
		k.Work(t.Context(), now.Add(time.Duration(s)*time.Second))
	}
	require.LessOrEqual(t, k.Pending(), 11)
	require.Positive(t, k.Pending())
	require.Equal(t, 1, countOf(k.said, "the history is not kept"), k.said)
}

func TestWhatCouldNotBeWrittenAtOnceIsWrittenIfThatIsSoon(t *testing.T) {
	a := newArchive(t)
	k := keep(t, a.dsn)
	hold, err := a.Begin(t.Context())
	require.NoError(t, err)
	_, err = hold.Exec(t.Context(), "lock table monitoring.history_seconds")
	require.NoError(t, err)
	now := ago(0)
	for s := range 3 {
		k.writes(now.Add(time.Duration(s)*time.Second), busy(1))
	}
	require.Equal(t, 3, k.Pending())
	require.NoError(t, hold.Rollback(t.Context()))
	k.writes(now.Add(3*time.Second), busy(1))
	require.Equal(t, 4, a.count("select count(*) from monitoring.history_seconds"))
	require.Equal(t, 1, countOf(k.said, "the history is not kept"), k.said)
	require.Equal(t, 1, countOf(k.said, "is kept in the database again"), k.said)
}

func TestWithoutTablesTheLastTwoHoursAreInMemory(t *testing.T) {
	standby := newArchive(t)
	standby.exec(`do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`)
	for name, dsn := range map[string]string{"no database": "", "no tables": testdb.Empty(t), "no writing": standby.dsn} {
		t.Run(name, func(t *testing.T) {
			k := keep(t, dsn)
			end := time.Now().UTC().Truncate(time.Second)
			for s := 3 * 3600; s >= 0; s-- {
				if s%60 != 7 {
					k.writes(end.Add(-time.Duration(s)*time.Second), busy(float64(s%60)))
				}
			}
			answer, err := k.Ask(t.Context(), history.Question{Measures: []string{"pool.utilisation", "pool.wait_ms"}, From: end.Add(-2 * time.Hour), Step: time.Minute})
			require.NoError(t, err)
			require.True(t, answer.Memory)
			require.Equal(t, time.Second, answer.Resolution)
			require.NotNil(t, answer.Oldest)
			require.WithinDuration(t, end.Add(-2*time.Hour-2*time.Minute), *answer.Oldest, 5*time.Minute)
			require.Empty(t, answer.Points[1])
			require.InDelta(t, 121, len(answer.Points[0]), 1)
			require.Equal(t, history.Point{At: answer.Points[0][60].At, Least: 0, Mean: answer.Points[0][60].Mean, Greatest: 59, Count: 59}, answer.Points[0][60])
			require.InEpsilon(t, (1770.0-7)/59, answer.Points[0][60].Mean, 1e-12)
			_, err = k.Ask(t.Context(), history.Question{Measures: []string{"pool.utilisation"}, From: end.Add(-3 * time.Hour), Step: time.Minute})
			require.NoError(t, err, "what is older is left out")
			if dsn != "" {
				require.Equal(t, 1, countOf(k.said, "kept in memory only"), k.said)
			}
		})
	}
}

func TestAKeeperRunsUntilItIsStopped(t *testing.T) {
	a := newArchive(t)
	pool, err := history.OpenPool(t.Context(), a.dsn)
	require.NoError(t, err)
	defer pool.Close()
	k := history.New(history.Config{Pool: pool, Snapshot: func() monitor.Snapshot {
		return measured(time.Now().UTC().Truncate(time.Second))
	}})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- k.Run(ctx) }()
	require.Eventually(t, func() bool { return a.count("select count(*) from monitoring.history_seconds") >= 2 }, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, 1, a.count("select count(*) from pg_stat_activity where application_name = 'marketd history' and datname = current_database()"))
	stop()
	require.NoError(t, <-ran)
	require.Error(t, history.New(history.Config{}).Run(t.Context()))
}
