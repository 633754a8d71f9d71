// Package load drives operations against a system under test: open-loop
// sessions, in which operations are due at moments fixed beforehand, and
// closed loops, in which each worker goes as fast as it is answered.
//
// Promises about latency and throughput belong to open sessions. Their latency
// counts from the moment an operation was due, so a system that stalls cannot
// hide its delay by keeping the load generator waiting (coordinated omission).
//
// The package refuses to know what an operation is, SQL, HTTP, verdicts and
// reports.
package load

import (
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Result is what a session came to.
type Result struct {
	// Latency holds how long each done operation took: in an open session
	// from the moment it was due, in a closed loop from its start. Failed and
	// dropped operations are counted and not timed, so a promise about
	// latency needs one about failures beside it.
	Latency *measure.Histogram
	// Start holds how long after it was due each operation of an open
	// session started: the wait for a free worker and the harness's own error.
	Start *measure.Histogram

	// Offered is the number of operations that came due: Done + Failed + Dropped.
	Offered int64
	// Done is the number of operations that returned no error.
	Done int64
	// Failed is the number of operations that returned an error.
	Failed int64
	// Late is the number of operations, done or failed, that started later
	// than the plan tolerates.
	Late int64
	// Dropped is the number of operations that could not start within the
	// patience of the plan and therefore never did.
	Dropped int64

	// Width is the width of each of Windows.
	Width time.Duration
	// Windows holds the whole windows of an open session in order, empty
	// ones included. What completes after the last whole window counts in
	// Done and Failed only.
	Windows []Window

	// Errors counts the failures by class, such as "timed out",
	// "connection lost" or "SQLSTATE 23505".
	Errors map[string]int64
	// First is the error of one of the first failures; nil when none failed.
	First error

	// Elapsed is the time from the start of the session to its end or to the
	// last completion, whichever came later.
	Elapsed time.Duration
}

// Window is what happened in one slice of an open session.
type Window struct {
	// Offered counts the operations that were due in the window.
	Offered int64
	// Done and Failed count the operations that completed in the window,
	// whenever they were due.
	Done, Failed int64
}

// Rate returns the operations done per second over the whole session.
func (r Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Done) / r.Elapsed.Seconds()
}

// Series returns the operations done in each window as a rate per the given
// unit of time: Series(time.Minute) is operations a minute.
func (r Result) Series(per time.Duration) measure.Series {
	s := measure.Series{Width: r.Width.Seconds(), Windows: make([]float64, len(r.Windows))}
	for i, w := range r.Windows {
		s.Windows[i] = float64(w.Done) * float64(per) / float64(r.Width)
	}
	return s
}

// String tells the counts in one line.
func (r Result) String() string {
	return fmt.Sprintf("%d offered, %d done, %d failed, %d late, %d dropped in %.1f s",
		r.Offered, r.Done, r.Failed, r.Late, r.Dropped, r.Elapsed.Seconds())
}
