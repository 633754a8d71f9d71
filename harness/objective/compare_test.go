package objective_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// trial gives an experiment of n pairs around a true throughput ratio, with a
// fitness check of ten pairs that are a little apart.
func trial(seed uint64, n int, ratio, noise float64) measure.Pairs {
	rng := rand.New(rand.NewPCG(seed, 0))
	settings := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	p := measure.Pairs{
		Unit: "rows/s", Seed: seed, First: measure.Order(seed, n), WarmupPairs: 2, Looks: measure.Looks(), Alpha: measure.Alpha, BlockSeconds: 0.1, Fitness: &measure.Fitness{},
		BaselineArm: measure.Arm{Name: "baseline", Settings: settings, Rows: 1000},
		CurrentArm:  measure.Arm{Name: "current", Settings: maps.Clone(settings), Rows: 1000},
	}
	for range 10 {
		p.Fitness.A = append(p.Fitness.A, 1000*math.Exp(noise*rng.NormFloat64()))
		p.Fitness.B = append(p.Fitness.B, 1000*math.Exp(noise*rng.NormFloat64()))
	}
	for range n {
		p.Baseline = append(p.Baseline, 1000*math.Exp(noise*rng.NormFloat64()))
		p.Current = append(p.Current, 1000*ratio*math.Exp(noise*rng.NormFloat64()))
	}
	return p
}

// steady is a trial whose ratios lie evenly within ± 2 % of ratio.
func steady(n int, ratio float64) measure.Pairs {
	p := trial(1, n, 1, 0)
	for i := range n {
		p.Current[i] = p.Baseline[i] * ratio * (0.98 + 0.04*(float64(i)+0.5)/float64(n))
	}
	for i := range p.Fitness.A {
		p.Fitness.B[i] = p.Fitness.A[i] * (0.985 + 0.03*(float64(i)+0.5)/10)
	}
	return p
}

// timed turns throughputs into the durations of the same work.
func timed(p measure.Pairs) measure.Pairs {
	p.LowerIsBetter, p.Unit = true, "ms"
	for _, figures := range [][]float64{p.Baseline, p.Current} {
		for i := range figures {
			figures[i] = 1e6 / figures[i]
		}
	}
	return p
}

func paired(p measure.Pairs) measure.Value { return measure.Value{Pairs: &p} }

