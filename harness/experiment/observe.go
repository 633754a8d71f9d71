package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// sight is what the server told around the slices of a block.
type sight struct {
	slices             int   // that were looked at
	wal                int64 // bytes that were logged
	silentLog          bool  // of some slice the log was not told
	checkpoint, silent bool  // one fell into a slice; of some slice it was not told
}

// observed runs a slice of a block between two looks at its server.
func (t *trial) observed(ctx context.Context, arm Arm, n int) (time.Duration, sight, error) {
	if arm.Observe == nil {
		d, err := t.block(ctx, arm, n)
		return d, sight{}, err
	}
	before, err := arm.Observe(ctx)
	if err != nil {
		return 0, sight{}, fmt.Errorf("observing its server before the block: %w", err)
	}
	d, err := t.block(ctx, arm, n)
	if err != nil {
		return 0, sight{}, err
	}
	after, err := arm.Observe(ctx)
	if err != nil {
		return 0, sight{}, fmt.Errorf("observing its server after the block: %w", err)
	}
	return d, between(before, after), nil
}

// between compares two looks. A log that shrinks is that of another server, and
// tells nothing.
func between(before, after measure.Reading) sight {
	s := sight{
		slices:     1,
		checkpoint: before.Checkpoint != after.Checkpoint,
		silent:     before.Checkpoint == "" || after.Checkpoint == "",
	}
	if before.WAL == nil || after.WAL == nil || *after.WAL < *before.WAL {
		s.silentLog = true
		return s
	}
	s.wal = *after.WAL - *before.WAL
	return s
}

// add takes in one more slice.
func (s *sight) add(more sight) {
	s.slices += more.slices
	s.wal += more.wal
	s.silentLog = s.silentLog || more.silentLog
	s.checkpoint, s.silent = s.checkpoint || more.checkpoint, s.silent || more.silent
}

// watch gathers what the server does in the pairs of a comparison. What it does
// not tell of one block is not told of any.
type watch struct {
	looked           bool // somebody looks at the server
	log, checkpoints bool // told so far
	seen             measure.Observed
}

func newWatch(baseline, current Arm) *watch {
	both := baseline.Observe != nil && current.Observe != nil
	return &watch{looked: both, log: both, checkpoints: both, seen: measure.Observed{Checkpoints: []int{}}}
}

// note takes in pair n, counted from 1.
func (w *watch) note(n int, seen [2]sight) {
	var logged [2]int64
	checkpoint := false
	for i, s := range seen {
		logged[i], w.log = s.wal, w.log && s.slices > 0 && !s.silentLog
		w.checkpoints = w.checkpoints && s.slices > 0 && !s.silent
		checkpoint = checkpoint || s.checkpoint
	}
	w.seen.BaselineWAL = append(w.seen.BaselineWAL, logged[0])
	w.seen.CurrentWAL = append(w.seen.CurrentWAL, logged[1])
	if checkpoint {
		w.seen.Checkpoints = append(w.seen.Checkpoints, n)
	}
}

// told is what may be said of the pairs so far, or nil.
func (w *watch) told() *measure.Observed {
	if !w.looked {
		return nil
	}
	o := w.seen
	if !w.log {
		o.BaselineWAL, o.CurrentWAL = nil, nil
	}
	if !w.checkpoints {
		o.Checkpoints = nil
	}
	return &o
}

// recheck reads the settings of both arms once more.
func (t *trial) recheck(ctx context.Context, pairs *measure.Pairs) error {
	if t.baseline.Recheck == nil || t.current.Recheck == nil {
		return nil
	}
	var settings [2]map[string]string
	for i, arm := range []Arm{t.baseline, t.current} {
		var err error
		if settings[i], err = arm.Recheck(ctx); err != nil {
			return fmt.Errorf("reading the settings of arm %q after the last block: %w", arm.Name, err)
		}
	}
	if pairs.Server == nil {
		pairs.Server = &measure.Observed{}
	}
	pairs.Server.BaselineSettings, pairs.Server.CurrentSettings = settings[0], settings[1]
	return nil
}
