package drive

import (
	"math"
	"slices"
	"time"
)

// Rise is a session of rising load, window by window, and what was seen beside it.
type Rise struct {
	// Stretches are the windows of the session, in order.
	Stretches []Stretch
	// Capacity is the highest rate, in prices a minute, whose window was stored
	// in full; zero if none was.
	Capacity float64
	// Reached says that a window with a higher rate was not stored in full: the
	// knee lies between the two. Otherwise it lies beyond the session.
	Reached bool
	// Strain is what was seen from the first window that lies beyond the
	// capacity to the end of the session; or, if the knee was not reached, in
	// the last window.
	Strain Strain
}

// Stretch is one window of a session.
type Stretch struct {
	// Due and Kept are the prices due in it and those of them that were stored
	// in time, a minute.
	Due, Kept float64
	// P99 is how long the slowest hundredth of its acknowledged prices took at
	// least, from the moment each was due; zero if none was acknowledged.
	P99 time.Duration
}

// Rise puts what the observer saw beside the windows of the session.
func (o Outcome) Rise(seen *Observer) Rise {
	due, kept := o.session.windows(o.Ledger)
	r := Rise{Capacity: o.Capacity()["ingest capacity"].Amount.Value}
	took := o.session.tookIn(o.Ledger, len(due.Windows))
	beyond := len(due.Windows) - 1
	for i := range due.Windows {
		r.Stretches = append(r.Stretches, Stretch{Due: due.Windows[i], Kept: kept.Windows[i], P99: slowest(took[i])})
		if !r.Reached && due.Windows[i] > r.Capacity {
			r.Reached, beyond = true, i
		}
	}
	from := o.began.Add(time.Duration(beyond) * o.session.Window)
	to := o.began.Add(time.Duration(len(due.Windows)) * o.session.Window)
	r.Strain = seen.Strain(from, to)
	return r
}

// tookIn gathers how long the acknowledged prices of each window took.
func (s Session) tookIn(l *Ledger, windows int) [][]time.Duration {
	took := make([][]time.Duration, windows)
	for i := range min(Due(s.Schedule), len(l.fates)) {
		at, _ := s.Schedule.Due(i)
		if w := int(at / s.Window); w < windows && l.fates[i] == acknowledged {
			took[w] = append(took[w], l.took[i])
		}
	}
	return took
}

// slowest is the 99th percentile by the nearest rank.
func slowest(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[int(math.Ceil(0.99*float64(len(took))))-1]
}
