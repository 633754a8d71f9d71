package report

import (
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Line puts an objective of s into the words of the page for one line of a
// terminal: what was measured with its interval, and how far from the limit.
func Line(s evidence.Scenario, o evidence.Objective) (measured, headroom string) {
	var value *measure.Value
	if parsed, err := objective.Parse(o.Measure, o.Target); err == nil {
		for i := range s.Measures {
			if s.Measures[i].Name == parsed.Measure {
				value = &s.Measures[i]
			}
		}
	}
	t := tell(s, o, value)
	measured = t.Measured
	if strings.HasPrefix(t.Interval, "[") {
		measured += " " + t.Interval
	}
	return strings.ReplaceAll(measured, nbsp, " "), strings.ReplaceAll(t.Headroom, nbsp, " ")
}
