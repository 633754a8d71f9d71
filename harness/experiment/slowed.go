package experiment

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Slowed is arm with a slowdown planted: the same work, and each block takes
// percent longer, so that 20 makes a block of 100 ms last 120 ms. The time
// passes in fact, on the monotonic clock, after the work of the block, and a
// cancelled context ends the wait with an error. Name and Text of the arm say
// that the slowdown is planted.
//
// An experiment that is told of such an arm must call it slower, or its verdicts
// are worth nothing. A percent that is negative or no number makes every
// block an error.
func Slowed(arm Arm, percent float64) Arm {
	return slowed(arm, percent, pause)
}

func slowed(arm Arm, percent float64, wait func(context.Context, time.Duration) (time.Duration, error)) Arm {
	run, by := arm.Run, strconv.FormatFloat(percent, 'f', -1, 64)
	arm.Name += ", slowed by " + by + " % (planted)"
	planted := "-- A slowdown is planted: every block is made to take " + by + " % longer."
	if arm.Text != "" {
		planted += "\n" + arm.Text
	}
	arm.Text = planted
	arm.Run = func(ctx context.Context, n int) (time.Duration, error) {
		if !(percent >= 0) || math.IsInf(percent, 0) {
			return 0, fmt.Errorf("a planted slowdown of %s %%: want a number of at least 0", by)
		}
		worked, err := run(ctx, n)
		if err != nil {
			return 0, err
		}
		waited, err := wait(ctx, time.Duration(float64(worked)*percent/100))
		return worked + waited, err
	}
	return arm
}

// late is how late a timer may fire; a wait ends by looking at the clock.
const late = 2 * time.Millisecond

// pause waits for d and returns how long it took.
func pause(ctx context.Context, d time.Duration) (time.Duration, error) {
	began := time.Now()
	if d > late {
		timer := time.NewTimer(d - late)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	for time.Since(began) < d && ctx.Err() == nil {
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("waiting out the planted slowdown: %w", err)
	}
	return time.Since(began), nil
}
