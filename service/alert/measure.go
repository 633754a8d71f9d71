package alert

import (
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
)

// Measure is a figure that a rule may watch.
type Measure struct {
	// Name is what a rule calls it, Unit is written out, and Says is what it
	// is, in a sentence.
	Name, Unit, Says string
}

// The figures that are made here; all others are the monitor's.
const (
	unreachable  = "health.unreachable"
	insertRate   = "inserts.rate_of_baseline"
	lookAhead    = "partitions.look_ahead_hours"
	defaultRows  = "partitions.default_rows"
	largestBytes = "partitions.largest_bytes"
	ofPartitions = "partitions."
)

// Measures lists every figure that a rule may watch.
func Measures() []Measure {
	measures := []Measure{
		{unreachable, "0 no, 1 yes", "The database does not answer, or nobody has been able to look for ten seconds."},
		{insertRate, "share", "Rows a second while rows arrive, of the median of the last hour of inserting."},
		{lookAhead, "hours", "For how long from now every partitioned table with days has a partition for what arrives."},
		{defaultRows, "rows", "Rows in default partitions, where nobody looks for them by time."},
		{largestBytes, "bytes", "The size of the largest partition with its indexes."},
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
	// Unread are beginnings of names of figures that could not be read.
	Unread []string
}

// sample is what the reading has for a rule.
func (r Reading) sample(rule Rule) Sample {
	var sample Sample
	sample.Unread = slices.ContainsFunc(r.Unread, func(prefix string) bool { return strings.HasPrefix(rule.Measure, prefix) })
	if rule.Samples != nil && r.Figures[rule.Samples.Measure] < rule.Samples.AtLeast {
		return sample
	}
	if value, known := r.Figures[rule.Measure]; known {
		sample.Value = &value
	}
	return sample
}

// Read turns a snapshot of the monitor and what was last told of the
// partitions into a Reading. Nil partitions were not asked yet; unread says
// that they were asked and did not answer.
func Read(s monitor.Snapshot, partitions *partition.Status, unread bool) Reading {
	r := Reading{Figures: s.Figures()}
	switch {
	case slices.Contains(s.Reasons, monitor.NotCollected) && !slices.Contains(s.Reasons, monitor.Outdated):
		return Reading{Figures: map[string]float64{}} // nobody has looked yet
	case slices.Contains(s.Reasons, monitor.Unreachable), slices.Contains(s.Reasons, monitor.Outdated):
		r.Figures[unreachable] = 1
	default:
		r.Figures[unreachable] = 0
	}
	if unread {
		r.Unread = append(r.Unread, ofPartitions)
	} else if partitions != nil {
		readPartitions(r.Figures, *partitions)
	}
	return r
}

func readPartitions(figures map[string]float64, status partition.Status) {
	for _, table := range status.Tables {
		figures[defaultRows] += float64(table.DefaultRows)
		if ahead, known := figures[lookAhead]; table.Interval == "day" && (!known || table.LookAheadHours < ahead) {
			figures[lookAhead] = table.LookAheadHours
		}
		for _, p := range table.Partitions {
			figures[largestBytes] = max(figures[largestBytes], float64(p.Bytes))
		}
	}
}
