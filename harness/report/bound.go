package report

import (
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// readRow reads the row of o again; ok is false for a row that nobody can
// read, which is then told without a picture.
func readRow(o evidence.Objective) (objective.Objective, bool) {
	row, err := objective.Parse(o.Measure, o.Target)
	return row, err == nil
}

// boundOf is the side of its limit on which the figure of o is good, or empty.
func boundOf(o evidence.Objective) objective.Bound {
	row, _ := readRow(o)
	return row.Bound
}

// valueFor finds the measure that o was judged on, or nil.
func valueFor(s evidence.Scenario, o evidence.Objective) *measure.Value {
	name := o.Measure
	if row, ok := readRow(o); ok {
		name = row.Measure
	}
	for i := range s.Measures {
		if s.Measures[i].Name == name {
			return &s.Measures[i]
		}
	}
	return nil
}

// ratios are the ratios of p on the scale on which o was judged: "at most" of
// durations speaks of how long, everything else of how fast.
func ratios(p measure.Pairs, o evidence.Objective) []float64 {
	fast, err := p.Ratios()
	if err != nil {
		return nil
	}
	if !ofDurations(p, o) {
		return fast
	}
	long := slices.Clone(fast)
	for i := range long {
		long[i] = 1 / fast[i]
	}
	return long
}

// ofDurations reports whether o bounds how long p took, not how fast it was.
func ofDurations(p measure.Pairs, o evidence.Objective) bool {
	row, ok := readRow(o)
	return ok && p.LowerIsBetter && row.Bound == objective.AtMost && row.Comparison != objective.Faster
}
