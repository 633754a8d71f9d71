package drive

import (
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// grace is the part of a window's width by which the last prices of a window
// may be answered after its end: a price that falls due in its last moment
// cannot be stored within it.
const grace = 10

// Capacity reads from a session of rising load how much the service keeps up
// with. A window is stored in full if every price that was due in it was
// acknowledged before its end, or within a tenth of its width after; nothing is
// left for later then, and nothing that was left from before helps it. It
// yields, a minute,
//
//   - "prices due", for each window;
//   - "prices stored in time", for each window: of those due in it;
//   - "ingest capacity": the highest of the prices due of a window that was
//     stored in full; zero if none was.
func (o Outcome) Capacity() measure.Set {
	due, kept := o.session.windows(o.Ledger)
	best := measure.Amount{
		Of:   int64(len(due.Windows)),
		Says: fmt.Sprintf("none of %d windows was stored in full", len(due.Windows)),
	}
	full := 0
	for i, rate := range due.Windows {
		if kept.Windows[i] != rate {
			continue
		}
		full++
		best.Value = max(best.Value, rate)
		best.Says = fmt.Sprintf("the highest of %d windows stored in full, of %d", full, len(due.Windows))
	}
	return measure.Set{
		"ingest capacity":       {Unit: "a minute", Amount: &best},
		"prices due":            {Unit: "a minute", Series: &due},
		"prices stored in time": {Unit: "a minute", Series: &kept},
	}
}

// windows counts, for each whole window of the session, the prices that were
// due in it, and those of them that were stored in time, both a minute.
func (s Session) windows(l *Ledger) (due, kept measure.Series) {
	n := Due(s.Schedule)
	length, _ := s.Schedule.Due(n)
	whole := int(length / s.Window)
	due = measure.Series{Width: s.Window.Seconds(), Windows: make([]float64, whole)}
	kept = measure.Series{Width: s.Window.Seconds(), Windows: make([]float64, whole)}
	each := float64(time.Minute) / float64(s.Window)
	for i := range min(n, len(l.fates)) {
		at, _ := s.Schedule.Due(i)
		w := int(at / s.Window)
		if w >= whole {
			break
		}
		due.Windows[w] += each
		end := time.Duration(w+1) * s.Window
		if l.fates[i] == acknowledged && at+l.took[i] <= end+s.Window/grace {
			kept.Windows[w] += each
		}
	}
	return due, kept
}

// Due counts the operations of a schedule.
func Due(schedule load.Schedule) int {
	n := 0
	for {
		if _, more := schedule.Due(n); !more {
			return n
		}
		n++
	}
}
