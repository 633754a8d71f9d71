package experiment_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
)

func TestArmsThatTakeTurnsMeetTheSameMachine(t *testing.T) {
	b := newBench()
	constant := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	quick, slow, third := b.arm("quick", constant(time.Millisecond)), b.arm("slow", constant(10*time.Millisecond)), b.arm("third", constant(time.Second))
	resets := 0
	plan := experiment.Turns{
		Unit: "rows/s", PerUnit: 5, Rounds: 12, Seed: 3,
		Reset: func(context.Context) error { resets++; return nil },
	}
	rounds, err := experiment.TakeTurns(t.Context(), plan, quick, slow, third)
	require.NoError(t, err)
	require.Equal(t, 2, resets)
	require.NotContains(t, b.calls, "reset quick", "the state is one for all")
	require.Len(t, rounds.Orders, 12)
	firsts := map[int]bool{}
	for _, turns := range rounds.Orders {
		firsts[turns[0]] = true
		require.ElementsMatch(t, []int{0, 1, 2}, turns)
	}
	require.Len(t, firsts, 3, "each arm is the first at some time")
	for i, want := range []float64{5_000, 500, 5} {
		require.Len(t, rounds.Rates[i], 12)
		for _, rate := range rounds.Rates[i] {
			require.InEpsilon(t, want, rate, 1e-9)
		}
	}
	last := b.calls[len(b.calls)-3:]
	slices.Sort(last)
	require.Equal(t, []string{"quick 135", "slow 14", "third 1"}, last, "each arm has blocks of its own length")

	pairs := rounds.Pairs(1, 0)
	require.NoError(t, pairs.Validate())
	require.Nil(t, pairs.Fitness, "no arm was compared with itself")
	require.Equal(t, "slow", pairs.BaselineArm.Name)
	require.InDelta(t, 0.135, pairs.BlockSeconds, 1e-9)
	for n, turns := range rounds.Orders {
		before := slices.Index(turns, 1) < slices.Index(turns, 0)
		require.Equal(t, before, pairs.First[n] == 'b')
	}
	again, err := experiment.TakeTurns(t.Context(), plan, quick, slow, third)
	require.NoError(t, err)
	require.Equal(t, rounds.Orders, again.Orders, "anyone can draw the order again")
}

func TestTurnsThatCannotBeTakenSayWhy(t *testing.T) {
	_, err := experiment.TakeTurns(t.Context(), experiment.Turns{PerUnit: -1}, experiment.Arm{})
	require.EqualError(t, err, "planning turns: no unit is given\n-1 per unit of work, blocks of at least 100ms, 8 rounds: want none below 0\n"+
		"1 arms: want two or more\narm 1 has no name or nothing to run")
	b := newBench()
	sound := b.arm("sound", func(int) time.Duration { return time.Second })
	broken := b.arm("broken", func(call int) time.Duration { return time.Second })
	run := broken.Run
	broken.Run = func(ctx context.Context, n int) (time.Duration, error) {
		if len(b.blocks["broken"]) > 8 {
			return 0, errors.New("the disk is full")
		}
		return run(ctx, n)
	}
	_, err = experiment.TakeTurns(t.Context(), experiment.Turns{Unit: "rows/s"}, sound, broken)
	require.ErrorContains(t, err, `arm "broken": the disk is full`)
	_, err = experiment.TakeTurns(t.Context(), experiment.Turns{Unit: "rows/s", Reset: func(context.Context) error { return errors.New("no table") }}, sound, sound)
	require.EqualError(t, err, "restoring the state before the calibration: no table")
}
