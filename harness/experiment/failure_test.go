package experiment_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestErrorsNameTheArmAndThePair(t *testing.T) {
	broken := errors.New("deadlock detected")
	plan := experiment.Plan{Unit: "rows/s", Looks: []int{6}, FitnessPairs: 6}
	// old runs 3 blocks in calibration and 16 in fitness; new runs 3 in calibration.
	tests := map[string]struct {
		arm  string
		call int // of its blocks, or -n for its n-th reset
		says string
	}{
		"in calibration":                {"new", 1, `calibrating arm "new" with 16 units of work: deadlock detected`},
		"in the warm-up of the fitness": {"old", 3, `running arm "old" in fitness warm-up pair 1 of 2: deadlock detected`},
		"in the fitness trial":          {"old", 3 + 2*2 + 2*1, `running arm "old" in fitness pair 2 of 6: deadlock detected`},
		"in the warm-up":                {"new", 3 + 1, `running arm "new" in comparison warm-up pair 2 of 2: deadlock detected`},
		"in a pair":                     {"new", 3 + 2 + 4, `running arm "new" in pair 5 of at most 6: deadlock detected`},
		"resetting before calibration":  {"old", -1, `resetting arm "old" before the calibration: deadlock detected`},
		"resetting before the fitness":  {"old", -2, `resetting arm "old" before the fitness trial: deadlock detected`},
		"resetting before comparison":   {"new", -3, `resetting arm "new" before the comparison: deadlock detected`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			breaking := func(arm experiment.Arm) experiment.Arm {
				if arm.Name != tt.arm {
					return arm
				}
				run, resets := arm.Run, 0
				arm.Run = func(ctx context.Context, n int) (time.Duration, error) {
					if len(b.blocks[arm.Name]) == tt.call {
						return 0, broken
					}
					return run(ctx, n)
				}
				arm.Reset = func(context.Context) error {
					if resets++; resets == -tt.call {
						return broken
					}
					return nil
				}
				return arm
			}
			_, err := compare(t, plan,
				breaking(b.arm("old", always(time.Millisecond))), breaking(b.arm("new", always(time.Millisecond))))
			require.ErrorIs(t, err, broken)
			require.EqualError(t, err, `comparing "new" with "old": `+tt.says)
		})
	}
}

func TestABlockMustTakeTime(t *testing.T) {
	b := newBench()
	_, err := compare(t, experiment.Plan{Unit: "rows/s"}, b.arm("old", always(0)), b.arm("new", always(1)))
	require.EqualError(t, err, `comparing "new" with "old": calibrating arm "old" with 1 units of work: 1 units of work took 0s: a block must take time`)

	lazy := b.arm("lazy", always(1))
	lazy.Run = func(context.Context, int) (time.Duration, error) { return time.Microsecond, nil }
	_, err = compare(t, experiment.Plan{Unit: "rows/s"}, lazy, b.arm("new", always(1)))
	require.ErrorContains(t, err, `units of work take only 1µs, want a block of 100ms`)
}

func TestASuspendedMachineIsNoticed(t *testing.T) {
	tests := map[string]struct {
		wall time.Duration // by which the wall clock leaves the other in one block
		says string
	}{
		"a lid that was closed":       {2 * time.Hour, "the machine was suspended or its clock was set while the block ran: the clocks moved 2h0m0s apart"},
		"a clock that was set back":   {-3 * time.Second, "the clocks moved 3s apart"},
		"a time server that slews it": {20 * time.Millisecond, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			var elapsed, shift time.Duration
			current := b.arm("new", always(time.Millisecond))
			run := current.Run
			current.Run = func(ctx context.Context, n int) (time.Duration, error) {
				if len(b.blocks["new"]) == 8 {
					shift = tt.wall
				}
				d, err := run(ctx, n)
				elapsed += d
				return d, err
			}
			_, err := experiment.CompareOn(t.Context(),
				func() (wall, monotonic time.Duration) { return elapsed + shift, elapsed },
				experiment.Plan{Unit: "rows/s", Slices: 1, Looks: []int{6}}, b.arm("old", always(time.Millisecond)), current)
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `running arm "new" in pair 4 of at most 6: `)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestCancellingStopsBeforeTheNextBlock(t *testing.T) {
	b := newBench()
	ctx, cancel := context.WithCancel(t.Context())
	blocks := 0
	_, err := experiment.Compare(ctx, experiment.Plan{
		Unit: "rows/s",
		Progress: func(done, _ int) {
			blocks = len(b.calls)
			map[bool]func(){true: cancel, false: func() {}}[done == 15]()
		},
	}, b.arm("old", always(time.Millisecond)), b.arm("new", always(time.Millisecond)))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "in pair 2 of at most 40")
	require.Len(t, b.calls, blocks)
}

func TestAllProblemsOfAPlanAreReportedAtOnce(t *testing.T) {
	_, err := compare(t, experiment.Plan{
		PerUnit: math.NaN(), Warmup: -1, Looks: []int{10, 10}, Alpha: 1,
	}, experiment.Arm{}, experiment.Arm{Arm: measure.Arm{Name: "new"}})
	for _, says := range []string{
		"no unit is given", "NaN per unit of work", "-1 pairs of warm-up", "looks at [10 10] pairs", "alpha 1",
		"the baseline arm has no name", `the current arm "new" has nothing to run`,
	} {
		require.ErrorContains(t, err, says)
	}
}
