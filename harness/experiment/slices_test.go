package experiment_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestTheSlicesOfBothArmsAlternate(t *testing.T) {
	b := newBench()
	pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Slices: 4, Looks: []int{6}, Seed: 3},
		b.arm("old", always(10*time.Millisecond)), b.arm("new", always(10*time.Millisecond)))
	require.NoError(t, err)
	require.Equal(t, 4, pairs.Slices)
	require.InDelta(t, 0.14, pairs.BlockSeconds, 1e-9, "a block is all its slices")
	calls := b.trial(t, 2)
	require.Len(t, calls, 8*8, "two pairs to warm up and six that count")
	orders := map[byte][]string{
		'b': {"old 3", "new 3", "new 4", "old 4", "old 3", "new 3", "new 4", "old 4"},
		'c': {"new 3", "old 3", "old 4", "new 4", "new 3", "old 3", "old 4", "new 4"},
	}
	for i, first := range []byte(measure.Order(3, 6)) {
		require.Equal(t, orders[first], calls[8*(2+i):8*(3+i)], "pair %d", i+1)
	}
	for _, figure := range append(pairs.Baseline, pairs.Current...) {
		require.InDelta(t, 100, figure, 1e-9, "units a second over all slices")
	}
}

func TestAUnitThatIsABlockIsNotSliced(t *testing.T) {
	b := newBench()
	pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Slices: 10, Looks: []int{6}}, b.arm("old", always(time.Second)), b.arm("new", always(time.Second)))
	require.NoError(t, err)
	require.Len(t, pairs.Baseline, 6)
	require.Len(t, b.trial(t, 2), 2*(2+6))
}

// restless is a machine on which a tenth of a block takes 1 ms a unit, or twice
// as long while a neighbour works, who comes or goes after some five of them.
func restless(seed uint64) func(int) time.Duration {
	coin, busy := rand.New(rand.NewPCG(seed, 7)), false
	return func(int) time.Duration {
		if coin.Float64() < 0.2 {
			busy = !busy
		}
		if busy {
			return 2 * time.Millisecond
		}
		return time.Millisecond
	}
}

// TestSlicesMeetTheSameMachine: with slices a neighbour disturbs both arms of a
// pair alike, so that the interval becomes narrower.
func TestSlicesMeetTheSameMachine(t *testing.T) {
	width := func(of int) float64 {
		total := 0.0
		for seed := range uint64(20) {
			b, unit := newBench(), restless(seed)
			// Each call is a tenth of a block, or a block of ten such.
			cost := func(slices int) func(int) time.Duration {
				return func(int) time.Duration {
					sum := time.Duration(0)
					for range 10 / slices {
						sum += unit(0)
					}
					return sum * time.Duration(slices) / 10
				}
			}
			pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Slices: of, Seed: seed}, b.arm("one", cost(of)), b.arm("other", cost(of)))
			require.NoError(t, err)
			i := interval(t, pairs, 1-0.05/3)
			total += math.Log(i.High / i.Low)
		}
		return total
	}
	require.Less(t, width(10), 0.8*width(1))
}
