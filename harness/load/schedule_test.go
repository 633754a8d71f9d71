package load_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
)

// dues asks a schedule for every operation.
func dues(t *testing.T, s load.Schedule) (all []time.Duration, length time.Duration) {
	t.Helper()
	for i := 0; ; i++ {
		due, more := s.Due(i)
		if !more {
			return all, due
		}
		require.Less(t, i, 10_000_000, "the schedule does not end")
		all = append(all, due)
	}
}

func TestScheduleOffersWhatItPromises(t *testing.T) {
	tests := map[string]struct {
		schedule load.Schedule
		count    int
		at       map[int]time.Duration
	}{
		"evenly, the first at once": {
			load.Constant(100, 10*time.Second), 1000,
			map[int]time.Duration{0: 0, 1: 10 * time.Millisecond, 999: 9990 * time.Millisecond},
		},
		"less than one a second": {
			load.Constant(0.1, 30*time.Second), 3,
			map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second},
		},
		"a rate that no float holds exactly": {
			load.Constant(10_000.0/60, time.Minute), 10_000, nil,
		},
		"from nothing to a hundred a second": { // due at √(2·i·10/100)
			load.Ramp(0, 100, 10*time.Second), 500,
			map[int]time.Duration{0: 0, 5: time.Second, 20: 2 * time.Second, 125: 5 * time.Second},
		},
		"down to nothing": { // the mirror image: the last five take the last second
			load.Ramp(100, 0, 10*time.Second), 500,
			map[int]time.Duration{0: 0, 375: 5 * time.Second, 495: 9 * time.Second},
		},
		"a ramp between equal rates is constant": {
			load.Ramp(100, 100, 10*time.Second), 1000,
			map[int]time.Duration{1: 10 * time.Millisecond, 999: 9990 * time.Millisecond},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			all, length := dues(t, tt.schedule)
			require.Len(t, all, tt.count)
			require.IsNonDecreasing(t, all)
			require.Less(t, all[len(all)-1], length)
			for i, want := range tt.at {
				require.InDelta(t, want, all[i], float64(time.Microsecond), "operation %d", i)
			}
		})
	}
}

func TestPoissonArrivals(t *testing.T) {
	first, length := dues(t, load.Poisson(1000, 20*time.Second, 7))
	require.Equal(t, 20*time.Second, length)

	again := load.Poisson(1000, 20*time.Second, 7)
	same, _ := dues(t, again)
	require.Equal(t, first, same, "equal seeds give equal schedules")
	due, _ := again.Due(17)
	require.Equal(t, first[17], due, "a schedule can be asked again from any operation")
	other, _ := dues(t, load.Poisson(1000, 20*time.Second, 8))
	require.NotEqual(t, first[:10], other[:10])

	require.InDelta(t, 20_000, len(first), 5*math.Sqrt(20_000), "five standard deviations")
	var longer int
	for i := 1; i < len(first); i++ {
		if first[i]-first[i-1] > time.Millisecond {
			longer++
		}
	}
	require.InDelta(t, math.Exp(-1), float64(longer)/float64(len(first)), 0.02, "gaps longer than the mean gap")
}

func TestImpossibleSchedulesAreRefused(t *testing.T) {
	tests := map[string]struct {
		schedule load.Schedule
		says     []string
	}{
		"no rate and no time":  {load.Constant(0, 0), []string{"the rate is 0 operations a second", "the session lasts 0s"}},
		"a negative rate":      {load.Poisson(-1, time.Second, 1), []string{"the rate is -1 operations a second"}},
		"no number":            {load.Constant(math.NaN(), time.Second), []string{"the rate is NaN operations a second"}},
		"a ramp to infinity":   {load.Ramp(0, math.Inf(1), time.Second), []string{"the last rate is +Inf operations a second"}},
		"a ramp along nothing": {load.Ramp(0, 0, time.Second), []string{"a ramp from 0 to 0"}},
		"no schedule at all":   {nil, []string{"no schedule is given"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load.Open(t.Context(), load.Plan{
				Schedule: tt.schedule, Workers: 1,
				Do: func(context.Context, int, time.Time) error { return nil },
			})
			for _, says := range tt.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
}
