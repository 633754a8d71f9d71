package alert

import (
	"math"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/service/monitor"
)

// Measure is a figure that a rule may watch.
type Measure struct {
	// Name is what a rule calls it, Unit is written out, and Says is what it
	// is, in a sentence.
	Name, Unit, Says string
}

// unreachable is the one figure that is made here; all others are the
// monitor's.
const unreachable = "health.unreachable"

// own says whether every replica judges the rule for itself: only it can say
// whether it reaches the database, also while it hears of nobody.
func (r Rule) own() bool { return r.Measure == unreachable }

// Measures lists every figure that a rule may watch.
func Measures() []Measure {
	measures := []Measure{
		{unreachable, "0 no, 1 yes", "The database does not answer, or nobody has been able to look for ten seconds."},
	}
	for _, m := range monitor.Measures() {
		measures = append(measures, Measure{m.Name, m.Unit, m.Says})
	}
	return measures
}

func measureNames() []string {
	var names []string
	for _, m := range Measures() {
		names = append(names, m.Name)
	}
	return names
}

func unitOf(measure string) string {
	for _, m := range Measures() {
		if m.Name == measure && !strings.Contains(m.Unit, " ") {
			return m.Unit
		}
	}
	return "" // a state, not an amount
}

// Reading is what was read at one moment.
type Reading struct {
	// Figures are those that are known.
	Figures map[string]float64
	// Unread are the names of those that could not be read.
	Unread []string
	// Blind is set while nobody has looked yet: there is nothing to judge.
	Blind bool
}

// sample is what the reading has for a rule.
func (r Reading) sample(rule Rule) Sample {
	sample := Sample{Unread: slices.Contains(r.Unread, rule.Measure)}
	if rule.Samples != nil && r.Figures[rule.Samples.Measure] < rule.Samples.AtLeast {
		return sample
	}
	if value, known := r.Figures[rule.Measure]; known && !math.IsNaN(value) && !math.IsInf(value, 0) {
		sample.Value = &value
	}
	return sample
}

// Read turns a snapshot of the monitor into a Reading.
func Read(s monitor.Snapshot) Reading {
	r := Reading{Figures: s.Figures(), Unread: s.Unread()}
	switch {
	case slices.Contains(s.Reasons, monitor.NotCollected) && !slices.Contains(s.Reasons, monitor.Outdated):
		return Reading{Figures: map[string]float64{}, Blind: true}
	case slices.Contains(s.Reasons, monitor.Unreachable), slices.Contains(s.Reasons, monitor.Outdated):
		r.Figures[unreachable] = 1
	default:
		r.Figures[unreachable] = 0
	}
	return r
}
