package drive_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
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

func TestFiguresOfPerformanceAreAwaited(t *testing.T) {
	figure := func(value, reason, met string) string {
		return fmt.Sprintf(`{"name":"x","value":%s,"reason":%s,"met":%q}`, value, reason, met)
	}
	tests := map[string]struct {
		figures         []string
		without, missed measure.Amount
	}{
		"all are good":           {[]string{figure("2", "null", "yes"), figure("3", "null", "undecided")}, measure.Amount{Of: 2, Says: "each has one"}, measure.Amount{Of: 2, Says: "none"}},
		"one has no value":       {[]string{figure("null", `"too_few_rows"`, "undecided")}, measure.Amount{Value: 1, Of: 1, Says: "x: too_few_rows"}, measure.Amount{Of: 1, Says: "none"}},
		"one misses its target":  {[]string{figure("1.5", "null", "no")}, measure.Amount{Of: 1, Says: "each has one"}, measure.Amount{Value: 1, Of: 1, Says: "x: 1.5"}},
		"no time to measure it":  {[]string{figure("null", `"out_of_budget"`, "undecided")}, measure.Amount{Value: 1, Of: 0, Says: "x: out_of_budget"}, measure.Amount{Of: 1, Says: "none"}},
		"neither time nor right": {[]string{figure("null", `"timed_out"`, ""), figure("null", `"not_permitted"`, "")}, measure.Amount{Value: 1, Of: 2, Says: "x: not_permitted"}, measure.Amount{Of: 2, Says: "none"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			m := marketOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				measured := "null"
				if asked++; asked > 1 {
					measured = `"2026-01-05T14:30:00Z"`
				}
				_, _ = fmt.Fprintf(w, `{"measured_at":%s,"metrics":[%s]}`, measured, strings.Join(test.figures, ","))
			}))
			seen, err := m.AwaitPerformance(t.Context())
			require.NoError(t, err)
			require.Equal(t, &test.without, seen["figures without a value"].Amount)
			require.Equal(t, &test.missed, seen["targets missed"].Amount)
			require.Equal(t, &measure.Share{Hits: 2, Of: 2}, seen["answers that break their schema"].Share, "there is more to an answer")
		})
	}
}