func TestRelativeTargets(t *testing.T) {
	tests := map[string]struct {
		target string
		pairs  measure.Pairs
		want   objective.Verdict
		reason string
	}{
		"well above the limit":                 {"at least 30 % faster than baseline", steady(10, 1.62), objective.Pass, "1.62 times as fast as the baseline; at least 1.3 is promised, and even the worse end of the interval, 1.60, keeps it."},
		"well below the limit":                 {"at least 30 % faster than baseline", steady(10, 1.1), objective.Fail, "1.10 times as fast as the baseline; at least 1.3 is promised, and even the better end of the interval, 1.11, misses it."},
		"the limit inside the interval":        {"at least 30 % faster than baseline", steady(10, 1.3), objective.Inconclusive, "holds values on both sides: 10 pairs cannot decide"},
		"every pair exactly at the limit":      {"at least 2 × baseline", flat(20, 2), objective.Pass, "2 times as fast"},
		"at a limit that logarithms round":     {"at least 30 % faster than baseline", flat(20, 1.3), objective.Pass, "1.3 times as fast"},
		"at an upper limit that they round":    {"at most 130 % of baseline", flat(20, 1.3), objective.Pass, "1.3 times as fast"},
		"every pair a hair below the limit":    {"at least 2 × baseline", flat(20, 1.9999), objective.Fail, "1.9999 times as fast"},
		"an upper bound on a throughput, kept": {"at most 105 % of baseline", steady(10, 1), objective.Pass, "at most 1.05 is promised"},
		"an upper bound on a throughput":       {"at most 105 % of baseline", steady(10, 1.2), objective.Fail, "1.20 times as fast"},
		"a lower bound in per cent":            {"at least 95 % of baseline", steady(10, 1), objective.Pass, "at least 0.95 is promised"},

		"durations: faster is faster":                     {"at least 30 % faster than baseline", timed(steady(10, 1.62)), objective.Pass, "1.62 times as fast"},
		"durations: slower is not faster":                 {"at least 30 % faster than baseline", timed(steady(10, 0.7)), objective.Fail, "0.700 times as fast"},
		"durations: at least speaks of how fast":          {"at least 2 × baseline", timed(steady(10, 2.5)), objective.Pass, "2.50 times as fast"},
		"durations: at most speaks of how long, kept":     {"at most 105 % of baseline", timed(steady(10, 1/0.71)), objective.Pass, "0.710 times as long as the baseline; at most 1.05 is promised"},
		"durations: at most speaks of how long, broken":   {"at most 105 % of baseline", timed(steady(10, 1/1.84)), objective.Fail, "1.84 times as long as the baseline; at most 1.05 is promised, and even the better end of the interval, 1.82, misses it."},
		"durations: at most with times is the same":       {"at most 1.05 × baseline", timed(steady(10, 1/1.84)), objective.Fail, "1.84 times as long"},
		"durations: at most is undecided around it":       {"at most 105 % of baseline", timed(steady(10, 1/1.05)), objective.Inconclusive, "times as long"},
		"durations: an upper bound on faster is of speed": {"at most 30 % faster than baseline", timed(steady(10, 1.62)), objective.Fail, "1.62 times as fast"},
		"a wish that is missed":                           {"should be 50 % faster than baseline", steady(10, 1.1), objective.Fail, "at least 1.5 is hoped for"},
		"no pair at all":                                  {"at least 2 × baseline", measure.Pairs{Looks: []int{10}, Alpha: 0.05}, objective.Inconclusive, "No pair was measured"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := parse(t, "insert throughput", test.target)
			j := o.Judge(paired(test.pairs), 1)
			require.Equal(t, test.want, j.Verdict, j.Reason)
			require.Contains(t, j.Reason, test.reason)
			require.Equal(t, objective.Ratio, j.Unit)
			require.Equal(t, "pairs", j.SampleUnit)
			require.InDelta(t, o.Limit(), j.Limit, 0)
			require.Equal(t, test.want != objective.Inconclusive, objective.Decided(o, test.pairs, 1))
			if j.Value == nil {
				return
			}
			require.LessOrEqual(t, *j.Low, *j.Value)
			require.LessOrEqual(t, *j.Value, *j.High)
			require.NotNil(t, j.P)
			require.Equal(t, test.want == objective.Pass, *j.Headroom >= 0, "headroom %v", *j.Headroom)
		})
	}
}

// flat is a trial whose pairs are all alike.
func flat(n int, ratio float64) measure.Pairs {
	p := steady(n, ratio)
	for i := range p.Baseline {
		p.Baseline[i], p.Current[i] = 1000, 1000*ratio
	}
	return p
}

func TestBothScalesOfADurationAreTheSameJudgement(t *testing.T) {
	for seed := range uint64(100) {
		p := timed(trial(seed, 20, 1/1.05, 0.05))
		p.Fitness = steady(10, 1).Fitness
		long := parse(t, "history, duration", "at most 105 % of baseline").Judge(paired(p), 1)
		fast := parse(t, "history, duration", fmt.Sprintf("at least %.12f × baseline", 1/1.05)).Judge(paired(p), 1)
		require.Equal(t, fast.Verdict, long.Verdict)
		require.InEpsilon(t, 1 / *fast.Value, *long.Value, 1e-9)
		require.InEpsilon(t, 1 / *fast.High, *long.Low, 1e-9)
		require.InEpsilon(t, *fast.P, *long.P, 1e-9)
	}
}

// A block that something disturbed makes one pair of the fitness check an
// outlier. Ten pairs cannot tell it from a restless machine; twenty can.
func TestOneDisturbedPairIsNoRestlessMachineAmongTwenty(t *testing.T) {
	target := parse(t, "insert throughput", "at least 95 % of baseline")
	disturbed := func(pairs int, of ...int) measure.Pairs {
		p := steady(10, 1)
		p.Fitness.A = slices.Repeat(p.Fitness.A, pairs/10)
		p.Fitness.B = slices.Repeat(p.Fitness.B, pairs/10)
		for _, i := range of {
			p.Fitness.B[i] *= 1.8
		}
		return p
	}
	require.True(t, objective.Fit(target, disturbed(10)))
	require.False(t, objective.Fit(target, disturbed(10, 3)))
	require.True(t, objective.Fit(target, disturbed(20, 3)))
	require.False(t, objective.Fit(target, disturbed(20, 3, 6, 9, 12, 15)), "five of them are a restless machine")
}

