package alert_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
)

func named(t *testing.T, rules []alert.Rule, name string) alert.Rule {
	t.Helper()
	at := slices.IndexFunc(rules, func(r alert.Rule) bool { return r.Name == name })
	require.GreaterOrEqual(t, at, 0, name)
	return rules[at]
}

func TestAFileChangesOnlyWhatItStates(t *testing.T) {
	rules, err := alert.Parse([]byte(`# ours
rules:
  - name: pool_usage
    warning: {fire: 0.75}
    critical: null
    for: 30s
  - name: cache_hit
    disabled: true
  - name: waiting_long
    measure: pool.wait_ms
    critical: {fire: 500, clear: 200}
    keep_firing_for: 1m30s
    least_samples: {measure: pool.acquires_per_second, at_least: 2}
    inhibited_by: [database_unreachable]
    summary: Requests wait {value}.
    runbook: https://wiki.example/waiting
`))
	require.NoError(t, err)
	require.Len(t, rules, len(alert.Defaults())+1)
	before, pool := named(t, alert.Defaults(), "pool_usage"), named(t, rules, "pool_usage")
	require.Equal(t, &alert.Threshold{Fire: 0.75, Clear: 0.7}, pool.Warning)
	require.Nil(t, pool.Critical)
	require.Equal(t, 30*time.Second, pool.For)
	require.Equal(t, before.Summary, pool.Summary)
	require.Equal(t, before.KeepFiring, pool.KeepFiring)
	require.True(t, named(t, rules, "cache_hit").Disabled)
	require.Equal(t, alert.Rule{
		Name: "waiting_long", Measure: "pool.wait_ms", Direction: alert.Above, Critical: &alert.Threshold{Fire: 500, Clear: 200},
		KeepFiring: 90 * time.Second, Samples: &alert.Samples{Measure: "pool.acquires_per_second", AtLeast: 2},
		InhibitedBy: []string{"database_unreachable"}, Summary: "Requests wait {value}.", Runbook: "https://wiki.example/waiting",
	}, named(t, rules, "waiting_long"))
}

