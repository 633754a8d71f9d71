package steps_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/steps"
)

func TestTheFeaturesOfTheProjectArePlanned(t *testing.T) {
	plan, err := steps.NewPlan(steps.Selection{Dir: featuresDir, Profile: "pr"})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(plan.Features), 6)
	require.GreaterOrEqual(t, len(plan.Planned()), 14)

	all, err := steps.NewPlan(steps.Selection{Dir: featuresDir, Profile: "release"})
	require.NoError(t, err)
	require.Greater(t, len(all.Planned()), len(plan.Planned()), "no scenario is kept for longer profiles")
	for _, f := range all.Features {
		for _, s := range f.Scenarios {
			if f.Tag == evidence.RegressionTag {
				require.Equal(t, "runs with --against", s.Skipped)
			} else {
				require.Empty(t, s.Skipped, "release runs everything that one version can be asked")
			}
			require.Contains(t, s.Gherkin, "Scenario: "+s.Title)
			require.NotContains(t, strings.TrimPrefix(s.Gherkin, "Rule"), "Rule:", "%s runs into the next rule", s.ID)
		}
	}
}

const sound = `@demo
Feature: A feature

  Why it matters.

  Rule: A promise

    @pr @SLO-DEMO-01
    Scenario: A day
      Given a market of 20 instruments
      When a monitor asks for the health 40 times
      Then these objectives hold:
        | measure                        | target    |
        | version 1 answers that changed | exactly 0 |
`

