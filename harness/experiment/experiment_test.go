package experiment_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// bench is a workplace of fake arms: it notes what they were asked to do.
type bench struct {
	calls  []string // "reset a", "a 7"
	blocks map[string][]time.Duration
}

func newBench() *bench { return &bench{blocks: map[string][]time.Duration{}} }

// arm takes perUnit(call) for each unit of work, where call counts its blocks.
func (b *bench) arm(name string, perUnit func(call int) time.Duration) experiment.Arm {
	return experiment.Arm{
		Arm: measure.Arm{Name: name, Text: "INSERT " + name, Settings: map[string]string{"fsync": "on"}, Rows: 10},
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			b.calls = append(b.calls, fmt.Sprintf("%s %d", name, n))
			d := time.Duration(n) * perUnit(len(b.blocks[name]))
			b.blocks[name] = append(b.blocks[name], d)
			return d, nil
		},
		Reset: func(context.Context) error {
			b.calls = append(b.calls, "reset "+name)
			return nil
		},
	}
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// compare runs an experiment on a machine whose clocks agree, with whole blocks
// unless the plan asks for slices.
func compare(t *testing.T, plan experiment.Plan, baseline, current experiment.Arm) (measure.Pairs, error) {
	plan.Slices = max(plan.Slices, 1)
	return experiment.CompareOn(t.Context(), func() (wall, monotonic time.Duration) { return 0, 0 }, plan, baseline, current)
}

// trial returns the calls that began the trial of that number, the
// calibration being 0.
func (b *bench) trial(t *testing.T, number int) []string {
	t.Helper()
	var trials [][]string
	for i, call := range b.calls {
		if call == "reset old" {
			require.Equal(t, "reset new", b.calls[i+1], "both arms are reset")
			trials = append(trials, nil)
		} else if !strings.HasPrefix(call, "reset") {
			trials[len(trials)-1] = append(trials[len(trials)-1], call)
		}
	}
	require.Len(t, trials, 3)
	return trials[number]
}

func TestAnExperimentIsRecordedInFull(t *testing.T) {
	b := newBench()
	var progress []string
	pairs, err := compare(t, experiment.Plan{
		Unit: "rows/s", PerUnit: 100, Seed: 7, Looks: []int{6, 12}, FitnessPairs: 8, Warmup: 3,
		Progress: func(done, planned int) { progress = append(progress, fmt.Sprintf("%d/%d", done, planned)) },
	}, b.arm("old", always(2*time.Millisecond)), b.arm("new", always(time.Millisecond)))
	require.NoError(t, err)
	require.NoError(t, pairs.Validate())

	require.Equal(t, "rows/s", pairs.Unit)
	require.False(t, pairs.LowerIsBetter)
	require.Len(t, pairs.Baseline, 12)
	require.Len(t, pairs.Current, 12)
	require.Len(t, pairs.First, 12)
	for i := range pairs.Baseline {
		require.InDelta(t, 50_000, pairs.Baseline[i], 1e-6, "100 rows each 2 ms")
		require.InDelta(t, 100_000, pairs.Current[i], 1e-6, "100 rows each ms")
	}
	require.Len(t, pairs.Fitness.A, 8)
	require.Len(t, pairs.Fitness.B, 8)
	require.InDelta(t, 50_000, pairs.Fitness.B[7], 1e-6, "the baseline against itself")
	require.Equal(t, []int{6, 12}, pairs.Looks)
	require.InDelta(t, measure.Alpha, pairs.Alpha, 0)
	require.EqualValues(t, 7, pairs.Seed)
	require.Equal(t, 3, pairs.WarmupPairs)
	require.InDelta(t, 0.135, pairs.BlockSeconds, 0.005, "the block of the faster arm")
	require.Equal(t, "old", pairs.BaselineArm.Name)
	require.Equal(t, "INSERT new", pairs.CurrentArm.Text)
	require.Equal(t, map[string]string{"fsync": "on"}, pairs.CurrentArm.Settings)
	require.EqualValues(t, 10, pairs.BaselineArm.Rows)

	require.Len(t, progress, 3+8+3+12)
	require.Equal(t, []string{"1/26", "26/26"}, []string{progress[0], progress[25]})

	fitness, comparison := b.trial(t, 1), b.trial(t, 2)
	require.Len(t, fitness, 2*(3+8))
	require.NotContains(t, strings.Join(fitness, " "), "new")
	require.Len(t, comparison, 2*(3+12))
	for i, first := range pairs.First {
		name := map[rune]string{'b': "old", 'c': "new"}[first]
		require.True(t, strings.HasPrefix(comparison[2*(3+i)], name+" "), "pair %d", i+1)
		require.False(t, strings.HasPrefix(comparison[2*(3+i)+1], name+" "), "pair %d", i+1)
	}
}

