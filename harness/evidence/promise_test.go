package evidence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestARecordSaysWhatIsWrittenBesideIt(t *testing.T) {
	first := func(r *evidence.Run) *evidence.Scenario { return &r.Features[0].Scenarios[0] }
	rewrite := func(was, is string) func(*evidence.Run) {
		return func(r *evidence.Run) {
			require.Contains(t, first(r).Gherkin, was)
			first(r).Gherkin = strings.Replace(first(r).Gherkin, was, is, 1)
		}
	}
	tests := map[string]struct {
		change func(*evidence.Run)
		says   string
	}{
		"an easier target":       {func(r *evidence.Run) { first(r).Objectives[0].Target = "at most 5" }, `features/ingest.feature line 5, SLO-A-01: objective 1 is recorded as "inserts lost", "at most 5", its Gherkin states "inserts lost", "exactly 0"`},
		"another measure":        {func(r *evidence.Run) { first(r).Objectives[0].Measure = "worst lag" }, `objective 1 is recorded as "worst lag"`},
		"a row left out":         {func(r *evidence.Run) { first(r).Objectives = first(r).Objectives[:1] }, "its Gherkin states 2 objectives, its record 1"},
		"a row too many":         {func(r *evidence.Run) { first(r).Objectives = append(first(r).Objectives, row("x", "at most 5")) }, "its Gherkin states 2 objectives, its record 3"},
		"another order":          {func(r *evidence.Run) { o := first(r).Objectives; o[0], o[1] = o[1], o[0] }, "objective 1 is recorded as"},
		"no text at all":         {func(r *evidence.Run) { first(r).Gherkin = "" }, "its Gherkin holds 0 scenarios with steps, not one"},
		"a text nobody can read": {rewrite("Scenario:", "Scene:"), "its Gherkin cannot be read"},
		"two scenarios":          {func(r *evidence.Run) { first(r).Gherkin += "\n" + first(r).Gherkin }, "holds 2 scenarios"},
		"the sentence alone":     {rewrite(first2(written(scenario("A", nil))), "Then these objectives hold:\n  Then x\n"), "the objectives of its Gherkin have no table"},
		"other columns":          {rewrite("| measure | target |", "| measure | limit |"), `have the columns "measure" and "limit"`},
		"three columns":          {rewrite(first2(written(scenario("A", nil))), "Then these objectives hold:\n    | measure | target | x |\n  Then x\n"), "have 3 columns"},
		"another title":          {func(r *evidence.Run) { first(r).Title = "A better day" }, `it is recorded as "A better day", its Gherkin is titled "A day"`},
		"another id":             {func(r *evidence.Run) { first(r).ID = "SLO-Z-01" }, "its Gherkin has no tag @SLO-Z-01"},
		"a tag left out":         {func(r *evidence.Run) { first(r).Tags = first(r).Tags[1:] }, "its Gherkin has the tag @pr, its record has not"},
		"a tag too many":         {func(r *evidence.Run) { first(r).Tags = append(first(r).Tags, "@slow") }, "it is recorded with the tag @slow, which its Gherkin has not"},
		"quarantine made up": {func(r *evidence.Run) {
			r.Features[0].Tag = "@quarantine"
			first(r).Tags = append(first(r).Tags, "@quarantine")
			first(r).Quarantined = "because"
		}, "it is recorded with the tag @quarantine, which its Gherkin has not"},
		"a profile made up": {func(r *evidence.Run) {
			r.Features[0].Tag = "@nightly"
			first(r).Tags = append(first(r).Tags, "@nightly")
		}, "it is recorded with the tag @nightly, which its Gherkin has not"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("pr", scenario("A", []evidence.Objective{row("inserts lost", "exactly 0"), row("inserts lost", "should be at most 5")}, lost(0)))
			require.NoError(t, evidence.Judge(&r))
			test.change(&r)
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
			r.Family, r.Alpha, r.Result = 0, 0, evidence.Result{}
			require.ErrorContains(t, evidence.Judge(&r), test.says)
		})
	}
	t.Run("the tag of the feature is inherited", func(t *testing.T) {
		r := run("pr", one("A"))
		first(&r).Tags = append(first(&r).Tags, "@ingest")
		require.NoError(t, evidence.Judge(&r))
	})
}

// first2 is the sentence of the objectives with the head of its table.
func first2(text string) string { return text[strings.Index(text, "Then these"):] }

func TestWhatWasSkippedFollowsFromTheSelection(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Run)
		says   string
	}{
		"skipped without a reason to": {func(r *evidence.Run) {
			s := &r.Features[0].Scenarios[0]
			s.Skipped, s.Steps, s.Measures = "because it fails", nil, nil
		}, "features/ingest.feature line 5, SLO-A-01: it is recorded as skipped, and profile pr has it run"},
		"run though the profile leaves it out": {func(r *evidence.Run) {
			s := &r.Features[0].Scenarios[1]
			s.Skipped, s.Steps = "", r.Features[0].Scenarios[0].Steps
		}, "SLO-B-01: it is not recorded as skipped, and profile pr leaves it out"},
		"tags that leave nothing out are claimed":  {func(r *evidence.Run) { r.Tags = "@pr or @release"; r.Profile = "release" }, `SLO-B-01: it is recorded as skipped, and profile release with --tags "@pr or @release" has it run`},
		"tags that leave it out":                   {func(r *evidence.Run) { r.Tags = "not @pr" }, `SLO-A-01: it is not recorded as skipped, and profile pr with --tags "not @pr" leaves it out`},
		"ids that leave it out":                    {func(r *evidence.Run) { r.Only = []string{"SLO-B-01"} }, "SLO-A-01: it is not recorded as skipped, and profile pr with --only SLO-B-01 leaves it out"},
		"a tag expression that breaks off":         {func(r *evidence.Run) { r.Tags = "@pr and" }, "reading the tag expression of run 20261123T010000Z-9f3c2ab"},
		"a tag expression of operators":            {func(r *evidence.Run) { r.Tags = "not" }, "reading the tag expression"},
		"a tag expression of unbounded depth":      {func(r *evidence.Run) { r.Tags = strings.Repeat("not ", 1e6) + "@pr" }, "it is longer than 4096 bytes"},
		"a tag expression with brackets left open": {func(r *evidence.Run) { r.Tags = "((@pr" }, "reading the tag expression"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("pr", one("A"), skipped(one("B")))
			require.NoError(t, evidence.Judge(&r))
			test.change(&r)
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
			_, err = evidence.Planned(r)
			require.ErrorContains(t, err, test.says, "a plan that contradicts itself is refused before anything is started")
		})
	}
}