func TestABadFeatureIsRefusedWithTheLineAndTheWayOut(t *testing.T) {
	replace := func(old, text string) string { return strings.Replace(sound, old, text, 1) }
	tests := map[string]struct {
		feature string
		want    []string
	}{
		"an empty file":               {"", []string{"features/demo.feature:1", "no Feature"}},
		"a feature without scenarios": {"@demo\nFeature: Nothing\n", []string{"features/demo.feature:2", "holds no scenario"}},
		"a scenario without steps":    {sound + "\n    @pr @SLO-DEMO-02\n    Scenario: Nothing\n", []string{"demo.feature:17", `"Nothing" has no steps`}},
		"no Gherkin":                  {"Hello\n", []string{"features/demo.feature:1", "no readable Gherkin"}},
		"an undefined step":           {replace("a monitor asks for the health 40 times", "a monitor asks for the weather 40 times"), []string{"demo.feature:11", "no step understands", "a monitor asks for the health"}},
		"an unknown measure":          {replace("| version 1 answers that changed |", "| version 9 answers that changed |"), []string{"demo.feature:14", `no step of this scenario measures "version 9 answers that changed"`, `"health answer"`}},
		"a malformed target":          {replace("exactly 0", "about 0"), []string{"demo.feature:14", "about 0", "at most"}},
		"no id":                       {replace(" @SLO-DEMO-01", ""), []string{"demo.feature:9", "exactly one id tag"}},
		"two profiles":                {replace("@pr", "@pr @nightly"), []string{"demo.feature:9", "exactly one of @pr, @nightly and @release"}},
		"an id used twice":            {sound + strings.Split(sound, "A promise\n")[1], []string{"already used at features/demo.feature:9"}},
		"a capability that is none":   {replace("@demo\n", "@quarantine\n"), []string{"demo.feature:2: the feature needs one capability tag"}},
		"a target after a comment":    {replace("exactly 0 |", "exactly 0 |\n        # why\n\n        | health answer | about 0 |"), []string{"demo.feature:17: ", "about 0"}},
		"columns after a comment":     {replace("        | measure                        | target    |", "        # why\n        | measure | limit |"), []string{"demo.feature:14: ", "measure and target"}},
		"a number that nobody means":  {replace("40 times", "99999999999999999999 times"), []string{"demo.feature:11: ", "99999999999999999999 is more than 10,000,000"}},
		"a number that is none":       {replace("40 times", ",, times"), []string{`demo.feature:11: ",," is not a whole number`}},
		"more prices than memory":     {replace("a monitor asks for the health 40 times", "the market trades 100,000 prices a second for 3,600 seconds"), []string{"demo.feature:11: ", "100,000 prices a second for 3,600 seconds are more than 10,000,000 prices"}},
		"more prices while reading":   {replace("a monitor asks for the health 40 times", "an operator reads the database health 10 times a second for 3,600 seconds while the market trades 100,000 prices a second"), []string{"demo.feature:11: ", "more than 10,000,000 prices"}},
		"a rise beyond all measure":   {replace("a monitor asks for the health 40 times", "the load rises from 1 to 9,000,000 prices a minute over 120 seconds"), []string{"demo.feature:11: ", "more than 10,000,000 prices"}},
		"a session without end":       {replace("a monitor asks for the health 40 times", "a client of version 1 follows the market for 86,401 seconds at 20 prices a second"), []string{"demo.feature:11: ", "longer than a day"}},
		"no capability":               {replace("@demo\n", ""), []string{"demo.feature:1", "capability tag"}},
		"nothing promised":            {strings.Split(sound, "      Then")[0], []string{"demo.feature:9", "promises nothing"}},
		"a table without rows":        {replace("        | version 1 answers that changed | exactly 0 |\n", ""), []string{"demo.feature:12", "at least one row"}},
		"other columns":               {replace("| target    |", "| limit     |"), []string{"demo.feature:13", "measure and target"}},
		"quarantine without a date":   {replace("@pr @SLO", "@quarantine @pr @SLO"), []string{"demo.feature:9", "@quarantine needs a comment"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := steps.NewPlan(steps.Selection{Dir: directory(t, test.feature), Profile: "pr"})
			require.Error(t, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestATargetThatCouldNeverBeJudgedIsRefusedBeforeAnythingRuns(t *testing.T) {
	tests := map[string]struct {
		when, measure, target string
		want                  string
	}{
		"another unit":                      {"the market trades 20 prices a second for 3 seconds", "delivery lag", "at most 5 %", `write the target in "ms"`},
		"a count for a share":               {"the market trades 20 prices a second for 3 seconds", "prices delivered", "exactly 0", `write the target in "%"`},
		"a share for a count":               {"the market trades 20 prices a second for 3 seconds", "prices dropped", "at most 1 %", "write the target without a unit"},
		"a percentile of a count":           {"the market trades 20 prices a second for 3 seconds", "prices delivered, p99", "at least 99 %", `write "prices delivered"`},
		"a percentile of windows":           {"the market trades 20 prices a second for 3 seconds", "prices stored, p50", "at least 99 a minute", `write "prices stored"`},
		"a percentile of one figure":        {"the release is taken back and put on again", "upgrade, duration, p50", "at most 9 s", `write "upgrade, duration"`},
		"a comparison of what is not":       {"the market trades 20 prices a second for 3 seconds", "delivery lag", "at most 105 % of baseline", "write an absolute target"},
		"a time for a comparison":           {"both systems store prices in batches of 100", "insert throughput", "at least 30 ms", `such as "at least 2 × baseline"`},
		"a comparison for a relative error": {"both systems calculate the avg of all trades", "relative error (avg)", "at most 1 × baseline", "write an absolute target"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			feature := strings.NewReplacer("a monitor asks for the health 40 times", test.when,
				"version 1 answers that changed", test.measure, "exactly 0", test.target).Replace(sound)
			_, err := steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "pr"})
			require.ErrorContains(t, err, "features/demo.feature:14: ")
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	bad := strings.NewReplacer("exactly 0", "about 0", "a market of 20 instruments", "a bazaar", " @SLO-DEMO-01", " @SLO-DEMO-01").Replace(sound)
	_, err := steps.NewPlan(steps.Selection{Dir: directory(t, bad), Profile: "pr"})
	require.ErrorContains(t, err, "demo.feature:10")
	require.ErrorContains(t, err, "demo.feature:14")
}

func TestASelectionThatFitsNothingIsRefused(t *testing.T) {
	dir := directory(t, sound)
	tests := map[string]struct {
		selection steps.Selection
		want      []string
	}{
		"a misspelt tag":               {steps.Selection{Dir: dir, Profile: "pr", Tags: "@dmeo"}, []string{"@dmeo", "known tags are", "@demo"}},
		"an unreadable expression":     {steps.Selection{Dir: dir, Profile: "pr", Tags: "@demo and"}, []string{"cannot be read"}},
		"no tag at all":                {steps.Selection{Dir: dir, Profile: "pr", Tags: "demo"}, []string{"names no tag"}},
		"tags that leave nothing":      {steps.Selection{Dir: dir, Profile: "pr", Tags: "not @demo"}, []string{"no scenario fits"}},
		"an unknown id":                {steps.Selection{Dir: dir, Profile: "pr", Only: []string{"SLO-DEMO-9"}}, []string{"SLO-DEMO-9", "SLO-DEMO-01"}},
		"an unknown profile":           {steps.Selection{Dir: dir, Profile: "hourly"}, []string{"hourly", "nightly"}},
		"a directory without features": {steps.Selection{Dir: t.TempDir(), Profile: "pr"}, []string{"holds no feature files", "--features"}},
		"a missing directory":          {steps.Selection{Dir: filepath.Join(dir, "none"), Profile: "pr"}, []string{"--features"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := steps.NewPlan(test.selection)
			require.Error(t, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestOnlyComparisonsOfVersionsRunWithAnotherVersion(t *testing.T) {
	dir := directory(t, sound)
	other := strings.NewReplacer("@demo", "@regression", "@SLO-DEMO-01", "@SLO-REGRESSION-01").Replace(sound) +
		strings.NewReplacer("@pr @SLO-DEMO-01", "@nightly @SLO-REGRESSION-02", "A promise\n\n", "").Replace("\n"+strings.Split(sound, "Rule: ")[1])
	require.NoError(t, os.WriteFile(filepath.Join(dir, "regression.feature"), []byte(other), 0o600))
	tests := map[string]struct {
		selection steps.Selection
		planned   []string
		reasons   []string // why not, of every scenario in order
	}{
		"without another version":              {steps.Selection{Profile: "pr"}, []string{"SLO-DEMO-01"}, []string{"", "runs with --against", "runs in profile nightly"}},
		"a release without another version":    {steps.Selection{Profile: "release"}, []string{"SLO-DEMO-01"}, []string{"", "runs with --against", "runs with --against"}},
		"with another version":                 {steps.Selection{Profile: "pr", Against: true}, []string{"SLO-REGRESSION-01"}, []string{"left out by --against", "", "runs in profile nightly"}},
		"with another version in the night":    {steps.Selection{Profile: "nightly", Against: true}, []string{"SLO-REGRESSION-01", "SLO-REGRESSION-02"}, []string{"left out by --against", "", ""}},
		"with another version, narrowed by id": {steps.Selection{Profile: "nightly", Against: true, Only: []string{"SLO-REGRESSION-02"}}, []string{"SLO-REGRESSION-02"}, []string{"left out by --against", "left out by --only", ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.selection.Dir = dir
			plan, err := steps.NewPlan(test.selection)
			require.NoError(t, err)
			require.Equal(t, test.planned, plan.Planned())
			var reasons []string
			for _, f := range plan.Features {
				for _, s := range f.Scenarios {
					reasons = append(reasons, s.Skipped)
				}
			}
			require.Equal(t, test.reasons, reasons)
		})
	}
	_, err := steps.NewPlan(steps.Selection{Dir: dir, Profile: "pr", Tags: "@regression"})
	require.ErrorContains(t, err, "@regression runs with --against")
	_, err = steps.NewPlan(steps.Selection{Dir: dir, Profile: "pr", Tags: "@demo", Against: true})
	require.ErrorContains(t, err, `profile pr with --against and --tags "@demo"`)
}

func TestQuarantineDoesNotGateAndSaysWhy(t *testing.T) {
	feature := strings.Replace(sound, "    @pr @SLO", "    # 2026-01-31: the clock of the test host jumps\n    @quarantine @pr @SLO", 1)
	plan, err := steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "pr"})
	require.NoError(t, err)
	scenario := plan.Features[0].Scenarios[0]
	require.Equal(t, "2026-01-31: the clock of the test host jumps", scenario.Quarantined)
	require.False(t, scenario.Objectives[0].Gating)
}

func TestTheEvidenceNamesTheLineOfEveryRow(t *testing.T) {
	feature := sound + "        # a reason\n\n        | health answer | at most 100 ms |\n"
	plan, err := steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "pr"})
	require.NoError(t, err)
	objectives := plan.Features[0].Scenarios[0].Objectives
	require.Equal(t, []int{14, 17}, []int{objectives[0].Line, objectives[1].Line})
}

func TestWhatBelongsToAScenarioIsRefusedOnAFeature(t *testing.T) {
	for _, tag := range []string{"@quarantine", "@nightly", "@SLO-DEMO-07", "@second"} {
		feature := strings.Replace(sound, "@demo", tag+" @demo", 1)
		_, err := steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "pr"})
		require.ErrorContains(t, err, "features/demo.feature:2: the feature needs one capability tag of its own")
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(sound)
	f.Add("Feature: \n Scenario Outline: a\n  Given <b>\n Examples:\n |b|\n |c|\n")
	f.Fuzz(func(t *testing.T, feature string) {
		_, _ = steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "release"})
	})
}

func directory(t *testing.T, feature string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "demo.feature"), []byte(feature), 0o600))
	return dir
}

func TestACommentInAScenarioStaysAndOneAboveTheNextDoesNot(t *testing.T) {
	feature := strings.Replace(sound, "      When a monitor", "      # they ask often\n      When a monitor", 1) +
		"\n    # the next one\n" + strings.NewReplacer("A promise\n\n", "", "DEMO-01", "DEMO-02").Replace(strings.Split(sound, "Rule: ")[1])
	plan, err := steps.NewPlan(steps.Selection{Dir: directory(t, feature), Profile: "pr"})
	require.NoError(t, err)
	first := plan.Features[0].Scenarios[0].Gherkin
	require.Contains(t, first, "# they ask often")
	require.Contains(t, first, "| exactly 0 |")
	require.NotContains(t, first, "the next one")
}
