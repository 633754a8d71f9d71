package load

import (
	"sync"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// shards bounds the number of tallies. A histogram takes a fifth of a
// megabyte, so a pool of a thousand workers shares a few of them.
const shards = 16

// outcome is how one operation went, in offsets from the start of the session.
type outcome struct {
	due, started, ended time.Duration
	err                 error
}

// tally counts for a few workers, so that none waits for the others.
type tally struct {
	mu     sync.Mutex
	result Result
}

func newTallies(workers int, window time.Duration, open bool) []*tally {
	tallies := make([]*tally, min(workers, shards))
	for i := range tallies {
		tallies[i] = &tally{result: emptyResult(window, open)}
	}
	return tallies
}

func emptyResult(window time.Duration, open bool) Result {
	r := Result{Latency: measure.NewHistogram(), Errors: map[string]int64{}, Width: window}
	if open {
		r.Start = measure.NewHistogram()
	}
	return r
}

// finished counts an operation of an open session.
func (t *tally) finished(o outcome, tolerance time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.result
	r.Start.Record(o.started - o.due)
	if o.started-o.due > tolerance {
		r.Late++
	}
	t.answered(o)
	if r.Width > 0 {
		r.window(o.due).Offered++
		if o.err == nil {
			r.window(o.ended).Done++
		} else {
			r.window(o.ended).Failed++
		}
	}
}

// dropped counts an operation that never started.
func (t *tally) dropped(due time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Offered++
	t.result.Dropped++
	if t.result.Width > 0 {
		t.result.window(due).Offered++
	}
}

// answered counts an operation that returned; the caller holds the lock.
func (t *tally) answered(o outcome) {
	r := &t.result
	r.Offered++
	r.Elapsed = max(r.Elapsed, o.ended)
	if o.err == nil {
		r.Done++
		r.Latency.Record(o.ended - o.due)
		return
	}
	r.Failed++
	r.Errors[class(o.err)]++
	if r.First == nil {
		r.First = o.err
	}
}

// window returns the window that the offset lies in.
func (r *Result) window(at time.Duration) *Window {
	i := int(at / r.Width)
	for len(r.Windows) <= i {
		r.Windows = append(r.Windows, Window{})
	}
	return &r.Windows[i]
}

// merge adds up the tallies of a session that is over.
func merge(tallies []*tally) Result {
	sum := tallies[0].result
	for _, t := range tallies[1:] {
		r := t.result
		sum.Latency.Merge(r.Latency)
		if sum.Start != nil {
			sum.Start.Merge(r.Start)
		}
		sum.Offered += r.Offered
		sum.Done += r.Done
		sum.Failed += r.Failed
		sum.Late += r.Late
		sum.Dropped += r.Dropped
		sum.Elapsed = max(sum.Elapsed, r.Elapsed)
		for i, w := range r.Windows {
			into := sum.window(time.Duration(i) * sum.Width)
			into.Offered += w.Offered
			into.Done += w.Done
			into.Failed += w.Failed
		}
		for name, count := range r.Errors {
			sum.Errors[name] += count
		}
		if sum.First == nil {
			sum.First = r.First
		}
	}
	return sum
}

// wholeWindows cuts or fills windows to those that fit into the session.
func wholeWindows(windows []Window, session, width time.Duration) []Window {
	if width <= 0 {
		return nil
	}
	whole := make([]Window, int(session/width))
	copy(whole, windows)
	return whole
}