func TestAllProblemsAreToldAtOnceWithTheirLines(t *testing.T) {
	_, err := alert.Parse([]byte(`rules:
  - name: pool_usge
    measure: pool.utilization
    warning: {fire: 0.7, clear: 0.8}
    for: -5s
    fore: 3s
  - name: cache_hit
    critical: {fire: high, clear: 1}
  - name: pool_usage
    inhibited_by: [database_unreachabel]
  - name: pool_usage
  - measure: 3
extra: 1
`))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		`line 3: pool_usge: measure: "pool.utilization" is not known; did you mean pool.utilisation?; there are health.unreachable, `,
		`line 4: pool_usge: warning: clear 0.8 must lie on the good side of fire 0.7, for the trouble is above`,
		`line 5: pool_usge: for: must not be negative, is -5s`,
		`line 6: pool_usge: "fore" is not known; did you mean for?`,
		`line 8: cache_hit: critical.fire: must be a number, such as 0.8`,
		`line 8: cache_hit: critical: clear 1 is less bad than that of warning, 0.9`,
		`line 10: pool_usage: inhibited_by: there is no rule "database_unreachabel"; did you mean database_unreachable?`,
		`line 11: pool_usage: there is a rule of this name in line 9 already`,
		`line 12: a rule needs a name of small letters, digits and _, such as pool_usage`,
		`line 12: a rule: measure: must be a text`,
		`line 13: a rules file: "extra" is not known`,
	} {
		require.Greater(t, len(lines), i, "missing: %s", want)
		require.True(t, strings.HasPrefix(lines[i], want), "want %s\nhave %s", want, lines[i])
	}
	require.Len(t, lines, 11)
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	rule := func(rest string) string {
		return "rules:\n  - name: mine\n    measure: pool.wait_ms\n    warning: {fire: 2, clear: 1}\n" + rest
	}
	tests := map[string]struct{ text, says string }{
		"no YAML":                     {"rules: [", "line 1: did not find expected node content"},
		"two documents":               {"rules: []\n---\nrules: []", "one YAML document"},
		"a list":                      {"- name: x", "line 1: a rules file: must be a mapping with the keys rules"},
		"rules that are none":         {"rules: yes", "line 1: rules: must be a list"},
		"a rule that is none":         {"rules: [7]", "line 1: a rule needs a name"},
		"a name nobody can say":       {"rules: [{name: Pool Usage}]", "line 1: a rule needs a name"},
		"a default's name misspelled": {"rules:\n - name: pool_usge\n   for: 3s", "line 2: pool_usge: needs a measure, for no default has this name; did you mean pool_usage?"},
		"no severity":                 {"rules: [{name: mine, measure: pool.wait_ms}]", "line 1: mine: needs warning, critical or both"},
		"no severity left":            {"rules: [{name: pool_usage, warning: null, critical: null}]", "needs warning, critical or both"},
		"half a threshold":            {"rules: [{name: mine, measure: pool.wait_ms, warning: {fire: 1}}]", "mine: warning: needs both fire and clear"},
		"a threshold without a band":  {rule("    critical: {fire: 3, clear: 3}"), "line 5: mine: critical: clear 3 must lie on the good side"},
		"a lesser critical":           {rule("    critical: {fire: 1.5, clear: 1}"), "line 5: mine: critical: fire 1.5 is less bad than that of warning, 2"},
		"not a number":                {rule("    critical: {fire: .nan, clear: 1}"), "line 5: mine: critical.fire: must be a number"},
		"more than any number":        {rule("    critical: {fire: .inf, clear: 1}"), "line 5: mine: critical.fire: must be a number"},
		"a duration without a unit":   {rule("    for: 30"), "line 5: mine: for: must be a duration with its unit"},
		"a duration of a month":       {rule("    keep_firing_for: 744h"), "line 5: mine: keep_firing_for: must be at most a week"},
		"a side there is not":         {rule("    direction: over"), "line 5: mine: direction: must be above or below"},
		"samples of nothing":          {rule("    least_samples: {at_least: 3}"), "line 5: mine: least_samples: needs the measure that counts"},
		"itself":                      {rule("    inhibited_by: [mine]"), "a rule cannot inhibit itself"},
		"a chain":                     {rule("    inhibited_by: [pool_usage]"), "pool_usage is inhibited itself"},
		"a name alone":                {rule("    inhibited_by: pool_usage"), "must be a list of names"},
		"maybe":                       {rule("    disabled: maybe"), "must be true or false"},
		"a field twice":               {rule("    for: 1s\n    for: 2s"), "line 6: mine: for is given twice, first in line 5"},
		"an alias":                    {"rules:\n  - &a {name: pool_usage, for: 1s}\n  - name: pool_wait\n    warning: *a", "aliases are not read"},
		"a novel":                     {rule("    summary: " + strings.Repeat("x", 501)), "has 501 bytes, at most 500"},
		"too much":                    {strings.Repeat("#", 1<<20+1), "at most 1048576 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := alert.Parse([]byte(test.text))
			require.ErrorContains(t, err, test.says)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "rules:", "rules: [{name: pool_usage, for: 3s}]", "rules: [{name: a, measure: pool.wait_ms, warning: {fire: 2, clear: 1}}]",
		"rules: [{name: pool_usage, warning: null, least_samples: {measure: queries.count}, inhibited_by: [x]}]", "a: &a [*a]", "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := alert.Parse(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.GreaterOrEqual(t, len(rules), len(alert.Defaults()))
		for _, r := range rules { // whatever is taken can be shown and judged
			_, err := json.Marshal(r)
			require.NoError(t, err)
			v := 1.0
			alert.Step(epoch(), alert.Sample{Value: &v}, r, alert.State{})
		}
	})
}

func TestAMissingFileIsSaidPlainly(t *testing.T) {
	_, err := alert.ReadRules("nowhere.yaml")
	require.EqualError(t, err, "reading nowhere.yaml: no such file or directory")
}
