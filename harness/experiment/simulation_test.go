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

// noisy is the time of a unit of work on a machine with noise, drift and
// stalls; factor makes the arm slower.
func noisy(seed uint64) func(factor float64) func(int) time.Duration {
	noise := rand.New(rand.NewPCG(seed, 42))
	drift := 0.0
	return func(factor float64) func(int) time.Duration {
		return func(int) time.Duration {
			drift += 0.02 * noise.NormFloat64()
			cost := factor * math.Exp(drift+0.05*noise.NormFloat64())
			if noise.Float64() < 0.05 {
				cost *= 3
			}
			return time.Duration(cost * float64(time.Millisecond))
		}
	}
}

// simulate runs experiments whose arms take 1 ms and factor ms, and counts
// those whose interval of the level leaves out a ratio.
func simulate(t *testing.T, experiments int, factor, level, ratio float64) (without int) {
	t.Helper()
	for seed := range uint64(experiments) {
		b, unit := newBench(), noisy(seed)
		pairs, err := compare(t, experiment.Plan{Unit: "rows/s", Seed: seed}, b.arm("one", unit(1)), b.arm("other", unit(factor)))
		require.NoError(t, err)
		if !interval(t, pairs, level).Contains(ratio) {
			without++
		}
	}
	return without
}

func interval(t testing.TB, pairs measure.Pairs, level float64) measure.Interval {
	t.Helper()
	i, err := pairs.Interval(level)
	require.NoError(t, err)
	return i
}

// TestIdenticalArmsAreNotToldApart runs a hundred experiments of an arm
// against itself. The interval is the one that verdicts rest on: of its level
// each of three looks may be wrong once in sixty.
func TestIdenticalArmsAreNotToldApart(t *testing.T) {
	wrong := simulate(t, 100, 1, 1-0.05/3, 1)
	t.Logf("%d of 100 intervals leave out 1", wrong)
	require.LessOrEqual(t, wrong, 5)
}

// TestIntervalsAreWrongAsOftenAsTheySay takes enough experiments to see a
// coin or an order that favours one arm: 50 of 1,000 are to be expected, and
// three standard deviations are 21.
func TestIntervalsAreWrongAsOftenAsTheySay(t *testing.T) {
	wrong := simulate(t, 1000, 1, 0.95, 1)
	t.Logf("%d of 1000 intervals of 95 %% leave out 1", wrong)
	require.LessOrEqual(t, wrong, 71)
	require.GreaterOrEqual(t, wrong, 25, "an interval that is never wrong is too wide to find anything")
}

func TestASlowerArmIsFound(t *testing.T) {
	found := simulate(t, 20, 1.1, 1-0.05/3, 1)
	require.GreaterOrEqual(t, found, 18, "a tenth slower, in 40 pairs")
	wrong := simulate(t, 100, 1.1, 1-0.05/3, 1/1.1)
	require.LessOrEqual(t, wrong, 5, "and the interval holds the truth")
}
