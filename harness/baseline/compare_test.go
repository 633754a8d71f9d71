package baseline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func change(t *testing.T, c baseline.Comparison, measure string) baseline.Change {
	t.Helper()
	for _, x := range c.Changes {
		if x.Measure == measure {
			return x
		}
	}
	require.FailNow(t, "no change", measure)
	return baseline.Change{}
}

func TestASlowdownBeyondTheMarginFails(t *testing.T) {
	tests := map[string]struct {
		before, after float64
		want          objective.Verdict
		exit          int
	}{
		"the same":           {1.6, 1.6, objective.Pass, 0},
		"half as fast again": {1.6, 2.4, objective.Pass, 0},
		"20 % slower":        {1.6, 1.28 * 1.02, objective.Fail, 1},
		"half as fast":       {2.8, 1.4, objective.Fail, 1},
		"at the margin":      {2, 1.9, objective.Inconclusive, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := baseline.Compare(entry(t, 1, test.before, 4, 0), entry(t, 2, test.after, 4, 0), baseline.Terms{})
			x := change(t, c, "insert throughput")
			require.Equal(t, test.want, x.Verdict, x.Reason)
			require.True(t, x.Gating)
			require.InDelta(t, 100*(test.after/test.before-1), *x.Faster, 3)
			require.Less(t, *x.Low, *x.Faster)
			require.Greater(t, *x.High, *x.Faster)
			require.Equal(t, 5.0, x.Margin)
			require.Equal(t, test.exit, c.Result.ExitCode, c.Result.Reason)
			require.False(t, change(t, c, "delivery lag, p99").Gating, "a percentile of another run does not decide")
		})
	}
}

func TestFasterMeansThroughputAlsoForALag(t *testing.T) {
	c := baseline.Compare(entry(t, 1, 1.6, 10, 0), entry(t, 2, 1.6, 8, 0), baseline.Terms{})
	require.InDelta(t, 25, *change(t, c, "delivery lag, p99").Faster, 6)
	require.Equal(t, objective.Pass, change(t, c, "delivery lag, p99").Verdict)
	c = baseline.Compare(entry(t, 1, 1.6, 8, 0), entry(t, 2, 1.6, 16, 0), baseline.Terms{AllGate: true})
	require.InDelta(t, -50, *change(t, c, "delivery lag, p99").Faster, 5)
	require.Equal(t, objective.Fail, change(t, c, "delivery lag, p99").Verdict)
	require.Equal(t, 1, c.Result.ExitCode)
}

func TestACountIsWorseOnlyBeyondItsInterval(t *testing.T) {
	for lost, want := range map[int64]objective.Verdict{0: objective.Pass, 1: objective.Inconclusive, 400: objective.Fail} {
		x := change(t, baseline.Compare(entry(t, 1, 1.6, 4, 0), entry(t, 2, 1.6, 4, lost), baseline.Terms{}), "prices lost")
		require.Equal(t, want, x.Verdict, "%d: %s", lost, x.Reason)
		require.Nil(t, x.Faster, "nothing is so many per cent of nothing")
	}
}

