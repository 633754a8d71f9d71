package measure

import (
	"errors"
	"fmt"
)

// Reading is what a server tells of itself between two blocks.
type Reading struct {
	// WAL is how many bytes the server has written to its write-ahead log so
	// far; nil where it does not tell.
	WAL *int64
	// Checkpoint is a text that changes whenever a checkpoint begins, writes or
	// completes, and means nothing otherwise; empty where the server does not tell.
	Checkpoint string
}

// Observed is what the server did while the counted blocks of an experiment
// ran, and how it was set after the last of them. It is of the whole server:
// what another database does beside the experiment is in it.
type Observed struct {
	// BaselineWAL[i] and CurrentWAL[i] are the bytes written to the
	// write-ahead log during the block of that arm in pair i; both are absent
	// where the server does not tell.
	BaselineWAL []int64 `json:"baseline_wal_bytes,omitempty"`
	CurrentWAL  []int64 `json:"current_wal_bytes,omitempty"`
	// Checkpoints are the numbers of the pairs, from 1, in one of whose blocks
	// a checkpoint began, wrote or completed. Empty means none, and nil that the
	// server does not tell.
	Checkpoints []int `json:"checkpoints"`
	// BaselineSettings and CurrentSettings are the settings of the arms, read
	// again after the last block; absent where they were not.
	BaselineSettings map[string]string `json:"baseline_settings,omitempty"`
	CurrentSettings  map[string]string `json:"current_settings,omitempty"`
}

// validate reports what keeps o from being told of so many pairs.
func (o Observed) validate(pairs int) error {
	var problems []error
	fault := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(o.BaselineWAL) != len(o.CurrentWAL) || len(o.CurrentWAL) != 0 && len(o.CurrentWAL) != pairs {
		fault("the write-ahead log of %d blocks of the baseline and %d of the current arm is not that of %d pairs",
			len(o.BaselineWAL), len(o.CurrentWAL), pairs)
	}
	for i, arm := range [][]int64{o.BaselineWAL, o.CurrentWAL} {
		for j, bytes := range arm {
			if bytes < 0 {
				fault("%d bytes of write-ahead log in block %d of the %s arm are impossible", bytes, j+1, [...]string{"baseline", "current"}[i])
			}
		}
	}
	before := 0
	for _, pair := range o.Checkpoints {
		if pair <= before || pair > pairs {
			fault("checkpoints in the pairs %v do not rise from 1 to at most %d", o.Checkpoints, pairs)
			break
		}
		before = pair
	}
	return errors.Join(problems...)
}
