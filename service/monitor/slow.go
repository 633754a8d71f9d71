package monitor

import (
	"cmp"
	"slices"
	"time"
)

const (
	// slowFor is how long a slow statement is told of.
	slowFor = 5 * time.Minute
	// mostSlow is how many are told.
	mostSlow = 10
	// unnamed is what all statements without a name are called together.
	unnamed = "other"
)

// noteSlow keeps the slowest run of each statement and minute.
func (r *Recorder) noteSlow(name string, took time.Duration, now time.Time) {
	if name == "" || r.byName[name] == nil && len(r.byName) >= maxStatements {
		name = unnamed
	}
	runs, minute, ms := r.slowest[name], now.Unix()/60, milliseconds(took)
	last := len(runs) - 1
	same := last >= 0 && runs[last].minute == minute
	if same && runs[last].MS >= ms {
		return
	}
	run := Slow{Name: name, MS: ms, At: now.UTC().Truncate(time.Microsecond), minute: minute}
	if same {
		runs[last] = run
		return
	}
	runs = slices.DeleteFunc(runs, func(s Slow) bool { return now.Sub(s.At) >= slowFor })
	r.slowest[name] = append(runs, run)
}

// slow returns the slowest runs, one for each statement, the slowest first.
func (r *Recorder) slow(now time.Time) []Slow {
	slowest := []Slow{}
	for _, runs := range r.slowest {
		runs = slices.DeleteFunc(slices.Clone(runs), func(s Slow) bool { return now.Sub(s.At) >= slowFor })
		if len(runs) > 0 {
			slowest = append(slowest, slices.MaxFunc(runs, func(a, b Slow) int { return cmp.Compare(a.MS, b.MS) }))
		}
	}
	slices.SortFunc(slowest, slowestFirst)
	return slowest[:min(len(slowest), mostSlow)]
}

func slowestFirst(a, b Slow) int {
	return cmp.Or(cmp.Compare(b.MS, a.MS), cmp.Compare(a.Name, b.Name))
}

// noQueries is what is known before any.
func noQueries() Queries {
	return Queries{WindowSeconds: windowSeconds, ByStatement: []Statement{}, Slowest: []Slow{}}
}
