package drive

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// settled is when one price was due and when its answer came, both from the
// start of the session.
type settled struct {
	due, at time.Duration
	good    bool
}

// replies are the answers to all offered prices, by the time of the answer. An answer
// that the journal lost has no time and is left out.
func (l *Ledger) replies() []settled {
	var all []settled
	for i, f := range l.fates {
		if f != unoffered && l.took[i] > 0 {
			all = append(all, settled{due: l.due[i], at: l.due[i] + l.took[i], good: f == acknowledged})
		}
	}
	slices.SortFunc(all, func(a, b settled) int { return cmp.Compare(a.at, b.at) })
	return all
}

// LongestStall is the longest time in which prices were due and none was
// acknowledged: from one acknowledgement, or the moment at which the next price
// was due if nothing waited, to the next acknowledgement, or to the last answer
// if no other followed.
func (l *Ledger) LongestStall() time.Duration {
	longest, _ := l.within(0, math.MaxInt64)
	return longest
}

// within is the longest stall that touches a stretch of the session, and how
// many prices were acknowledged in it.
func (l *Ledger) within(from, to time.Duration) (longest time.Duration, acknowledged int64) {
	all := l.replies()
	// oldest[i] is when the oldest of all[i:] was due.
	oldest := make([]time.Duration, len(all)+1)
	for i := len(all) - 1; i >= 0; i-- {
		oldest[i] = all[i].due
		if i+1 < len(all) {
			oldest[i] = min(oldest[i], oldest[i+1])
		}
	}
	var since time.Duration
	for i, a := range all {
		if i == 0 {
			since = oldest[0]
		}
		if (a.good || i == len(all)-1) && a.at >= from && since <= to {
			longest = max(longest, a.at-since)
		}
		if a.good {
			since = max(a.at, oldest[i+1])
			if a.at >= from && a.at <= to {
				acknowledged++
			}
		}
	}
	return longest, acknowledged
}

// firstGoodAfter is when the first price was acknowledged of those that came due
// at or after a moment, and false if none was.
func (l *Ledger) firstGoodAfter(moment time.Duration) (time.Duration, bool) {
	for _, a := range l.replies() {
		if a.good && a.due >= moment {
			return a.at, true
		}
	}
	return 0, false
}

// stall yields "longest write stall" in milliseconds; see LongestStall.
func (l *Ledger) stall() measure.Value {
	n := int64(len(l.replies()))
	return measure.Value{Name: "longest write stall", Unit: measure.Milliseconds, Amount: &measure.Amount{
		Value: measure.InMilliseconds(l.LongestStall()), Of: n, Says: "no price acknowledged for so long",
	}}
}
