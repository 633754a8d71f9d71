package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// drawn writes a difference as people know it.
func drawn(changes []plan.Change) string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, string(c.Sign)+c.Line)
	}
	return strings.Join(lines, "\n")
}

func TestADifferenceTellsWhatGoesAndWhatComes(t *testing.T) {
	tests := map[string]struct{ before, after, want string }{
		"no change":             {"a b c", "a b c", " a| b| c"},
		"an index is gone":      {"sort index-scan filter", "sort seq-scan filter", " sort|-index-scan|+seq-scan| filter"},
		"a step comes":          {"a c", "a b c", " a|+b| c"},
		"a step goes":           {"a b c", "a c", " a|-b| c"},
		"all is new":            {"a b", "c d", "-a|-b|+c|+d"},
		"a step moves":          {"a b c d", "a c b d", " a|-b| c|+b| d"},
		"from nothing":          {"", "a", "+a"},
		"to nothing":            {"a", "", "-a"},
		"twice before or after": {"x y x", "y x", "-x| y| x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			changes := plan.Diff(strings.Fields(test.before), strings.Fields(test.after))
			require.Equal(t, strings.ReplaceAll(test.want, "|", "\n"), drawn(changes))
			require.Equal(t, test.before != test.after, plan.Changed(changes))
		})
	}
}

func FuzzDiff(f *testing.F) {
	f.Add("a b c", "a c d")
	f.Fuzz(func(t *testing.T, before, after string) {
		a, b := strings.Fields(before), strings.Fields(after)
		var left, right []string
		for _, c := range plan.Diff(a, b) {
			if c.Sign != '+' {
				left = append(left, c.Line)
			}
			if c.Sign != '-' {
				right = append(right, c.Line)
			}
		}
		require.Equal(t, strings.Join(a, " "), strings.Join(left, " "), "without what comes it is the text before")
		require.Equal(t, strings.Join(b, " "), strings.Join(right, " "), "without what goes it is the text after")
	})
}