func TestAnAccountSaysWhatWasJudged(t *testing.T) {
	account := func() evidence.Run {
		share := func(name string, hits int64) measure.Value {
			return measure.Value{Name: name, Share: &measure.Share{Hits: hits, Of: 100}}
		}
		r := run("nightly", scenario("A", []evidence.Objective{row("acknowledged prices lost", "at most 5")},
			share("acknowledged prices lost", 1), share("prices from nowhere", 3), share("prices stored twice", 2), share("prices stored wrong", 4)), skipped(one("B")))
		r.Accounts = []evidence.Account{{Scenario: "SLO-A-01", Acknowledged: 100, Lost: 1, Duplicated: 2, Unexpected: 3, Wrong: 4}}
		return r
	}
	tests := map[string]struct {
		change func(*evidence.Run)
		says   string
	}{
		"fewer lost":         {func(r *evidence.Run) { r.Accounts[0].Lost = 0 }, "the account of SLO-A-01 has 0 of 100 acknowledged prices lost, its measure 1 of 100"},
		"fewer stored twice": {func(r *evidence.Run) { r.Accounts[0].Duplicated = 0 }, "prices stored twice"},
		"fewer from nowhere": {func(r *evidence.Run) { r.Accounts[0].Unexpected = 0 }, "prices from nowhere"},
		"fewer stored wrong": {func(r *evidence.Run) { r.Accounts[0].Wrong = 0 }, "the account of SLO-A-01 has 0 of 100 prices stored wrong, its measure 4 of 100"},
		"more acknowledged":  {func(r *evidence.Run) { r.Accounts[0].Acknowledged = 101 }, "of 101 acknowledged prices lost"},
		"no such scenario":   {func(r *evidence.Run) { r.Accounts[0].Scenario = "SLO-Z-01" }, `an account is recorded for "SLO-Z-01", and there is no such scenario`},
		"a skipped scenario": {func(r *evidence.Run) { r.Accounts[0].Scenario = "SLO-B-01" }, "SLO-B-01, which was skipped"},
		"a second account":   {func(r *evidence.Run) { r.Accounts = append(r.Accounts, r.Accounts[0]) }, "two accounts are recorded for SLO-A-01"},
		"without its measure": {func(r *evidence.Run) {
			s := &r.Features[0].Scenarios[0]
			s.Measures = s.Measures[:2]
		}, `the account of SLO-A-01 has no measure "prices stored twice" beside it`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := account()
			test.change(&r)
			require.ErrorContains(t, evidence.Judge(&r), test.says)
		})
	}
	r := account()
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, evidence.Passed, r.Result.Outcome)
	r = account()
	r.Features[0].Scenarios[0] = broken(r.Features[0].Scenarios[0])
	r.Features[0].Scenarios[0].Measures = nil
	require.NoError(t, evidence.Judge(&r), "a scenario that broke may have an account without measures")
}

func TestAPassageIsOfAScenarioThatRan(t *testing.T) {
	passing := func() evidence.Run {
		r := run("nightly", one("A"), skipped(one("B")))
		r.Passages = []evidence.Passage{{Scenario: "SLO-A-01", Steps: []evidence.PassageStep{{From: 1, To: 2, Killed: "server", Lost: 3}}}}
		return r
	}
	tests := map[string]struct{ scenario, says string }{
		"no such scenario":   {"SLO-Z-01", `a passage is recorded for "SLO-Z-01", and there is no such scenario`},
		"a skipped scenario": {"SLO-B-01", "a passage is recorded for SLO-B-01, which was skipped"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := passing()
			r.Passages[0].Scenario = test.scenario
			require.ErrorContains(t, evidence.Judge(&r), test.says)
		})
	}
	r := passing()
	r.Passages = append(r.Passages, r.Passages[0])
	require.NoError(t, evidence.Judge(&r), "a scenario may go several ways")
	require.Equal(t, evidence.Passed, r.Result.Outcome, "a passage gates nothing")
	r.Features[0].Scenarios[0] = broken(r.Features[0].Scenarios[0])
	require.NoError(t, evidence.Judge(&r), "a scenario that broke may have come some of the way")
}

// FuzzPlanned: no text of a scenario and no tag expression breaks the judge,
// and whatever text it accepts states the row that is recorded.
func FuzzPlanned(f *testing.F) {
	f.Add(written(one("A")), "")
	f.Add("@pr\nScenario Outline: <a>\n  Given <b>\n  Examples:\n  |a|\n", "not @a and (@b")
	f.Add("Rule: x\n\"\"\"", ")")
	f.Fuzz(func(t *testing.T, text, tags string) {
		r := run("pr", one("A"))
		r.Tags, r.Features[0].Scenarios[0].Gherkin = tags, text
		if _, err := evidence.Planned(r); err == nil {
			require.Contains(t, text, "exactly 0")
		}
	})
}
