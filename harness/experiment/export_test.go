package experiment

import (
	"context"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// CompareOn is Compare on a machine of the test's own: its clock, and no
// garbage that would have to be collected.
func CompareOn(ctx context.Context, clock func() (wall, monotonic time.Duration), plan Plan, baseline, current Arm) (measure.Pairs, error) {
	return compare(ctx, plan, baseline, current, machine{clock: clock, collect: func() {}})
}

// SlowedOn is Slowed with a wait of the test's own.
func SlowedOn(arm Arm, percent float64, wait func(context.Context, time.Duration) (time.Duration, error)) Arm {
	return slowed(arm, percent, wait)
}
