package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"
)

const (
	// switchover is the number of units of work that an arm must exceed before
	// its blocks count. Postgres plans a prepared statement anew five times and
	// may change to a generic plan with the sixth.
	switchover = 5
	// headroom is what calibration aims for above the shortest allowed
	// block, because a warmer cache makes later blocks shorter.
	headroom = 1.35
	// near is how close to the shortest allowed block one may come before the
	// following ones are made longer.
	near = 1.2
	// steepest is how much larger one calibration may be than the one before:
	// the first figures of a cold server are not to be trusted.
	steepest = 16
	// most is the largest block in units of work.
	most = 1 << 40
	// gap is how far the wall clock and the monotonic clock may part during a
	// block; slewing by a time server stays far below it.
	gap = 500 * time.Millisecond
)

// errSuspended says that a block spans time in which the machine did not run.
var errSuspended = errors.New("the machine was suspended or its clock was set while the block ran")

// machine is what a trial needs of the machine it runs on.
type machine struct {
	// clock tells the wall clock and the monotonic clock, each from an origin
	// of its own. The second stands still while the machine is suspended.
	clock func() (wall, monotonic time.Duration)
	// collect clears the garbage of the harness away.
	collect func()
}

func thisMachine() machine {
	began := time.Now()
	return machine{
		clock: func() (wall, monotonic time.Duration) {
			now := time.Now()
			return time.Duration(now.UnixNano()), now.Sub(began)
		},
		collect: runtime.GC,
	}
}

// block does n units of work with arm and returns how long they took.
func (t *trial) block(ctx context.Context, arm Arm, n int) (time.Duration, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	wall, monotonic := t.on.clock()
	d, err := arm.Run(ctx, n)
	wallNow, monotonicNow := t.on.clock()
	if apart := ((wallNow - wall) - (monotonicNow - monotonic)).Abs(); apart > gap {
		return 0, fmt.Errorf("%w: the clocks moved %v apart; run again on a machine that stays awake",
			errSuspended, apart.Round(time.Millisecond))
	}
	if err != nil {
		return 0, err
	}
	if d <= 0 {
		return 0, fmt.Errorf("%d units of work took %v: a block must take time", n, d)
	}
	return d, nil
}

// calibrate finds the number of units of work in a block. Its runs take both
// arms through their first plans and fill their caches.
func (t *trial) calibrate(ctx context.Context) error {
	if err := t.reset(ctx, "the calibration"); err != nil {
		return err
	}
	for n, run := 1, 0; ; {
		shorter := time.Duration(math.MaxInt64)
		for _, arm := range []Arm{t.baseline, t.current} {
			d, err := t.block(ctx, arm, n)
			if err != nil {
				return fmt.Errorf("calibrating arm %q with %d units of work: %w", arm.Name, n, err)
			}
			shorter = min(shorter, d)
		}
		run += n
		switch {
		case shorter < t.target() && n >= most:
			return fmt.Errorf("calibrating arms %q and %q: %d units of work take only %v, want a block of %v",
				t.baseline.Name, t.current.Name, n, shorter, t.plan.MinBlock)
		case shorter < t.target():
			n = grown(n, shorter, t.target())
		case run > switchover:
			t.units = n
			return nil
		}
	}
}

// target is the duration that calibration aims for.
func (t *trial) target() time.Duration {
	return time.Duration(headroom * float64(t.plan.MinBlock))
}

// grown returns the units with which a block that took d with n of them
// should reach the target.
func grown(n int, d, target time.Duration) int {
	want := math.Ceil(float64(n) * float64(target) / float64(d))
	return int(min(max(want, float64(n)+1), float64(n)*steepest, most))
}