func TestAFitnessCheckThatShowsNoFitMachineIsTwiceAsLong(t *testing.T) {
	tests := map[string]struct {
		fit  bool
		want int
	}{
		"fit at first":     {true, 5},
		"not fit at first": {false, 10},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			var asked []int
			pairs, err := compare(t, experiment.Plan{
				Unit: "rows/s", Looks: []int{6}, FitnessPairs: 5,
				Fit: func(f measure.Fitness) bool {
					asked = append(asked, len(f.A))
					return test.fit
				},
			}, b.arm("old", always(2*time.Millisecond)), b.arm("new", always(2*time.Millisecond)))
			require.NoError(t, err)
			require.Equal(t, []int{5}, asked, "once, before anything is compared")
			require.Len(t, pairs.Fitness.A, test.want)
			require.Len(t, pairs.Fitness.B, test.want)
		})
	}
}

func TestDurationsAreGivenPerUnitOfWork(t *testing.T) {
	b := newBench()
	pairs, err := compare(t, experiment.Plan{Unit: "ms", PerUnit: 100, LowerIsBetter: true, Looks: []int{6}},
		b.arm("old", always(30*time.Millisecond)), b.arm("new", always(10*time.Millisecond)))
	require.NoError(t, err)
	require.True(t, pairs.LowerIsBetter)
	require.InDelta(t, 30, pairs.Baseline[0], 1e-9)
	require.InDelta(t, 10, pairs.Current[5], 1e-9)
	ratios, err := pairs.Ratios()
	require.NoError(t, err)
	require.InDelta(t, 3, ratios[0], 1e-9, "a third of the time is three times the throughput")
}

func TestTheOrderIsThatOfTheSeed(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2} {
		b := newBench()
		p, err := compare(t, experiment.Plan{Unit: "rows/s", Seed: seed},
			b.arm("old", always(time.Millisecond)), b.arm("new", always(time.Millisecond)))
		require.NoError(t, err)
		require.Equal(t, measure.Order(seed, 40), p.First)
	}
}

func TestAnExperimentStopsOnlyAtALook(t *testing.T) {
	tests := map[string]struct {
		decidedAt int // pairs from which Decided says so
		pairs     int
		asked     []int
	}{
		"decided from the start":       {0, 10, []int{10}},
		"decided between two looks":    {11, 20, []int{10, 20}},
		"decided after the last look":  {21, 40, []int{10, 20}},
		"decided at none":              {1000, 40, []int{10, 20}},
		"decided exactly at one":       {20, 20, []int{10, 20}},
		"decided just after the first": {12, 20, []int{10, 20}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			var asked []int
			var done, planned int
			pairs, err := compare(t, experiment.Plan{
				Unit: "rows/s",
				Decided: func(p measure.Pairs) bool {
					require.NoError(t, p.Validate(), "what is judged is complete")
					require.NotNil(t, p.Fitness)
					asked = append(asked, len(p.Baseline))
					return len(p.Baseline) >= tt.decidedAt
				},
				Progress: func(d, p int) { done, planned = d, p },
			}, b.arm("old", always(time.Millisecond)), b.arm("new", always(time.Millisecond)))
			require.NoError(t, err)
			require.Equal(t, tt.asked, asked)
			require.Len(t, pairs.Baseline, tt.pairs)
			require.Len(t, pairs.First, tt.pairs)
			require.Equal(t, measure.Looks(), pairs.Looks, "the looks stay as planned")
			require.Equal(t, done, planned)
			require.Equal(t, 2+10+2+tt.pairs, done)
		})
	}
}