func TestUnfit(t *testing.T) {
	tests := map[string]struct {
		target string
		damage func(*measure.Pairs)
		reason string
	}{
		"no fitness check":                 {"at least 2 × baseline", func(p *measure.Pairs) { p.Fitness = nil }, "no run of the block against itself"},
		"a fitness check of too few pairs": {"at least 2 × baseline", func(p *measure.Pairs) { p.Fitness.A, p.Fitness.B = p.Fitness.A[:7], p.Fitness.B[:7] }, "7 pairs are too few for an interval at the 99 % level"},
		"the same block is slower than itself": {"at least 2 × baseline", func(p *measure.Pairs) {
			for i := range p.Fitness.B {
				p.Fitness.B[i] *= 0.9
			}
		}, "came out 0.900 times as fast, and its interval from 0.888 to 0.912 leaves out 1."},
		"a spread wider than a small margin": {"at most 105 % of baseline", func(p *measure.Pairs) { scatter(p, 0.1) }, "spreads by ±10.55 %, and the target allows ±10.25 %."},
		"a spread wider than a wide margin":  {"at least 30 % faster than baseline", func(p *measure.Pairs) { scatter(p, 0.35) }, "and the target allows ±30 %."},
		"different settings":                 {"at least 2 × baseline", func(p *measure.Pairs) { p.CurrentArm.Settings["fsync"] = "off" }, `fsync was "on" for the baseline and "off" for the current arm`},
		"a setting that one arm lacks":       {"at least 2 × baseline", func(p *measure.Pairs) { p.CurrentArm.Settings["wal_level"] = "" }, `wal_level was "replica" for the baseline and "" for the current arm`},
		"different tables":                   {"at least 2 × baseline", func(p *measure.Pairs) { p.CurrentArm.Rows = 12000 }, "1,000 rows for the baseline and 12,000"},
		"an error too generous":              {"at least 2 × baseline", func(p *measure.Pairs) { p.Alpha = 0.2 }, "error of 20 %; every experiment has 5 %"},
		"an error too small":                 {"at least 2 × baseline", func(p *measure.Pairs) { p.Alpha = 0.01 }, "error of 1 %; every experiment has 5 %"},
		"a look that nobody planned":         {"at least 2 × baseline", func(p *measure.Pairs) { p.Looks = []int{10} }, "was to look after [10] pairs; every experiment looks after [10 20 40]"},
		"more looks than planned":            {"at least 2 × baseline", func(p *measure.Pairs) { p.Looks = []int{10, 15, 20, 40} }, "every experiment looks after [10 20 40]"},
		"an order of its own":                {"at least 2 × baseline", func(p *measure.Pairs) { p.First = "bbbbbbbbbb" }, "not that of the seed 1"},
		"another seed":                       {"at least 2 × baseline", func(p *measure.Pairs) { p.Seed = 3 }, "not that of the seed 3"},
		"blocks too short to measure":        {"at least 2 × baseline", func(p *measure.Pairs) { p.BlockSeconds = 0.0989 }, "The shortest block took 98.9 ms, and 100 ms is the least that counts."},
		"slices of its own":                  {"at least 2 × baseline", func(p *measure.Pairs) { p.Slices = 40 }, "The blocks were split into 40 slices; they run whole or in 10."},
		"no warm-up":                         {"at least 2 × baseline", func(p *measure.Pairs) { p.WarmupPairs = 0 }, "No pair was dropped to warm up"},
		"no word about durability":           {"at least 2 × baseline", func(p *measure.Pairs) { p.BaselineArm.Settings, p.CurrentArm.Settings = nil, nil }, `The durability of the arm "baseline" is not known: its fsync was not recorded.`},
		"fsync off on both sides":            {"at least 2 × baseline", both("fsync", "off"), `The arm "baseline" may lose what it acknowledged: it ran with fsync "off".`},
		"pages half written on both sides":   {"at least 2 × baseline", both("full_page_writes", "off"), `full_page_writes "off"`},
		"commits that do not wait":           {"at least 2 × baseline", both("synchronous_commit", "off"), `synchronous_commit "off"`},
		"commits that wait too little":       {"at least 2 × baseline", both("synchronous_commit", "local"), `synchronous_commit "local"`},
		"a log level that does not exist":    {"at least 2 × baseline", both("wal_level", "off"), `wal_level "off"`},
		"a log level that is not told":       {"at least 2 × baseline", both("wal_level", ""), `wal_level was not recorded`},
		"fsync switched off in the middle":   {"at least 2 × baseline", after("fsync", "off"), `The arm "current" changed while it was measured: fsync was "on" before the first block and "off" after the last.`},
		"another level of the log":           {"at least 2 × baseline", after("wal_level", "minimal"), `wal_level was "replica" before the first block and "minimal" after the last.`},
		"a setting that came in the middle":  {"at least 2 × baseline", after("jit", "on"), `jit was "" before the first block and "on" after the last.`},
		"a record that is void":              {"at least 2 × baseline", func(p *measure.Pairs) { p.First, p.Looks = "", []int{7} }, `does not name b or c for each of 10 pairs; 10 pairs are none of the looks [7]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for ratio, otherwise := range map[float64]objective.Verdict{3: objective.Pass, 0.2: objective.Fail} {
				o := parse(t, "insert throughput", test.target)
				p := steady(10, ratio)
				if o.Bound == objective.AtMost {
					p = timed(p)
				}
				require.Equal(t, otherwise, o.Judge(paired(p), 1).Verdict, "fit before")
				test.damage(&p)
				j := o.Judge(paired(p), 1)
				require.Equal(t, objective.Unfit, j.Verdict, j.Reason)
				require.Contains(t, j.Reason, test.reason)
				require.True(t, objective.Decided(o, p, 1), "more pairs make no machine fit")
			}
		})
	}
}

// both gives both arms the same setting.
func both(setting, value string) func(*measure.Pairs) {
	return func(p *measure.Pairs) {
		p.BaselineArm.Settings[setting], p.CurrentArm.Settings[setting] = value, value
	}
}

// after gives the current arm a setting while it is measured.
func after(setting, value string) func(*measure.Pairs) {
	return func(p *measure.Pairs) {
		p.Server = &measure.Observed{BaselineSettings: maps.Clone(p.BaselineArm.Settings), CurrentSettings: maps.Clone(p.CurrentArm.Settings)}
		p.Server.CurrentSettings[setting] = value
	}
}

func TestSettingsThatStayAreFit(t *testing.T) {
	p := steady(10, 3)
	after("fsync", "on")(&p)
	require.Equal(t, objective.Pass, parse(t, "x", "at least 2 × baseline").Judge(paired(p), 1).Verdict)
	p.Server.BaselineSettings, p.Server.CurrentSettings = nil, nil
	require.Equal(t, objective.Pass, parse(t, "x", "at least 2 × baseline").Judge(paired(p), 1).Verdict, "not read again")
}

func TestSlackOfTheClockIsNoShortBlock(t *testing.T) {
	p := steady(10, 3)
	p.BlockSeconds = 0.0991
	require.Equal(t, objective.Pass, parse(t, "x", "at least 2 × baseline").Judge(paired(p), 1).Verdict)
}

func TestCommitsThatWaitForAReplicaAreDurable(t *testing.T) {
	for _, value := range []string{"on", "remote_write", "remote_apply"} {
		p := steady(10, 3)
		both("synchronous_commit", value)(&p)
		require.Equal(t, objective.Pass, parse(t, "x", "at least 2 × baseline").Judge(paired(p), 1).Verdict, value)
	}
}

// scatter spreads the fitness check evenly on a log scale, so that the 99 %
// interval of ten pairs reaches about ± spread.
func scatter(p *measure.Pairs, spread float64) {
	for i := range p.Fitness.B {
		p.Fitness.B[i] = p.Fitness.A[i] * math.Exp(1.29*spread*(float64(i)-4.5)/4.5)
	}
}

func TestAWideFitnessIsEnoughForAWideTarget(t *testing.T) {
	p := steady(10, 3)
	scatter(&p, 0.1)
	require.Equal(t, objective.Pass, parse(t, "x", "at least 2 × baseline").Judge(paired(p), 1).Verdict)
	require.Equal(t, objective.Unfit, parse(t, "x", "at least 5 % faster than baseline").Judge(paired(p), 1).Verdict)
}

func TestFewPairsCanFailOnlyInASmallFamily(t *testing.T) {
	o := parse(t, "insert throughput", "at least 30 % faster than baseline")
	for pairs, largest := range map[int]int{10: 8, 20: 8738, 40: 1_000_000} {
		t.Run(fmt.Sprintf("%d pairs in a family of %d", pairs, largest), func(t *testing.T) {
			p := steady(pairs, 0.5)
			j := o.Judge(paired(p), largest)
			require.Equal(t, objective.Fail, j.Verdict, j.Reason)
			require.InEpsilon(t, 3*math.Pow(2, -float64(pairs)), *j.P, 1e-9, "three looks")
			require.Equal(t, objective.Pass, o.Judge(paired(steady(pairs, 2)), largest).Verdict, "a pass needs no family")
			if pairs == 40 {
				return
			}
			j = o.Judge(paired(p), largest+1)
			require.Equal(t, objective.Inconclusive, j.Verdict)
			require.Contains(t, j.Reason, fmt.Sprintf("%d pairs show this by chance", pairs))
			require.False(t, objective.Decided(o, p, largest+1), "the next look may decide")
		})
	}
	wish := parse(t, "insert throughput", "should be 30 % faster than baseline")
	require.Equal(t, objective.Fail, wish.Judge(paired(steady(10, 0.5)), 100).Verdict, "a wish is judged alone")
	require.Equal(t, objective.Fail, o.Judge(paired(steady(10, 0.5)), 0).Verdict, "a family of none is one of one")
}

// looked runs an experiment look by look as an experiment would.
func looked(o objective.Objective, p measure.Pairs, family int) objective.Judgement {
	for _, look := range p.Looks {
		sofar := p
		sofar.Baseline, sofar.Current, sofar.First = p.Baseline[:look], p.Current[:look], p.First[:look]
		if objective.Decided(o, sofar, family) || look == p.Looks[len(p.Looks)-1] {
			return o.Judge(paired(sofar), family)
		}
	}
	return objective.Judgement{}
}

func TestEqualArmsRarelyFailAndRarelyImprove(t *testing.T) {
	// The hardest sound system: its true ratio lies exactly at the limit, and
	// the interval looks for it three times.
	const experiments = 1000
	kept := parse(t, "x", "at least 0 % faster than baseline")
	count := map[objective.Verdict]int{}
	for seed := range uint64(experiments) {
		count[looked(kept, trial(seed, 40, 1, 0.02), 1).Verdict]++
	}
	t.Logf("A/A at the limit: %v", count)
	require.LessOrEqual(t, count[objective.Fail], experiments*5/100, "false alarms")
	require.LessOrEqual(t, count[objective.Pass], experiments*5/100, "false improvements")
	require.LessOrEqual(t, count[objective.Unfit], experiments*3/100)

	improved := 0
	better := parse(t, "x", "at least 5 % faster than baseline")
	for seed := range uint64(experiments) {
		if looked(better, trial(seed, 40, 1, 0.02), 1).Verdict == objective.Pass {
			improved++
		}
	}
	require.LessOrEqual(t, improved, experiments/200, "two equal arms never improve")
}

func TestAPlantedSlowdownIsCaught(t *testing.T) {
	const experiments = 300
	o := parse(t, "history, duration", "at most 105 % of baseline")
	count := map[objective.Verdict]int{}
	for seed := range uint64(experiments) {
		count[looked(o, timed(trial(seed, 40, 1/1.15, 0.02)), 12).Verdict]++
	}
	t.Logf("15 %% slower: %v", count)
	require.GreaterOrEqual(t, count[objective.Fail], experiments*95/100)
	require.Zero(t, count[objective.Pass])
}

func TestARunOfManySoundPromisesRarelyFails(t *testing.T) {
	// Twelve promises, each exactly at its limit.
	const runs, family = 120, 12
	o := parse(t, "x", "at least 0 % faster than baseline")
	failed := 0
	for run := range uint64(runs) {
		var judgements []objective.Judgement
		for i := range uint64(family) {
			judgements = append(judgements, looked(o, trial(run*family+i, 40, 1, 0.02), family))
		}
		corrected := objective.Holm(judgements, 0.05)
		require.Equal(t, judgements, corrected, "the rule already holds what Holm asks")
		for _, j := range corrected {
			if j.Verdict == objective.Fail {
				failed++
				break
			}
		}
	}
	t.Logf("runs with a false alarm: %d of %d", failed, runs)
	require.LessOrEqual(t, failed, runs*5/100)
}