func TestNoVerdictIsInvented(t *testing.T) {
	tests := map[string]struct {
		change func(was, is *baseline.Entry)
		want   objective.Verdict
		says   string
		exit   int
	}{
		"another environment": {func(_, is *baseline.Entry) { is.Environment.ID = "0123456789ab" }, objective.Unfit, "different environments: b77349bf1fa9 (AMD EPYC", 3},
		"another profile":     {func(_, is *baseline.Entry) { is.Profile = "release" }, objective.Unfit, "One was measured in profile nightly and the other in release.", 3},
		"another service":     {func(_, is *baseline.Entry) { is.Service = "other" }, objective.Unfit, "Two different services", 3},
		"another environment in profile pr": {func(was, is *baseline.Entry) {
			was.Profile, is.Profile, is.Environment.ID = "pr", "pr", "0123456789ab"
		}, objective.Unfit, "different environments", 3},
		"other steps":        {func(_, is *baseline.Entry) { is.Scenarios[0].Situation = "other" }, objective.Unfit, "written differently", 3},
		"another experiment": {func(_, is *baseline.Entry) { is.Scenarios[0].Figures[0].Experiment = "other" }, objective.Unfit, "divide by different things", 3},
		"a scenario left out": {func(_, is *baseline.Entry) { is.Scenarios = is.Scenarios[1:] }, objective.NotRun,
			"The later run left the scenario out.", 3},
		"a measure left out": {func(_, is *baseline.Entry) { is.Scenarios[0].Figures = nil }, objective.NotRun, "did not measure it", 3},
		"an unfit machine": {func(was, _ *baseline.Entry) {
			f := &was.Scenarios[0].Figures[0]
			f.Verdict, f.Value, f.Low, f.High = objective.Unfit, nil, nil, nil
		}, objective.Unfit, "not fit in the earlier run", 3},
		"no figure": {func(_, is *baseline.Entry) {
			f := &is.Scenarios[0].Figures[0]
			f.Verdict, f.Value, f.Low, f.High, f.Reason = objective.Inconclusive, nil, nil, nil, "Only 4 pairs."
		}, objective.Inconclusive, "no figure in the later run. Only 4 pairs.", 3},
		"no interval": {func(_, is *baseline.Entry) {
			f := &is.Scenarios[0].Figures[0]
			f.Low, f.High = nil, nil
		}, objective.Inconclusive, "without an interval", 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			was, is := entry(t, 1, 1.6, 4, 0), entry(t, 2, .8, 4, 0)
			test.change(&was, &is)
			c := baseline.Compare(was, is, baseline.Terms{})
			x := change(t, c, "insert throughput")
			require.Equal(t, test.want, x.Verdict)
			require.Contains(t, x.Reason, test.says)
			require.Equal(t, test.exit, c.Result.ExitCode, c.Result.Reason)
		})
	}
}

func TestRatiosTravelOnlyWhenAsked(t *testing.T) {
	was, is := entry(t, 1, 1.6, 4, 0), entry(t, 2, 1.6, 4, 0)
	is.Environment.ID = "0123456789ab"
	require.Contains(t, baseline.Compare(was, is, baseline.Terms{}).Notes[0], "--across-environments compares the ratios all the same")
	c := baseline.Compare(was, is, baseline.Terms{Across: true})
	require.Empty(t, c.Notes)
	require.Equal(t, objective.Pass, change(t, c, "insert throughput").Verdict)
	require.Equal(t, objective.Unfit, change(t, c, "delivery lag, p99").Verdict, "an absolute time never travels")
}

func TestARestlessMachineNeitherFailsNorPasses(t *testing.T) {
	was, is := entry(t, 1, 1.6, 4, 0), entry(t, 2, 1.4, 4, 0)
	require.Equal(t, objective.Fail, change(t, baseline.Compare(was, is, baseline.Terms{}), "insert throughput").Verdict)
	noise := .10
	is.Scenarios[0].Figures[0].Noise = &noise
	x := change(t, baseline.Compare(was, is, baseline.Terms{Margin: 2}), "insert throughput")
	require.Equal(t, []float64{5, 20}, []float64{x.Margin, x.Noise})
	require.Equal(t, objective.Inconclusive, x.Verdict, "and it is no pass either")
	require.Contains(t, x.Reason, "less than 20 % slower is no proof")
	x = change(t, baseline.Compare(was, is, baseline.Terms{Margin: 30}), "insert throughput")
	require.Equal(t, []float64{30, 30}, []float64{x.Margin, x.Noise})
	require.Equal(t, objective.Pass, x.Verdict, "whoever lets 30 % through says so")
}

func TestProfilePRLetsThroughWhatIsOpenIfSomethingWasDecided(t *testing.T) {
	was, is := entry(t, 1, 2, 4, 0), entry(t, 2, 1.9, 4, 0)
	was.Profile, is.Profile = "pr", "pr"
	c := baseline.Compare(was, is, baseline.Terms{AllGate: true})
	require.Equal(t, objective.Inconclusive, verdicts(c)["insert throughput"])
	require.Equal(t, 0, c.Result.ExitCode)
	require.Contains(t, c.Result.Reason, "WARNING")
	c = baseline.Compare(was, is, baseline.Terms{})
	require.Equal(t, 3, c.Result.ExitCode, "nothing was decided")
	was.Scenarios = was.Scenarios[1:]
	c = baseline.Compare(was, is, baseline.Terms{})
	require.Equal(t, 3, c.Result.ExitCode, "nothing was decided")
}

