package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func TestTheOutcomeOfARun(t *testing.T) {
	wish := func(s evidence.Scenario) evidence.Scenario {
		s.Objectives = append(s.Objectives, row("inserts lost", "should be at least 5"))
		return s
	}
	badStep := func(status string, s evidence.Scenario) evidence.Scenario {
		s.Steps = append(s.Steps, evidence.Step{Keyword: "Then", Text: "version 1 holds", Status: status})
		return s
	}
	tests := map[string]struct {
		profile   string
		scenarios []evidence.Scenario
		outcome   string
		code      int
		reason    string
	}{
		"every gating objective passed":          {"pr", []evidence.Scenario{one("A"), one("B")}, evidence.Passed, 0, "All 2 gating objectives passed."},
		"a fail blocks":                          {"pr", []evidence.Scenario{one("A"), failing("B")}, evidence.Failed, 1, "1 of 2 gating objectives failed: SLO-B-01 inserts lost."},
		"a broken scenario is never a pass":      {"pr", []evidence.Scenario{one("A"), broken(one("B"))}, evidence.Broken, 2, "The run proves nothing: 1 scenario could not be carried out: SLO-B-01 (dial tcp 127.0.0.1:1: connection refused)."},
		"a fail outranks a broken scenario":      {"pr", []evidence.Scenario{failing("A"), broken(one("B"))}, evidence.Failed, 1, "Besides, 1 scenario could not be carried out: SLO-B-01"},
		"a broken scenario outranks an open one": {"nightly", []evidence.Scenario{open("A"), broken(one("B"))}, evidence.Broken, 2, "proves nothing"},
		"open in pr is a loud zero":              {"pr", []evidence.Scenario{one("A"), open("B")}, evidence.Warned, 0, "WARNING: profile pr lets this through; a release does not."},
		"open in nightly is three":               {"nightly", []evidence.Scenario{one("A"), open("B")}, evidence.Warned, 3, "1 of 2 gating objectives stayed open: SLO-B-01 inserts lost (inconclusive)."},
		"open in release is three":               {"release", []evidence.Scenario{one("A"), open("B")}, evidence.Warned, 3, "stayed open"},
		"what was not measured is broken in pr":  {"pr", []evidence.Scenario{one("A"), unmeasured("B")}, evidence.Broken, 2, "1 scenario could not be carried out: SLO-B-01 (it did not measure inserts lost)"},
		"what was not measured is broken at all": {"release", []evidence.Scenario{one("A"), unmeasured("B")}, evidence.Broken, 2, "it did not measure inserts lost"},
		"a fail outranks what was not measured":  {"pr", []evidence.Scenario{failing("A"), unmeasured("B")}, evidence.Failed, 1, "it did not measure inserts lost"},
		"quarantine may measure nothing":         {"release", []evidence.Scenario{one("A"), quarantined(unmeasured("B"))}, evidence.Passed, 0, "All 1"},
		"only open rows is nothing decided":      {"pr", []evidence.Scenario{open("A"), open("B")}, evidence.Broken, 2, "Nothing was decided"},
		"the same in nightly":                    {"nightly", []evidence.Scenario{open("A")}, evidence.Broken, 2, "Nothing was decided"},
		"no scenario at all":                     {"pr", nil, evidence.Broken, 2, "Nothing was decided"},
		"everything skipped":                     {"pr", []evidence.Scenario{skipped(one("A"))}, evidence.Broken, 2, "Nothing was decided"},
		"skipped by profile blocks nothing":      {"nightly", []evidence.Scenario{one("A"), skipped(one("B"))}, evidence.Passed, 0, "All 1 gating objectives passed."},
		"a missed wish blocks nothing":           {"release", []evidence.Scenario{wish(one("A"))}, evidence.Passed, 0, "All 1"},
		"nothing but wishes is nothing judged":   {"pr", []evidence.Scenario{scenario("A", []evidence.Objective{row("inserts lost", "should be at most 5")}, lost(0))}, evidence.Broken, 2, "Nothing was decided"},
		"quarantine never blocks by a fail":      {"release", []evidence.Scenario{one("A"), quarantined(failing("B"))}, evidence.Passed, 0, "All 1"},
		"quarantine never blocks when broken":    {"release", []evidence.Scenario{one("A"), quarantined(broken(one("B")))}, evidence.Passed, 0, "All 1"},
		"nothing but quarantine is no pass":      {"pr", []evidence.Scenario{quarantined(one("A"))}, evidence.Broken, 2, "Nothing was decided"},
		"a step failed beside a full table":      {"pr", []evidence.Scenario{badStep("failed", one("A"))}, evidence.Broken, 2, `SLO-A-01 (step "Then version 1 holds" is failed)`},
		"a step that fails with its row":         {"pr", []evidence.Scenario{badStep("failed", failing("A"))}, evidence.Failed, 1, "1 of 1"},
		"a step pending with its row":            {"nightly", []evidence.Scenario{one("B"), badStep("pending", open("A"))}, evidence.Warned, 3, "stayed open"},
		"an undefined step is never explained":   {"pr", []evidence.Scenario{one("B"), badStep("undefined", open("A"))}, evidence.Broken, 2, "undefined"},
		"a step without a status":                {"pr", []evidence.Scenario{badStep("", one("A"))}, evidence.Broken, 2, "Then version 1 holds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(test.profile, test.scenarios...)
			require.NoError(t, evidence.Judge(&r))
			require.Equal(t, test.outcome, r.Result.Outcome, r.Result.Reason)
			require.Equal(t, test.code, r.Result.ExitCode, r.Result.Reason)
			require.Contains(t, r.Result.Reason, test.reason)
			require.Len(t, r.Result.Counts, 5)
		})
	}
}

