package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
)

// pass lets time go by inside an operation.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func quick(context.Context, int, time.Time) error { return nil }

// stalling takes a second for operation 10 and no time for any other.
func stalling(ctx context.Context, i int, _ time.Time) error {
	if i == 10 {
		return pass(ctx, time.Second)
	}
	return nil
}

func TestEveryOperationStartsWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var order []int
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(20, 2*time.Second), Workers: 4, Window: 500 * time.Millisecond,
			Do: func(_ context.Context, i int, due time.Time) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				if want := began.Add(time.Duration(i) * 50 * time.Millisecond); !due.Equal(want) || !time.Now().Equal(due) {
					return fmt.Errorf("operation %d was due at %v, meant for %v and started at %v", i, due, want, time.Now())
				}
				return nil
			},
		})
		require.NoError(t, err)
		require.NoError(t, result.First)
		slices.Sort(order)
		require.Len(t, slices.Compact(order), 40, "every operation exactly once")
		require.EqualValues(t, 40, result.Done)
		require.Zero(t, result.Late+result.Dropped+result.Failed)
		require.Equal(t, 2*time.Second, result.Elapsed, "the session lasts to its end")
		require.Equal(t, slices.Repeat([]load.Window{{Offered: 10, Done: 10}}, 4), result.Windows)
		require.InDelta(t, 20, result.Rate(), 1e-9)
		require.Equal(t, []float64{1200, 1200, 1200, 1200}, result.Series(time.Minute).Windows)
	})
}

func TestAStallIsChargedToEveryOperationThatWasDueInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(100, 2*time.Second), Workers: 1, Window: 500 * time.Millisecond, Do: stalling,
		})
		require.NoError(t, err)
		require.EqualValues(t, 200, result.Done)
		// Operations 10 to 110 waited from a second down to nothing.
		require.EqualValues(t, 200, result.Latency.Count())
		require.InDelta(t, 500*time.Millisecond, result.Latency.Quantile(0.75), float64(10*time.Millisecond))
		require.Equal(t, time.Second, result.Latency.Max())
		require.EqualValues(t, 98, result.Late, "those that started more than 10 ms late: 11 to 108")
		require.Equal(t, []load.Window{
			{Offered: 50, Done: 10},
			{Offered: 50},
			{Offered: 50, Done: 140},
			{Offered: 50, Done: 50},
		}, result.Windows)
	})
}

func TestPatienceDropsWhatCannotStartInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(100, 2*time.Second), Workers: 1, Window: time.Second,
			Patience: 105 * time.Millisecond, Tolerance: time.Second, Do: stalling,
		})
		require.NoError(t, err)
		require.EqualValues(t, 200, result.Offered)
		require.EqualValues(t, 89, result.Dropped, "those due 0.11 to 0.99 s into the session")
		require.EqualValues(t, 111, result.Done)
		require.Zero(t, result.Late)
		require.Equal(t, []load.Window{{Offered: 100, Done: 10}, {Offered: 100, Done: 101}}, result.Windows)
	})
}

func TestADeadSystemLeavesEmptyWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(10, 3*time.Second), Workers: 100, Window: time.Second,
			Do: func(ctx context.Context, _ int, _ time.Time) error { return pass(ctx, time.Minute) },
		})
		require.NoError(t, err)
		require.EqualValues(t, 30, result.Done)
		require.Equal(t, slices.Repeat([]load.Window{{Offered: 10}}, 3), result.Windows)
		require.InDelta(t, 62.9, result.Elapsed.Seconds(), 1e-3)
	})
}

func TestNoMoreOperationsAtOnceThanWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		_, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(100, time.Second), Workers: 20,
			Do: func(ctx context.Context, _ int, _ time.Time) error {
				now := running.Add(1)
				defer running.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				return pass(ctx, time.Second)
			},
		})
		require.NoError(t, err)
		require.EqualValues(t, 20, most.Load())
	})
}

