package objective_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/objective"
)

func withP(v objective.Verdict, p float64) objective.Judgement {
	return objective.Judgement{Verdict: v, P: &p, Reason: "It missed."}
}

func TestHolm(t *testing.T) {
	const fail, pass, open = objective.Fail, objective.Pass, objective.Inconclusive
	// The worked example has the p values 0.01, 0.04, 0.03 and 0.005: Holm rejects the
	// first and the last (0.005 ≤ 0.05/4, 0.01 ≤ 0.05/3, 0.03 > 0.05/2).
	tests := map[string]struct {
		given []objective.Judgement
		want  []objective.Verdict
	}{
		"the worked example":                     {[]objective.Judgement{withP(fail, 0.01), withP(fail, 0.04), withP(fail, 0.03), withP(fail, 0.005)}, []objective.Verdict{fail, open, open, fail}},
		"one alone has the whole budget":         {[]objective.Judgement{withP(fail, 0.05)}, []objective.Verdict{fail}},
		"a step that fails stops those after it": {[]objective.Judgement{withP(fail, 0.03), withP(fail, 0.03), withP(fail, 0.045)}, []objective.Verdict{open, open, open}},
		"sound ones count in the family":         {[]objective.Judgement{withP(fail, 0.03), withP(pass, 1)}, []objective.Verdict{open, pass}},
		"a pass is never touched":                {[]objective.Judgement{withP(pass, 0.9), withP(fail, 0.001)}, []objective.Verdict{pass, fail}},
		"counted figures pass through":           {[]objective.Judgement{{Verdict: fail}, withP(fail, 0.04)}, []objective.Verdict{fail, fail}},
		"nothing to correct":                     {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := objective.Holm(test.given, 0.05)
			var verdicts []objective.Verdict
			for i, j := range got {
				verdicts = append(verdicts, j.Verdict)
				if j.Verdict != test.given[i].Verdict {
					require.Contains(t, j.Reason, "It missed. Among")
					require.Contains(t, j.Reason, "this may be chance")
				} else {
					require.Equal(t, test.given[i], j)
				}
			}
			require.Equal(t, test.want, verdicts)
		})
	}
}

func TestHolmLeavesItsInputAlone(t *testing.T) {
	given := []objective.Judgement{withP(objective.Fail, 0.04), withP(objective.Fail, 0.04)}
	objective.Holm(given, 0.05)
	require.Equal(t, objective.Fail, given[0].Verdict)
	require.Equal(t, "It missed.", given[0].Reason)
}