func TestAPartOfThePromisesIsNeverTheWholeOfThem(t *testing.T) {
	leftOut := func(s evidence.Scenario) evidence.Scenario {
		s.Skipped, s.Steps, s.Measures = "left out", nil, nil
		return s
	}
	only := []string{"SLO-A-01"}
	tests := map[string]struct {
		profile   string
		tags      string
		only      []string
		scenarios []evidence.Scenario
		outcome   string
		code      int
		reason    string
	}{
		"only one of two":        {"pr", "", only, []evidence.Scenario{one("A"), leftOut(one("B"))}, evidence.Warned, 0, "All 1 gating objectives passed. These are only part of the promises: --only SLO-A-01."},
		"tags":                   {"pr", "@pr and not @SLO-B-01", nil, []evidence.Scenario{one("A"), leftOut(one("B"))}, evidence.Warned, 0, `only part of the promises: --tags "@pr and not @SLO-B-01".`},
		"tags that leave all in": {"pr", "@pr", nil, []evidence.Scenario{one("A")}, evidence.Warned, 0, `--tags "@pr"`},
		"a fail stays a fail":    {"pr", "", only, []evidence.Scenario{failing("A"), leftOut(one("B"))}, evidence.Failed, 1, "--only SLO-A-01"},
		"a broken one, too":      {"pr", "", only, []evidence.Scenario{broken(one("A")), leftOut(one("B"))}, evidence.Broken, 2, "--only SLO-A-01"},
		"a release needs all":    {"release", "", only, []evidence.Scenario{one("A"), leftOut(one("B"))}, evidence.Warned, 3, "SLO-B-01 inserts lost (not run)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(test.profile, test.scenarios...)
			r.Tags, r.Only = test.tags, test.only
			require.NoError(t, evidence.Judge(&r))
			require.Equal(t, test.outcome, r.Result.Outcome, r.Result.Reason)
			require.Equal(t, test.code, r.Result.ExitCode, r.Result.Reason)
			require.Contains(t, r.Result.Reason, test.reason)
		})
	}
}

func TestASelfTestThatNoticedNothingBreaksTheRun(t *testing.T) {
	r := run("pr", one("A"))
	r.SelfTests = []evidence.SelfTest{{Broke: "deleted a price", Red: true}}
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, evidence.Passed, r.Result.Outcome)

	r.SelfTests = append(r.SelfTests, evidence.SelfTest{Broke: "stored a price twice"})
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, evidence.Broken, r.Result.Outcome)
	require.Equal(t, evidence.ExitBroken, r.Result.ExitCode)
	require.Contains(t, r.Result.Reason, "1 self-test did not notice what was broken on purpose: stored a price twice")
}

