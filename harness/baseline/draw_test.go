package baseline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func TestAnEntryHoldsEveryFigureWithItsPromises(t *testing.T) {
	e := entry(t, 1, 1.6, 4, 0)
	require.NoError(t, e.Validate())
	require.Equal(t, "AMD EPYC, 2 cores, 8 GiB, linux, local Postgres 17", e.Environment.Says)
	require.Equal(t, "PASSED", e.Outcome)

	ratio := figure(t, e, "insert throughput")
	require.Equal(t, baseline.Ratio, ratio.Kind)
	require.InDelta(t, 1.6, *ratio.Value, .03)
	require.Less(t, *ratio.Low, *ratio.Value)
	require.Equal(t, int64(20), ratio.Samples)
	require.Equal(t, "pairs", ratio.SampleUnit)
	require.InDelta(t, .005, *ratio.Noise, .004)
	require.Len(t, ratio.Promises, 1)
	require.Equal(t, 1.3, ratio.Promises[0].Limit)
	require.True(t, ratio.Promises[0].Gating)
	require.InDelta(t, *ratio.Low/1.3-1, *ratio.Promises[0].Headroom, 1e-9)

	lag := figure(t, e, "delivery lag, p99")
	require.Equal(t, baseline.Percentile, lag.Kind)
	require.Equal(t, baseline.Less, lag.Better)
	require.Equal(t, "ms", lag.Unit)
	require.Equal(t, objective.Pass, lag.Verdict)
	require.NotNil(t, lag.Low)

	median := figure(t, e, "delivery lag, p50")
	require.Empty(t, median.Promises, "it is remembered, and nothing was promised")
	require.Equal(t, objective.NotRun, median.Verdict)
	require.InDelta(t, 4, *median.Value, .2)

	lost := figure(t, e, "prices lost")
	require.Equal(t, baseline.Share, lost.Kind)
	require.Equal(t, baseline.Less, lost.Better)
	require.Equal(t, 0.0, *lost.Value)
}

func TestARatioIsAThroughputRatioHoweverItWasPromised(t *testing.T) {
	for target, want := range map[string]struct {
		limit float64
		bound objective.Bound
	}{
		"at least 2 × baseline":               {2, objective.AtLeast},
		"at least 100 % faster than baseline": {2, objective.AtLeast},
		"at most 50 % of baseline":            {2, objective.AtLeast},
	} {
		t.Run(target, func(t *testing.T) {
			p := pairs(3, 2.5, .02, 20, true)
			f := figure(t, baseline.EntryOf(judged(t, 1, scenario("SLO-CALC-01", []row{{"sum of a year", target}},
				measure.Value{Name: "sum of a year", Pairs: &p}))), "sum of a year")
			require.InDelta(t, 2.5, *f.Value, .05)
			require.Equal(t, baseline.More, f.Better)
			require.Equal(t, want.limit, f.Promises[0].Limit)
			require.Equal(t, want.bound, f.Promises[0].Bound)
			require.Equal(t, objective.Pass, f.Verdict)
		})
	}
}

func TestWhatCannotBeSaidHasNoFigure(t *testing.T) {
	unfit := pairs(3, 2.5, .02, 20, true)
	for i := range unfit.Fitness.B {
		unfit.Fitness.B[i] *= 1.5
	}
	e := baseline.EntryOf(judged(t, 1,
		scenario("SLO-CALC-01", []row{{"sum of a year", "at least 2 × baseline"}, {"mean of a year", "at least 2 × baseline"}}, measure.Value{Name: "sum of a year", Pairs: &unfit}),
		scenario("SLO-STREAM-01", []row{{"prices lost", "exactly 0"}}, measure.Value{Name: "prices lost", Share: &measure.Share{}})))
	require.NoError(t, e.Validate())
	sum := figure(t, e, "sum of a year")
	require.Equal(t, objective.Unfit, sum.Verdict)
	require.Nil(t, sum.Value)
	require.Contains(t, sum.Reason, "not fit")
	require.Equal(t, objective.NotRun, figure(t, e, "mean of a year").Verdict)
	require.Equal(t, objective.Inconclusive, figure(t, e, "prices lost").Verdict)
}

func TestTheLimitMayChangeWithoutTheSituation(t *testing.T) {
	lost := measure.Value{Name: "prices lost", Share: &measure.Share{Of: 10}}
	was := baseline.EntryOf(judged(t, 1, scenario("SLO-A-01", []row{{"prices lost", "exactly 0"}}, lost)))
	is := baseline.EntryOf(judged(t, 2, scenario("SLO-A-01", []row{{"prices lost", "at most 2"}}, lost)))
	require.Equal(t, was.Scenarios[0].Situation, is.Scenarios[0].Situation)
	other := scenario("SLO-A-01", []row{{"prices lost", "exactly 0"}}, lost)
	other.Steps[0].Text = "the market trades twice as much"
	require.NotEqual(t, was.Scenarios[0].Situation, baseline.EntryOf(judged(t, 3, other)).Scenarios[0].Situation)
}
