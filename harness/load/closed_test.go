package load_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
)

func TestClosedLoopsRunTheCountExactlyOnce(t *testing.T) {
	var seen [1000]atomic.Int64
	var busy [7]atomic.Bool
	result, err := load.Closed(t.Context(), load.ClosedPlan{
		Workers: 7, Count: 1000,
		Do: func(_ context.Context, worker, i int) error {
			if busy[worker].Swap(true) {
				return errors.New("a worker runs two operations at once")
			}
			defer busy[worker].Store(false)
			seen[i].Add(1)
			return nil
		},
	})
	require.NoError(t, err)
	require.NoError(t, result.First)
	require.EqualValues(t, 1000, result.Done)
	require.EqualValues(t, 1000, result.Latency.Count())
	for i := range seen {
		require.EqualValues(t, 1, seen[i].Load(), "operation %d", i)
	}
}

func TestClosedLoopsRunForTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := load.Closed(t.Context(), load.ClosedPlan{
			Workers: 20, For: time.Second,
			Do: func(ctx context.Context, _, _ int) error { return pass(ctx, 300*time.Millisecond) },
		})
		require.NoError(t, err)
		require.EqualValues(t, 80, result.Done, "what is under way at the end is finished")
		require.Equal(t, 1200*time.Millisecond, result.Elapsed)
		require.InDelta(t, 80/1.2, result.Rate(), 1e-9)
		require.Equal(t, 300*time.Millisecond, result.Latency.Min())
		require.Equal(t, 300*time.Millisecond, result.Latency.Max())
	})
}

func TestCancellingAClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel)
		result, err := load.Closed(ctx, load.ClosedPlan{
			Workers: 3, For: time.Hour,
			Do: func(ctx context.Context, _, _ int) error { return pass(ctx, time.Second) },
		})
		require.ErrorIs(t, err, context.Canceled)
		require.EqualValues(t, 6, result.Done)
		require.Equal(t, map[string]int64{"cancelled": 3}, result.Errors)
		require.Equal(t, 2500*time.Millisecond, result.Elapsed)
	})
}

func TestAPanicEndsAClosedLoopWithAnError(t *testing.T) {
	_, err := load.Closed(t.Context(), load.ClosedPlan{
		Workers: 3, For: time.Hour,
		Do: func(context.Context, int, int) error { panic("no such instrument") },
	})
	require.ErrorContains(t, err, "an operation panicked: no such instrument")
}

func TestAllProblemsOfAClosedPlanAreReportedAtOnce(t *testing.T) {
	_, err := load.Closed(t.Context(), load.ClosedPlan{})
	for _, says := range []string{"0 workers", "neither a time nor a number", "no operation is given"} {
		require.ErrorContains(t, err, says)
	}
}
