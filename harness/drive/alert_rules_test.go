package drive_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

func table() [][]string {
	return [][]string{
		{"pool_usage", "pool.utilisation", "at least 0.5 until 0.25", "at least 0.9 until 0.8", "2 s", "0.5 s"},
		{"insert_rate", "inserts.writing_share_of_baseline", "never", "at most 0.2 until 0.4", "0 s", "30 s"},
		{"sessions_wait", "locks.waiting", "at least 1 until 0", "never", "1 s", "1 s"},
	}
}

func TestATableOfRulesIsReadWordForWord(t *testing.T) {
	rules, err := drive.RulesIn(table())
	require.NoError(t, err)
	require.Zero(t, drive.CompareRules(rules, table())["rules that differ from the table"].Amount.Value)
	other := table()
	other[2][4] = "2 s"
	require.NotZero(t, drive.CompareRules(rules, other)["rules that differ from the table"].Amount.Value)
}

func TestATableOfRulesIsRefusedWithItsAlert(t *testing.T) {
	tests := map[string]struct {
		column int
		text   string
		want   string
	}{
		"a threshold in other words": {2, "over 0.5", `the alert pool_usage, warning: "over 0.5" is neither "never" nor like "at least 0.8 until 0.7"`},
		"a threshold of letters":     {2, "at least much until 0", `"at least much until 0" does not hold two numbers`},
		"two directions":             {2, "at most 0.5 until 0.7", "warning and critical look to different sides"},
		"a time without a unit":      {4, "2", `fires after: "2" is no time such as "2 s"`},
		"a negative time":            {5, "-2 s", `ends after: "-2 s" is no time`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rows := table()
			rows[0][test.column] = test.text
			_, err := drive.RulesIn(rows)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// The service itself reads what the harness writes.
func TestAServiceTakesTheRulesOfATable(t *testing.T) {
	program := marketd(t)
	rules, err := drive.RulesIn(table())
	require.NoError(t, err)
	own, err := drive.AlertRules(t.Context(), program, "")
	require.NoError(t, err)
	text, err := drive.RulesFile(rules, own)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	taken, err := drive.AlertRules(t.Context(), program, path)
	require.NoError(t, err)
	require.Zero(t, drive.CompareRules(taken, table())["rules that differ from the table"].Amount.Value, "%s", text)
}
