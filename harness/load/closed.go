package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ClosedPlan is a closed loop: each worker starts its next operation when the
// one before has returned.
type ClosedPlan struct {
	// Workers is the number of loops; it must be at least 1.
	Workers int
	// For is how long the loops go on; an operation that is under way then
	// is finished and counted. 0 sets no limit.
	For time.Duration
	// Count is the number of operations of all loops together; 0 sets no
	// limit. One of For and Count must be given.
	Count int64
	// Do carries out operation i, counted from 0 over all loops, in the loop
	// of the given worker, counted from 0. A worker never runs two at once.
	Do func(ctx context.Context, worker, i int) error
}

func (p ClosedPlan) check() error {
	var problems []error
	if p.Workers < 1 {
		problems = append(problems, fmt.Errorf("%d workers: want at least 1", p.Workers))
	}
	if p.For < 0 || p.Count < 0 {
		problems = append(problems, fmt.Errorf("%v and %d operations: want none below 0", p.For, p.Count))
	}
	if p.For == 0 && p.Count == 0 {
		problems = append(problems, errors.New("neither a time nor a number of operations is given"))
	}
	if p.Do == nil {
		problems = append(problems, errors.New("no operation is given"))
	}
	return errors.Join(problems...)
}

// Closed runs the loops as fast as the answers come and returns when all have
// ended. It is for comparisons with peers that work the same way, such as
// pgbench; a promise to users belongs to Open. Cancelling ctx ends the loops
// at once: what happened so far is returned together with an error.
func Closed(ctx context.Context, plan ClosedPlan) (Result, error) {
	if err := plan.check(); err != nil {
		return Result{}, fmt.Errorf("planning a closed loop: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	l := &loops{plan: plan, tallies: newTallies(plan.Workers, 0, false), began: time.Now()}
	var workers sync.WaitGroup
	for w := range plan.Workers {
		workers.Go(func() {
			defer stopOnPanic(stop)
			l.run(ctx, w)
		})
	}
	workers.Wait()

	result := merge(l.tallies)
	if err := context.Cause(ctx); err != nil {
		return result, fmt.Errorf("running a closed loop, cut after %.1f s and %d operations: %w",
			result.Elapsed.Seconds(), result.Offered, err)
	}
	return result, nil
}

type loops struct {
	plan    ClosedPlan
	began   time.Time
	started atomic.Int64
	tallies []*tally
}

// run reads the clock once an operation: the end of one is the start of the next.
func (l *loops) run(ctx context.Context, worker int) {
	t := l.tallies[worker%len(l.tallies)]
	now := time.Since(l.began)
	for ctx.Err() == nil && (l.plan.For == 0 || now < l.plan.For) {
		i := l.started.Add(1) - 1
		if l.plan.Count > 0 && i >= l.plan.Count {
			return
		}
		err := l.plan.Do(ctx, worker, int(i))
		started := now
		now = time.Since(l.began)
		t.mu.Lock()
		t.answered(outcome{due: started, started: started, ended: now, err: err})
		t.mu.Unlock()
	}
}
