package objective_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// restless is a trial on a machine whose blocks differ from themselves by
// about ± spread.
func restless(n int, ratio, spread float64) measure.Pairs {
	p := steady(n, ratio)
	scatter(&p, spread)
	return p
}

func TestALossIsProvenOnlyBeyondTheNoiseOfTheMachine(t *testing.T) {
	const noise = 0.07 // the bar comes to lie near 0.905
	tests := map[string]struct {
		target string
		pairs  measure.Pairs
		want   objective.Verdict
		reason string
	}{
		"a loss on a calm machine":               {"at least 95 % of baseline", steady(10, 0.91), objective.Fail, "misses it"},
		"the same loss on a restless one":        {"at least 95 % of baseline", restless(10, 0.91, noise), objective.Inconclusive, "misses it, but the machine was so restless that less than 9.5 % slower is no proof."},
		"a larger loss on a restless one":        {"at least 95 % of baseline", restless(10, 0.8, noise), objective.Fail, "misses it"},
		"no loss on a restless one":              {"at least 95 % of baseline", restless(10, 1, noise), objective.Pass, "keeps it"},
		"noise never helps a pass":               {"at least 95 % of baseline", restless(10, 0.95, noise), objective.Inconclusive, "holds values on both sides"},
		"in other words":                         {"at least 0.95 × baseline", restless(10, 0.91, noise), objective.Inconclusive, "so restless that less than 9.5 % slower"},
		"a wish":                                 {"should be at least 95 % of baseline", restless(10, 0.91, noise), objective.Inconclusive, "so restless"},
		"a duration on a calm machine":           {"at most 105 % of baseline", timed(steady(10, 0.91)), objective.Fail, "times as long"},
		"a duration on a restless one":           {"at most 105 % of baseline", timed(restless(10, 0.91, noise)), objective.Inconclusive, "so restless that less than 11 % longer is no proof."},
		"a much longer duration":                 {"at most 105 % of baseline", timed(restless(10, 0.8, noise)), objective.Fail, "times as long"},
		"a target that lets no loss through":     {"at least 50 % faster than baseline", restless(10, 1.43, noise), objective.Fail, "misses it"},
		"no loss, on a duration":                 {"at least 100 % of baseline", timed(restless(10, 0.97, 0.04)), objective.Fail, "misses it"},
		"a limit further out than the noise":     {"at least 70 % of baseline", restless(10, 0.67, noise), objective.Fail, "misses it"},
		"a machine that could not tell anything": {"at least 95 % of baseline", restless(10, 0.5, 0.12), objective.Unfit, "and the target allows ±10.8 %."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			j := parse(t, "price history", test.target).Judge(paired(test.pairs), 1)
			require.Equal(t, test.want, j.Verdict, j.Reason)
			require.Contains(t, j.Reason, test.reason)
		})
	}
}

func TestTheBarOfALossIsTwiceTheHalfWidthOnTheLogScale(t *testing.T) {
	p := restless(10, 0.85, 0.09)
	noise, err := p.Fitness.Interval(0.95)
	require.NoError(t, err)
	loss := parse(t, "x", "at least 95 % of baseline")
	for better, want := range map[float64]objective.Verdict{
		noise.Low / noise.High * 1.0001: objective.Inconclusive,
		noise.Low / noise.High * 0.9999: objective.Fail,
	} {
		for i := range p.Current { // every pair has that ratio, and so has each end of the interval
			p.Current[i] = p.Baseline[i] * better
		}
		j := loss.Judge(paired(p), 1)
		require.Equal(t, want, j.Verdict, j.Reason)
		require.Equal(t, want == objective.Fail, objective.Decided(loss, p, 1))
	}
}

// TestIdenticalBuildsAreNotCalledSlower is the promise that a gate on pull
// requests rests on: no change is no regression, on a calm machine as on a
// restless one, and a planted slowdown is called one wherever it can be seen.
func TestIdenticalBuildsAreNotCalledSlower(t *testing.T) {
	const experiments = 400
	loss := parse(t, "x", "at least 95 % of baseline")
	for _, noise := range []float64{0.01, 0.03, 0.06} {
		same, slower := map[objective.Verdict]int{}, map[objective.Verdict]int{}
		for seed := range uint64(experiments) {
			same[looked(loss, trial(seed, 40, 1, noise), 12).Verdict]++
			slower[looked(loss, trial(seed, 40, 1/1.2, noise), 12).Verdict]++
		}
		t.Logf("noise of %v: identical %v, 20 %% longer %v", noise, same, slower)
		require.Zero(t, same[objective.Fail], "false alarms")
		require.Zero(t, slower[objective.Pass], "missed")
		if noise < 0.05 {
			require.GreaterOrEqual(t, slower[objective.Fail], experiments*97/100)
		}
	}
}
