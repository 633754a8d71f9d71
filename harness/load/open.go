package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// tolerance is how late an operation may start by default before it counts as
// late: well above the error of a timer, well below what a person notices.
const tolerance = 10 * time.Millisecond

// Plan is an open session: operations come due on a schedule, whether or not
// the earlier ones were answered.
type Plan struct {
	// Schedule says when each operation is due.
	Schedule Schedule
	// Workers is the number of operations that may be under way at once; it
	// must be at least 1.
	Workers int
	// Patience is how long an operation may wait for a free worker before it
	// is dropped and counted; 0 waits for ever.
	Patience time.Duration
	// Tolerance is how late an operation may start before it counts as late;
	// 0 is 10 ms.
	Tolerance time.Duration
	// Window is the width of the windows in which completions are counted;
	// 0 counts none.
	Window time.Duration
	// Do carries out operation i, counted from 0, which was due at the given
	// moment. It is called by several goroutines at once.
	Do func(ctx context.Context, i int, due time.Time) error
}

func (p Plan) check() error {
	var problems []error
	if p.Schedule == nil {
		problems = append(problems, errors.New("no schedule is given"))
	}
	if s, ok := p.Schedule.(interface{ check() error }); ok {
		problems = append(problems, s.check())
	}
	if p.Workers < 1 {
		problems = append(problems, fmt.Errorf("%d workers: want at least 1", p.Workers))
	}
	if p.Patience < 0 || p.Tolerance < 0 || p.Window < 0 {
		problems = append(problems, fmt.Errorf("patience %v, tolerance %v and window %v: want none below 0",
			p.Patience, p.Tolerance, p.Window))
	}
	if p.Do == nil {
		problems = append(problems, errors.New("no operation is given"))
	}
	return errors.Join(problems...)
}

// Open plays the session and returns when it is over and every operation that
// started has returned. Cancelling ctx ends the session at once: what happened
// so far is returned together with an error. An operation that panics ends the
// session with an error that holds the value of the panic.
func Open(ctx context.Context, plan Plan) (Result, error) {
	if err := plan.check(); err != nil {
		return Result{}, fmt.Errorf("planning an open session: %w", err)
	}
	if plan.Tolerance == 0 {
		plan.Tolerance = tolerance
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	bell, err := newAlarm()
	if err != nil {
		return Result{}, fmt.Errorf("planning an open session: %w", err)
	}
	defer bell.close()

	s := &session{plan: plan, turn: make(chan struct{}, 1), bell: bell}
	tallies := newTallies(plan.Workers, plan.Window, true)
	s.began = time.Now()

	var workers sync.WaitGroup
	for w := range plan.Workers {
		workers.Go(func() {
			defer stopOnPanic(stop)
			s.work(ctx, tallies[w%len(tallies)])
		})
	}
	workers.Wait()

	result := merge(tallies)
	result.Elapsed = max(result.Elapsed, s.length)
	result.Windows = wholeWindows(result.Windows, s.length, plan.Window)
	if err := context.Cause(ctx); err != nil {
		return result, fmt.Errorf("playing an open session, cut after %.1f s and %d operations: %w",
			s.length.Seconds(), result.Offered, err)
	}
	return result, nil
}

// session is the shared state of the workers of an open session. The worker
// that holds the turn waits for the next operation to come due, passes the
// turn on and carries the operation out itself: nothing is handed from one
// goroutine to another while an operation is waiting.
type session struct {
	plan  Plan
	began time.Time

	turn   chan struct{} // full while a worker holds the turn
	bell   *alarm        // this and the rest belong to the holder of the turn
	next   int
	over   bool
	length time.Duration
}

// work carries out operations until the session is over or ctx is done.
func (s *session) work(ctx context.Context, t *tally) {
	for {
		i, due, started, ok := s.take(ctx, t)
		if !ok {
			return
		}
		err := s.plan.Do(ctx, i, s.began.Add(due))
		t.finished(outcome{due: due, started: started, ended: time.Since(s.began), err: err}, s.plan.Tolerance)
	}
}

// take waits for the next operation that can start in time. It returns the
// operation with the offsets at which it was due and starts.
func (s *session) take(ctx context.Context, t *tally) (i int, due, now time.Duration, ok bool) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	for !s.over {
		due, more := s.plan.Schedule.Due(s.next)
		now = s.bell.waitUntil(ctx, s.began, due)
		switch {
		case ctx.Err() != nil:
			s.over, s.length = true, now
		case !more:
			s.over, s.length = true, due
		case s.plan.Patience > 0 && now-due > s.plan.Patience:
			t.dropped(due)
			s.next++
		default:
			i = s.next
			s.next++
			return i, due, now, true
		}
	}
	return 0, 0, 0, false
}

func stopOnPanic(stop context.CancelCauseFunc) {
	if value := recover(); value != nil {
		stop(fmt.Errorf("an operation panicked: %v", value))
	}
}
