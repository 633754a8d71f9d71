package evidence_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

func judged(t *testing.T) evidence.Run {
	t.Helper()
	compared := scenario("A", []evidence.Objective{
		row("insert throughput", "at least 30 % faster than baseline"),
		row("insert throughput", "should be 80 % faster than baseline"),
	}, throughput(1.6))
	r := run("pr", compared, one("B"), skipped(one("C")))
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, evidence.Passed, r.Result.Outcome, r.Result.Reason)
	return r
}

func TestAnHonestRecordIsJudgedTheSameAgain(t *testing.T) {
	r := judged(t)
	before := r.Features[0].Scenarios[0].Objectives[0]
	differences, err := evidence.Rejudge(r)
	require.NoError(t, err)
	require.Empty(t, differences)
	require.Equal(t, before, r.Features[0].Scenarios[0].Objectives[0], "the given run stays as it is")
}

func TestEveryFieldOfAVerdictIsCompared(t *testing.T) {
	first := func(r *evidence.Run) *evidence.Objective { return &r.Features[0].Scenarios[0].Objectives[0] }
	more := func(f *float64) *float64 { x := *f * 1.001; return &x }
	tests := map[string]struct {
		change func(*evidence.Run)
		field  string
		row    int
	}{
		"verdict":                {func(r *evidence.Run) { first(r).Verdict = objective.Fail }, "verdict", 0},
		"no verdict":             {func(r *evidence.Run) { first(r).Verdict = "" }, "verdict", 0},
		"gating":                 {func(r *evidence.Run) { first(r).Gating = false }, "gating", 0},
		"value":                  {func(r *evidence.Run) { first(r).Value = more(first(r).Value) }, "value", 0},
		"no value":               {func(r *evidence.Run) { first(r).Value = nil }, "value", 0},
		"low":                    {func(r *evidence.Run) { first(r).Low = more(first(r).Low) }, "low", 0},
		"high":                   {func(r *evidence.Run) { first(r).High = more(first(r).High) }, "high", 0},
		"limit":                  {func(r *evidence.Run) { first(r).Limit = 1.2 }, "limit", 0},
		"p":                      {func(r *evidence.Run) { first(r).P = nil }, "p", 0},
		"headroom":               {func(r *evidence.Run) { first(r).Headroom = nil }, "headroom", 0},
		"unit":                   {func(r *evidence.Run) { first(r).Unit = "ms" }, "unit", 0},
		"samples":                {func(r *evidence.Run) { first(r).Samples++ }, "samples", 0},
		"sample unit":            {func(r *evidence.Run) { first(r).SampleUnit = "windows" }, "sample unit", 0},
		"the second row":         {func(r *evidence.Run) { r.Features[0].Scenarios[0].Objectives[1].Verdict = objective.Pass }, "verdict", 1},
		"a stored sample":        {func(r *evidence.Run) { r.Features[0].Scenarios[0].Measures[0].Pairs.Current[0] *= 1.01 }, "value", 0},
		"family":                 {func(r *evidence.Run) { r.Family = 7 }, "family", -1},
		"alpha":                  {func(r *evidence.Run) { r.Alpha = 0.01 }, "alpha", -1},
		"outcome":                {func(r *evidence.Run) { r.Result.Outcome = evidence.Warned }, "outcome", -1},
		"exit code":              {func(r *evidence.Run) { r.Result.ExitCode = 3 }, "exit code", -1},
		"a count":                {func(r *evidence.Run) { r.Result.Counts[objective.Pass]++ }, `count of "pass"`, -1},
		"a missing count":        {func(r *evidence.Run) { delete(r.Result.Counts, objective.Fail) }, `count of "fail"`, -1},
		"a count of its own":     {func(r *evidence.Run) { r.Result.Counts["splendid"] = 3 }, "counts", -1},
		"a scenario now broken":  {func(r *evidence.Run) { r.Features[0].Scenarios[1].Broken = "power cut" }, "verdict", 2},
		"a blind self-test":      {func(r *evidence.Run) { r.SelfTests = []evidence.SelfTest{{Broke: "a price"}} }, "outcome", -1},
		"a limit beside its row": {func(r *evidence.Run) { first(r).Limit *= 1 + 1e-8 }, "limit", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := judged(t)
			r.Result.Counts = maps.Clone(r.Result.Counts)
			test.change(&r)
			differences, err := evidence.Rejudge(r)
			require.NoError(t, err)
			found := false
			for _, d := range differences {
				found = found || d.Field == test.field && d.Row == test.row
			}
			require.True(t, found, "want %s of row %d among %v", test.field, test.row, differences)
		})
	}
}

func TestRoundingOfAnotherProcessorIsNoDifference(t *testing.T) {
	r := judged(t)
	o := &r.Features[0].Scenarios[0].Objectives[0]
	nearly := *o.Value * (1 + 1e-12)
	o.Value = &nearly
	differences, err := evidence.Rejudge(r)
	require.NoError(t, err)
	require.Empty(t, differences)
}

func TestADifferenceNamesItsPlace(t *testing.T) {
	r := judged(t)
	r.Features[0].Scenarios[1].Objectives[0].Verdict = objective.Fail
	differences, err := evidence.Rejudge(r)
	require.NoError(t, err)
	require.Equal(t, []evidence.Difference{{
		Scenario: "SLO-B-01", Measure: "inserts lost", Line: 7, Row: 2,
		Field: "verdict", Stored: "fail", Computed: "pass",
	}}, differences)
}

func TestARecordThatCannotBeJudgedIsAnError(t *testing.T) {
	r := judged(t)
	r.Features[0].Scenarios[0].Objectives[0].Target = "splendid"
	_, err := evidence.Rejudge(r)
	require.ErrorContains(t, err, "splendid")
}
