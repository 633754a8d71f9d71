//go:build unix

package load_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
)

// TestStartsArePreciseAndCheap runs on the real clock. A neighbour may spoil a
// session, so the best of a few counts; a coarse clock or a spinning wait
// spoils them all.
func TestStartsArePreciseAndCheap(t *testing.T) {
	var late time.Duration
	var busy float64
	for range 5 {
		before := processorTime(t)
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(1000, time.Second), Workers: 8, Do: quick,
		})
		require.NoError(t, err)
		late = result.Start.Quantile(0.5)
		busy = (processorTime(t) - before).Seconds() / result.Elapsed.Seconds()
		if late < time.Millisecond && busy < 0.5 {
			return
		}
	}
	require.Less(t, late, time.Millisecond, "median start error at 1,000 a second")
	require.Less(t, busy, 0.5, "cores used at 1,000 a second")
}

func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
