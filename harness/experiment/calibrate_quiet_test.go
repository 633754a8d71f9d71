package experiment_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// busiest is the share of the processors that others may use when an experiment
// begins on a machine that has to be quiet.
const busiest = 0.25

// listening is how long a machine is listened to.
const listening = 400 * time.Millisecond

// quiet waits until the machine has been quiet for a moment, for at most
// patience, and reports whether it was. It looks at the machine and at no
// result, so that it favours no verdict.
func quiet(ctx context.Context, patience time.Duration) bool {
	for began := time.Now(); time.Since(began) < patience && ctx.Err() == nil; {
		idle, all, ok := processors()
		if !ok {
			return false
		}
		timer := time.NewTimer(listening)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
		idleNow, allNow, ok := processors()
		if ok && float64(idleNow-idle) >= (1-busiest)*float64(allNow-all) {
			return true
		}
	}
	return false
}

// processors is how long all processors were idle, and how long they have been
// running, in ticks of the kernel.
func processors() (idle, all uint64, ok bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(first) {
		var ticks uint64
		if _, err := fmt.Sscan(field, &ticks); err != nil {
			continue // the name of the line
		}
		if all += ticks; i == 4 || i == 5 { // idle, and idle while a disk works
			idle += ticks
		}
	}
	return idle, all, all > 0
}
