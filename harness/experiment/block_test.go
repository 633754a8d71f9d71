package experiment_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestBlocksAreLongEnoughAndEqual(t *testing.T) {
	cold := func(call int) time.Duration { // the first blocks mislead: caches, plans, files
		return time.Millisecond * time.Duration(max(1, 64>>call))
	}
	tests := map[string]struct {
		minBlock time.Duration
		old, new func(int) time.Duration
		units    int // 0: whatever is right
	}{
		"quick units":                 {0, always(10 * time.Microsecond), always(3 * time.Microsecond), 0},
		"a nanosecond a unit":         {0, always(5), always(1), 0},
		"the current arm is slower":   {0, always(time.Millisecond), always(9 * time.Millisecond), 0},
		"a cold start":                {0, cold, cold, 0},
		"a unit longer than a block":  {0, always(time.Second), always(300 * time.Millisecond), 1},
		"a block as long as the plan": {20 * time.Millisecond, always(5 * time.Millisecond), always(5 * time.Millisecond), 6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			pairs, err := compare(t, experiment.Plan{Unit: "rows/s", MinBlock: tt.minBlock, Looks: []int{6}},
				b.arm("old", tt.old), b.arm("new", tt.new))
			require.NoError(t, err)
			least := max(tt.minBlock, 100*time.Millisecond)
			if tt.minBlock != 0 {
				least = tt.minBlock
			}
			require.GreaterOrEqual(t, pairs.BlockSeconds, least.Seconds())
			var units int
			for _, call := range append(b.trial(t, 1), b.trial(t, 2)...) {
				var name string
				var n int
				_, err := fmt.Sscan(call, &name, &n)
				require.NoError(t, err)
				if units != 0 && name == "old" || name == "new" {
					require.Equal(t, units, n, "the same number of units in every block")
				}
				units = n
			}
			if tt.units != 0 {
				require.Equal(t, tt.units, units)
			}
			calibration := map[string]int{}
			for _, call := range b.trial(t, 0) {
				var name string
				var n int
				_, err := fmt.Sscan(call, &name, &n)
				require.NoError(t, err)
				calibration[name] += n
			}
			require.Greater(t, calibration["old"], 5, "past the plans made anew for each call")
			require.Equal(t, calibration["old"], calibration["new"])
		})
	}
}

func TestAFreshStateThatIsQuickerMakesLaterBlocksLonger(t *testing.T) {
	b := newBench()
	filled := false
	perUnit := func(int) time.Duration {
		if filled {
			return 10 * time.Millisecond
		}
		return time.Millisecond
	}
	baseline := b.arm("old", perUnit)
	baseline.Reset = func(context.Context) error {
		filled = len(b.calls) == 0
		return nil
	}
	pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Looks: []int{6}}, baseline, b.arm("new", perUnit))
	require.NoError(t, err)
	require.GreaterOrEqual(t, pairs.BlockSeconds, 0.1)
}

func TestTheShortestBlockIsRecorded(t *testing.T) {
	b := newBench()
	pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Looks: []int{6}}, b.arm("old", always(time.Millisecond)),
		b.arm("new", func(call int) time.Duration {
			if call == 8 { // past calibration and warm-up
				return 900 * time.Microsecond
			}
			return time.Millisecond
		}))
	require.NoError(t, err)
	require.InDelta(t, 0.9*0.135, pairs.BlockSeconds, 0.001)
}

func TestABlockThatBecomesTooShortVoidsThePairsBefore(t *testing.T) {
	// new runs 3 blocks in calibration and 2 to warm up.
	halved := func(from, until int) func(int) time.Duration {
		return func(call int) time.Duration {
			if call >= from && call < until {
				return 500 * time.Microsecond
			}
			return time.Millisecond
		}
	}
	t.Run("before the first look the comparison begins again, once", func(t *testing.T) {
		b := newBench()
		pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Seed: 5}, b.arm("old", always(time.Millisecond)), b.arm("new", halved(3+2+4, 1000)))
		require.NoError(t, err)
		require.Len(t, pairs.Baseline, 40)
		require.Equal(t, measure.Order(5, 40), pairs.First)
		require.GreaterOrEqual(t, pairs.BlockSeconds, 0.1)
		require.InDelta(t, 2000, pairs.Current[0], 1, "the pairs before are gone")
		require.Equal(t, 4, strings.Count(strings.Join(b.calls, "\n"), "reset new"), "the comparison starts from the same state")
	})
	t.Run("a second time it is told", func(t *testing.T) {
		b := newBench()
		quicker := func(call int) time.Duration { return time.Millisecond >> min(6, max(0, (call-3)/6)) }
		pairs, err := compare(t, experiment.Plan{Unit: "rows/s"}, b.arm("old", always(time.Millisecond)), b.arm("new", quicker))
		require.NoError(t, err)
		require.NoError(t, pairs.Validate())
		require.Less(t, pairs.BlockSeconds, 0.099)
		require.Equal(t, 4, strings.Count(strings.Join(b.calls, "\n"), "reset new"))
	})
	t.Run("after a look it is told", func(t *testing.T) {
		b := newBench()
		pairs, err := compare(t, experiment.Plan{
			Unit: "rows/s", Decided: func(p measure.Pairs) bool { return p.BlockSeconds < 0.099 },
		}, b.arm("old", always(time.Millisecond)), b.arm("new", halved(3+2+15, 1000)))
		require.NoError(t, err)
		require.Len(t, pairs.Baseline, 20)
		require.Less(t, pairs.BlockSeconds, 0.099)
		require.Equal(t, 3, strings.Count(strings.Join(b.calls, "\n"), "reset new"), "another chance would be another look")
	})
}

func TestBlocksGrowBeforeTheyBecomeTooShort(t *testing.T) {
	b := newBench()
	warmer := func(call int) time.Duration {
		return time.Duration(float64(time.Millisecond) * math.Pow(0.96, float64(min(max(call-5, 0), 30))))
	}
	pairs, err := compare(t, experiment.Plan{Unit: "rows/s"}, b.arm("old", always(time.Millisecond)), b.arm("new", warmer))
	require.NoError(t, err)
	require.Len(t, pairs.Baseline, 40)
	require.GreaterOrEqual(t, pairs.BlockSeconds, 0.1)
	require.Equal(t, 3, strings.Count(strings.Join(b.calls, "\n"), "reset new"), "no pair was run in vain")
	for i, call := range b.trial(t, 2) {
		var name string
		var n, other int
		_, err := fmt.Sscan(call, &name, &n)
		require.NoError(t, err)
		_, err = fmt.Sscan(b.trial(t, 2)[i^1], &name, &other)
		require.NoError(t, err)
		require.Equal(t, n, other, "both blocks of a pair hold the same work")
	}
}