func TestCancellingStopsAtOnceAndWaitsForWorkers(t *testing.T) {
	tests := map[string]load.Schedule{
		"with operations under way":            load.Constant(10, time.Hour),
		"while the next is due in two minutes": load.Constant(1.0/120, 24*time.Hour),
		"while waiting for the end":            load.Ramp(0.001, 0, time.Hour),
	}
	for name, schedule := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(4*time.Second+time.Millisecond, cancel)
				began := time.Now()
				var running atomic.Int64
				result, err := load.Open(ctx, load.Plan{
					Schedule: schedule, Workers: 100, Window: time.Second,
					Do: func(ctx context.Context, _ int, _ time.Time) error {
						running.Add(1)
						defer running.Add(-1)
						return pass(ctx, time.Hour)
					},
				})
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorContains(t, err, "cut after 4.0 s and ")
				require.Zero(t, running.Load())
				require.InDelta(t, 4, time.Since(began).Seconds(), 0.01)
				require.Len(t, result.Windows, 4)
				require.Equal(t, map[string]int64{"cancelled": result.Offered}, result.Errors)
			})
		})
	}
}

func TestAPanicEndsTheSessionWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Constant(10, time.Hour), Workers: 3,
			Do: func(_ context.Context, i int, _ time.Time) error {
				if i == 5 {
					panic("no such instrument")
				}
				return nil
			},
		})
		require.ErrorContains(t, err, "an operation panicked: no such instrument")
	})
}

// named is an error that knows its class.
type named struct{ error }

func (named) Class() string { return "HTTP 503" }

// refused is what a database driver returns.
type refused struct{ error }

func (refused) SQLState() string { return "23505" }

func TestFailuresAreCountedByClass(t *testing.T) {
	tests := map[string]error{
		"HTTP 503":           named{errors.New("no")},
		"SQLSTATE 23505":     fmt.Errorf("storing a tick: %w", refused{errors.New("duplicate key")}),
		"timed out":          fmt.Errorf("posting: %w", context.DeadlineExceeded),
		"connection refused": &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"connection lost":    fmt.Errorf("reading: %w", io.ErrUnexpectedEOF),
		"other":              errors.New("whatever else"),
	}
	for class, failure := range tests {
		t.Run(class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				result, err := load.Open(t.Context(), load.Plan{
					Schedule: load.Constant(10, time.Second), Workers: 2, Window: time.Second,
					Do: func(_ context.Context, i int, _ time.Time) error {
						if i%5 == 4 {
							return failure
						}
						return nil
					},
				})
				require.NoError(t, err, "loss is a measurement")
				require.Equal(t, map[string]int64{class: 2}, result.Errors)
				require.Equal(t, failure, result.First)
				require.EqualValues(t, 2, result.Failed)
				require.EqualValues(t, 8, result.Latency.Count(), "failures are not timed")
				require.Equal(t, []load.Window{{Offered: 10, Done: 8, Failed: 2}}, result.Windows)
			})
		})
	}
}

func TestAllProblemsOfAnOpenPlanAreReportedAtOnce(t *testing.T) {
	_, err := load.Open(t.Context(), load.Plan{Workers: -1, Patience: -time.Second})
	for _, says := range []string{"no schedule is given", "-1 workers", "patience -1s", "no operation is given"} {
		require.ErrorContains(t, err, says)
	}
}

func TestManyWorkersShareTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := load.Open(t.Context(), load.Plan{
			Schedule: load.Poisson(200, time.Second, 3), Workers: 500, Window: 100 * time.Millisecond, Do: quick,
		})
		require.NoError(t, err)
		var inWindows int64
		for _, w := range result.Windows {
			inWindows += w.Done
		}
		require.Equal(t, result.Offered, result.Done)
		require.Equal(t, result.Offered, inWindows)
		require.Equal(t, result.Offered, result.Latency.Count())
		require.Equal(t, result.Offered, result.Start.Count())
	})
}