func TestAnObjectiveWithoutAnObservationIsNotRun(t *testing.T) {
	other := scenario("B", []evidence.Objective{row("inserts lost", "at most 5")}, measure.Value{Name: "prices delivered", Share: &measure.Share{Hits: 1, Of: 1}})
	tests := map[string]struct {
		scenario evidence.Scenario
		reason   string
	}{
		"skipped":             {skipped(one("A")), "not meant to run: runs in profile release"},
		"broken":              {broken(one("A")), "could not be carried out: dial tcp 127.0.0.1:1: connection refused"},
		"nothing was yielded": {unmeasured("A"), `did not yield "inserts lost"; it yielded nothing`},
		"another was yielded": {other, `did not yield "inserts lost"; it yielded "prices delivered"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("pr", test.scenario)
			require.NoError(t, evidence.Judge(&r))
			judged := r.Features[0].Scenarios[0].Objectives[0]
			require.Equal(t, objective.NotRun, judged.Verdict)
			require.Contains(t, judged.Reason, test.reason)
			require.NotContains(t, judged.Reason, "\n")
			require.True(t, judged.Gating)
			require.Nil(t, judged.Value)
			require.Equal(t, 1, r.Result.Counts[objective.NotRun])
		})
	}
}

func TestTheLimitStaysBesideWhatWasNotRun(t *testing.T) {
	r := run("pr", scenario("A", []evidence.Objective{row("insert throughput", "at least 30 % faster than baseline")}))
	require.NoError(t, evidence.Judge(&r))
	judged := r.Features[0].Scenarios[0].Objectives[0]
	require.InDelta(t, 1.3, judged.Limit, 1e-12)
	require.Equal(t, "× baseline", judged.Unit)
}

func TestTheFamilyIsWhatWasPlanned(t *testing.T) {
	rows := []evidence.Objective{
		row("insert throughput", "at least 30 % faster than baseline"),
		row("insert throughput", "should be 50 % faster than baseline"),
		row("inserts lost", "exactly 0"),
	}
	r := run("pr",
		scenario("A", rows, throughput(1.6), lost(0)),
		skipped(scenario("B", append([]evidence.Objective{}, rows...))),
		quarantined(scenario("C", append([]evidence.Objective{}, rows...))),
		broken(scenario("D", append([]evidence.Objective{}, rows...))),
	)
	family, err := evidence.Planned(r)
	require.NoError(t, err)
	require.Equal(t, 2, family, "A and D compare and gate; B was left out, C never gates")

	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, 2, r.Family)
	require.InDelta(t, 0.05, r.Alpha, 0)
	require.Equal(t, objective.Pass, r.Features[0].Scenarios[0].Objectives[0].Verdict)

	none, err := evidence.Planned(run("pr", one("A")))
	require.NoError(t, err)
	require.Equal(t, 1, none)
}

func TestJudgeRefusesARecordThatContradictsItself(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Run)
		says   string
	}{
		"a target that nobody can read": {func(r *evidence.Run) { r.Features[0].Scenarios[0].Objectives[0].Target = "roughly 5" }, "features/ingest.feature line 7, SLO-A-01: target"},
		"another family than planned":   {func(r *evidence.Run) { r.Family = 9 }, "was planned with 9 gating relative objectives, its features state 1"},
		"a budget of its own":           {func(r *evidence.Run) { r.Alpha = 1e-9 }, "states a false-alarm budget of 1e-09"},
		"an unknown profile":            {func(r *evidence.Run) { r.Profile = "lenient" }, `profile "lenient" is none of pr, nightly, release`},
		"quarantine without its tag":    {func(r *evidence.Run) { r.Features[0].Scenarios[0].Quarantined = "because" }, "line 5, SLO-A-01: it is recorded as quarantined but has no @quarantine tag"},
		"carried out without a step":    {func(r *evidence.Run) { r.Features[0].Scenarios[0].Steps = nil }, "line 5, SLO-A-01: it is recorded as carried out and has no step"},
		"skipped with measures":         {func(r *evidence.Run) { r.Features[0].Scenarios[0].Skipped = "because" }, "it is recorded as skipped but has measures"},
		"one measure with two recordings": {func(r *evidence.Run) {
			s := &r.Features[0].Scenarios[0]
			s.Measures = append(s.Measures, lost(0))
		}, `measure "inserts lost" is recorded twice`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("pr", failing("A"), one("B"))
			test.change(&r)
			err := evidence.Judge(&r)
			require.ErrorContains(t, err, test.says)
			require.Empty(t, r.Features[0].Scenarios[1].Objectives[0].Verdict, "a refused run stays untouched")
			require.Empty(t, r.Result.Outcome)
		})
	}
	t.Run("all problems at once", func(t *testing.T) {
		r := run("lenient", failing("A"), failing("B"))
		r.Features[0].Scenarios[0].Objectives[0].Target = "roughly 5"
		r.Features[0].Scenarios[1].Objectives[0].Target = "ungefähr 5"
		err := evidence.Judge(&r)
		require.ErrorContains(t, err, "lenient")
		require.ErrorContains(t, err, "roughly")
		require.ErrorContains(t, err, "ungefähr")
	})
}
