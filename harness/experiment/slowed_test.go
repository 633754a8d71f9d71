package experiment_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// slowly plants a slowdown on the fake clock of the bench.
func slowly(arm experiment.Arm, percent float64) experiment.Arm {
	return experiment.SlowedOn(arm, percent, func(ctx context.Context, d time.Duration) (time.Duration, error) { return d, ctx.Err() })
}

func TestAPlantedSlowdownMakesEachBlockTakeSoMuchLonger(t *testing.T) {
	for percent, ratio := range map[float64]float64{0: 1, 10: 1 / 1.1, 20: 1 / 1.2, 100: 0.5} {
		b := newBench()
		pairs, err := compare(t, experiment.Plan{Unit: "rows/s", PerUnit: 100},
			b.arm("old", always(time.Millisecond)), slowly(b.arm("new", always(time.Millisecond)), percent))
		require.NoError(t, err)
		ratios, err := pairs.Ratios()
		require.NoError(t, err)
		for _, r := range ratios {
			require.InDelta(t, ratio, r, 1e-6, "%v %% longer", percent)
		}
	}
}

func TestAPlantedSlowdownIsNamed(t *testing.T) {
	slow := experiment.Slowed(newBench().arm("new", always(1)), 12.5)
	require.Equal(t, "new, slowed by 12.5 % (planted)", slow.Name)
	require.Equal(t, "-- A slowdown is planted: every block is made to take 12.5 % longer.\nINSERT new", slow.Text)
	require.EqualValues(t, 10, slow.Rows)
	require.NotNil(t, slow.Reset)
}

func TestAPlantedSlowdownPassesInFact(t *testing.T) {
	work := experiment.Arm{
		Arm: measure.Arm{Name: "new"},
		Run: func(context.Context, int) (time.Duration, error) { return 20 * time.Millisecond, nil },
	}
	began := time.Now()
	d, err := experiment.Slowed(work, 20).Run(t.Context(), 1)
	require.NoError(t, err)
	require.GreaterOrEqual(t, d, 24*time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 4*time.Millisecond)
	require.LessOrEqual(t, d, 20*time.Millisecond+time.Since(began), "no more is counted than went by")
}

func TestAPlantedSlowdownEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	work := experiment.Arm{
		Arm: measure.Arm{Name: "new"},
		Run: func(context.Context, int) (time.Duration, error) { cancel(); return 100 * time.Hour, nil },
	}
	_, err := experiment.Slowed(work, 20).Run(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "waiting out the planted slowdown")
}

func TestAnImpossibleSlowdownIsAnError(t *testing.T) {
	for _, percent := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := experiment.Slowed(newBench().arm("new", always(1)), percent).Run(t.Context(), 1)
		require.ErrorContains(t, err, "want a number of at least 0")
	}
}