func TestRunsThatShareOnlyCountsHaveThemInCommon(t *testing.T) {
	was, is := entry(t, 1, 2, 4, 0), entry(t, 2, 1, 4, 0)
	was.Scenarios, is.Scenarios = was.Scenarios[1:], is.Scenarios[1:]
	c := baseline.Compare(was, is, baseline.Terms{})
	require.Equal(t, 3, c.Result.ExitCode)
	require.Contains(t, c.Result.Reason, "Nothing was decided: the two runs have 3 measures in common, and a count or a percentile")
	require.Contains(t, c.Result.Reason, "--all-gate lets them decide")
	require.Zero(t, baseline.Compare(was, is, baseline.Terms{AllGate: true}).Result.ExitCode)

	for _, e := range []*baseline.Entry{&was, &is} {
		for i := range e.Scenarios[0].Figures {
			e.Scenarios[0].Figures[i].Promises = nil
		}
	}
	c = baseline.Compare(was, is, baseline.Terms{AllGate: true})
	require.Equal(t, 3, c.Result.ExitCode)
	require.Contains(t, c.Result.Reason, "nothing that gates is promised about what they share")

	is.Scenarios = nil
	c = baseline.Compare(was, is, baseline.Terms{})
	require.Equal(t, 2, c.Result.ExitCode)
	require.Contains(t, c.Result.Reason, "the two runs have no measure in common")
}

func TestAPromiseThatBreaksBecauseItsLimitMovedIsSaid(t *testing.T) {
	lost := func(nth int, target string, lost int64) baseline.Entry {
		return baseline.EntryOf(judged(t, nth, scenario("SLO-STREAM-01", []row{{"prices lost", target}},
			measure.Value{Name: "prices lost", Share: &measure.Share{Hits: lost, Of: 4000}})))
	}
	tests := map[string]struct {
		before, after baseline.Entry
		says          []string
	}{
		"the limit moved":  {lost(1, "at most 10", 5), lost(2, "exactly 0", 5), []string{"SLO-STREAM-01 prices lost: the later run breaks its promise, exactly 0; the earlier run was held to another, at most 10."}},
		"the figure moved": {lost(1, "exactly 0", 0), lost(2, "exactly 0", 5), []string{"SLO-STREAM-01 prices lost: the later run breaks its promise, exactly 0; the earlier run did not."}},
		"broken as before": {lost(1, "exactly 0", 5), lost(2, "exactly 0", 5), nil},
		"kept":             {lost(1, "exactly 0", 5), lost(2, "at most 10", 5), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.says, baseline.Compare(test.before, test.after, baseline.Terms{}).Notes)
		})
	}
}

// TestEqualBuildsDoNotFail measures the rates of false alarms and of planted
// slowdowns that are caught: 200 comparisons each of runs of 20 pairs with a
// spread of 2 %. Some are unfit, because a fit machine fails its own check once
// in a hundred runs.
func TestEqualBuildsDoNotFail(t *testing.T) {
	tests := map[string]struct {
		after                   float64
		failed, missed, noClear int // at least, at most, at most
	}{
		"no change":   {1.6, 0, 200, 20},
		"20 % slower": {1.6 * .8, 190, 0, 0},
		"10 % slower": {1.6 * .9, 180, 0, 20},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			count := map[objective.Verdict]int{}
			for i := range 200 {
				c := baseline.Compare(entry(t, 2*i, 1.6, 4, 0), entry(t, 2*i+1, test.after, 4, 0), baseline.Terms{})
				count[verdicts(c)["insert throughput"]]++
			}
			t.Logf("pass %d, inconclusive %d, fail %d, unfit %d of 200", count[objective.Pass], count[objective.Inconclusive], count[objective.Fail], count[objective.Unfit])
			require.GreaterOrEqual(t, count[objective.Fail], test.failed)
			require.LessOrEqual(t, count[objective.Pass], test.missed)
			require.LessOrEqual(t, count[objective.Inconclusive], test.noClear)
			if test.failed == 0 {
				require.Zero(t, count[objective.Fail], "equal builds")
			}
		})
	}
}
