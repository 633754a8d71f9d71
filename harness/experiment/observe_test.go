package experiment_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// server is a fake one: it logs 100 bytes a unit of work and begins a
// checkpoint whenever an arm says so.
type server struct {
	wal         int64
	checkpoints int
	looks       int
	silent      bool
}

// watched lets the server see the blocks of arm, and checkpoints in those for
// which falls says so.
func (s *server) watched(arm experiment.Arm, falls func(block int) bool) experiment.Arm {
	run, block := arm.Run, 0
	arm.Run = func(ctx context.Context, n int) (time.Duration, error) {
		block++
		s.wal += 100 * int64(n)
		if falls(block) {
			s.checkpoints++
		}
		return run(ctx, n)
	}
	arm.Observe = func(context.Context) (measure.Reading, error) {
		s.looks++
		if s.silent {
			return measure.Reading{}, nil
		}
		wal := s.wal
		return measure.Reading{WAL: &wal, Checkpoint: strconv.Itoa(s.checkpoints)}, nil
	}
	arm.Recheck = func(context.Context) (map[string]string, error) {
		return map[string]string{"fsync": "off on " + arm.Name}, nil
	}
	return arm
}

func never(int) bool { return false }

// calibrated is the number of blocks with which an arm of 1 ms is calibrated.
const calibrated = 3

func TestTheServerIsObservedAroundEachBlock(t *testing.T) {
	s, b := &server{}, newBench()
	plan := experiment.Plan{Unit: "rows/s", Looks: []int{6}, FitnessPairs: 6}
	pairs, err := compare(t, plan,
		s.watched(b.arm("old", always(time.Millisecond)), never),
		s.watched(b.arm("new", always(time.Millisecond)), func(block int) bool { return block == calibrated+2+2 || block == calibrated+2+5 }))
	require.NoError(t, err)
	require.NoError(t, pairs.Validate())
	require.Equal(t, []int{2, 5}, pairs.Server.Checkpoints)
	require.Len(t, pairs.Server.BaselineWAL, 6)
	for i := range 6 {
		require.EqualValues(t, 100*135, pairs.Server.BaselineWAL[i])
		require.EqualValues(t, 100*135, pairs.Server.CurrentWAL[i])
	}
	require.Equal(t, map[string]string{"fsync": "off on old"}, pairs.Server.BaselineSettings)
	require.Equal(t, map[string]string{"fsync": "off on new"}, pairs.Server.CurrentSettings)
	require.Equal(t, 4*(2+6+2+6), s.looks, "around the blocks that do not count as well")
}

func TestWhatTheServerDoesNotTellIsNotRecorded(t *testing.T) {
	plan := experiment.Plan{Unit: "rows/s", Looks: []int{6}, FitnessPairs: 6}
	b := newBench()
	pairs, err := compare(t, plan, b.arm("old", always(time.Millisecond)), b.arm("new", always(time.Millisecond)))
	require.NoError(t, err)
	require.Nil(t, pairs.Server, "nobody looked")

	b = newBench()
	silent := &server{silent: true}
	pairs, err = compare(t, plan, silent.watched(b.arm("old", always(time.Millisecond)), never), silent.watched(b.arm("new", always(time.Millisecond)), never))
	require.NoError(t, err)
	require.NoError(t, pairs.Validate())
	require.Nil(t, pairs.Server.Checkpoints)
	require.Nil(t, pairs.Server.BaselineWAL)
	require.Nil(t, pairs.Server.CurrentWAL)

	b = newBench()
	s := &server{}
	pairs, err = compare(t, plan, s.watched(b.arm("old", always(time.Millisecond)), never), s.watched(b.arm("new", always(time.Millisecond)), func(block int) bool {
		s.silent = block > calibrated+2+3
		return false
	}))
	require.NoError(t, err)
	require.Nil(t, pairs.Server.CurrentWAL, "a log with a gap is none")
	require.Nil(t, pairs.Server.Checkpoints)
}

func TestAnObserverThatBreaksIsAnError(t *testing.T) {
	broken := errors.New("the connection broke off")
	plan := experiment.Plan{Unit: "rows/s", Looks: []int{6}, FitnessPairs: 6}
	s, b := &server{}, newBench()
	current := s.watched(b.arm("new", always(time.Millisecond)), never)
	current.Observe = func(context.Context) (measure.Reading, error) { return measure.Reading{}, broken }
	_, err := compare(t, plan, b.arm("old", always(time.Millisecond)), current)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, `running arm "new" in comparison warm-up pair 1 of 2: observing its server before the block`)

	s, b = &server{}, newBench()
	old, current := s.watched(b.arm("old", always(time.Millisecond)), never), s.watched(b.arm("new", always(time.Millisecond)), never)
	current.Recheck = func(context.Context) (map[string]string, error) { return nil, broken }
	_, err = compare(t, plan, old, current)
	require.ErrorContains(t, err, `reading the settings of arm "new" after the last block: the connection broke off`)
}
