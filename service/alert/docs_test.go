package alert_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/alerts.md")
	require.NoError(t, err)
	return string(text)
}

func TestTheDocumentListsExactlyTheRules(t *testing.T) {
	const begin, end = "<!-- rules -->\n", "<!-- end of rules -->\n"
	_, rest, found := strings.Cut(document(t), begin)
	require.True(t, found)
	table, _, found := strings.Cut(rest, end)
	require.True(t, found)
	var wanted strings.Builder
	wanted.WriteString("\n| rule | measure | warning | critical | for | keep firing for | rests on |\n|---|---|---|---|---|---|---|\n")
	for _, r := range alert.Defaults() {
		rests := "–"
		if r.Samples != nil {
			rests = fmt.Sprintf("`%s` at least %v", r.Samples.Measure, r.Samples.AtLeast)
		}
		fmt.Fprintf(&wanted, "| [%s](#%s) | `%s` | %s | %s | %s | %s | %s |\n",
			r.Name, r.Name, r.Measure, bounds(r, r.Warning), bounds(r, r.Critical), r.For, r.KeepFiring, rests)
	}
	require.Equal(t, wanted.String()+"\n", table, "the table of service/docs/alerts.md should read:\n%s", wanted.String())
}

func bounds(r alert.Rule, t *alert.Threshold) string {
	if t == nil {
		return "–"
	}
	sign := "≥"
	if r.Direction == alert.Below {
		sign = "≤"
	}
	plain := func(v float64) string {
		if r.Measure == "partitions.largest_bytes" {
			return strconv.FormatFloat(v/(1<<30), 'f', -1, 64) + " GiB"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprintf("%s %s until %s", sign, plain(t.Fire), plain(t.Clear))
}

func TestEveryRuleHasItsRunbook(t *testing.T) {
	text := document(t)
	for _, r := range alert.Defaults() {
		file, anchor, _ := strings.Cut(r.Runbook, "#")
		require.Equal(t, "service/docs/alerts.md", file)
		_, section, found := strings.Cut(text, "\n### "+anchor+"\n\n")
		require.True(t, found, "there is no section %s", anchor)
		section, _, _ = strings.Cut(section, "\n### ")
		require.Greater(t, len(strings.Fields(section)), 15, "%s says too little", anchor)
	}
}

func TestTheDefaultsAreRight(t *testing.T) {
	known := map[string]bool{}
	for _, m := range alert.Measures() {
		require.False(t, known[m.Name], "%s is listed twice", m.Name)
		known[m.Name] = true
	}
	rules, err := alert.Parse(nil)
	require.NoError(t, err)
	require.Equal(t, alert.Defaults(), rules)
	for _, r := range rules {
		require.True(t, known[r.Measure], r.Measure)
		if r.Samples != nil {
			require.True(t, known[r.Samples.Measure], r.Samples.Measure)
		}
		// Named in a file, a default is judged as strictly as a rule of a file.
		_, err := alert.Parse([]byte("rules: [{name: " + r.Name + "}]"))
		require.NoError(t, err)
	}
}
