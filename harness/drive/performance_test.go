package drive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

func TestATableOfTargetsIsHeldAgainstTheService(t *testing.T) {
	targets := []drive.PerformanceTarget{{"a", "at least 2 × baseline"}, {"b", "at most 50 % of baseline"}}
	a, b := []string{"a", "at least 2 × baseline"}, []string{"b", "at most 50 % of baseline"}
	tests := map[string]struct {
		table  [][]string
		differ float64
		says   string
	}{
		"the same":             {[][]string{a, b}, 0, "all are the same"},
		"in another order":     {[][]string{b, a}, 0, "all are the same"},
		"another limit":        {[][]string{{"a", "at least 3 × baseline"}, b}, 1, "the service has a | at least 2 × baseline"},
		"one that is missing":  {[][]string{b}, 1, "the service has a | at least 2 × baseline"},
		"one that is too much": {[][]string{a, b, {"c", ""}}, 1, "the service has no c"},
		"nothing":              {nil, 2, "the service has b | at most 50 % of baseline"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seen := drive.CompareTargets(targets, test.table)["targets that differ from the table"].Amount
			require.InDelta(t, test.differ, seen.Value, 0)
			require.Contains(t, seen.Says, test.says)
		})
	}
}
