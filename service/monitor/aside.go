package monitor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// asideEvery is the time between two looks at the partitions.
	asideEvery = 10 * time.Second
	// asideBudget is how long one may take.
	asideBudget = 5 * time.Second
)

// aside looks at the partitions beside the looks at the database, which do
// not wait for it. It looks once at a time.
type aside struct {
	read func(ctx context.Context) (Partitions, error)
	done sync.WaitGroup

	mu      sync.Mutex
	busy    bool
	tried   time.Time // when the last look began
	last    time.Time // when the last one that succeeded ended
	found   *Partitions
	problem error
	told    string // the problem that was logged
}

func newAside(read func(ctx context.Context) (Partitions, error)) *aside { return &aside{read: read} }

// begin looks at the partitions if it is time to. It does not wait.
func (a *aside) begin(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait := asideEvery
	if a.problem != nil {
		wait = time.Second
	}
	if a.read == nil || a.busy || time.Since(a.tried) < wait {
		return
	}
	a.busy, a.tried = true, time.Now()
	a.done.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, asideBudget)
		defer cancel()
		found, err := a.read(ctx)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.busy, a.problem = false, err
		if err == nil {
			a.found, a.last = &found, time.Now()
		}
	})
}

// wait returns when nothing is under way any more.
func (a *aside) wait() { a.done.Wait() }

// fill returns what is known, and notes in the snapshot if that is stale.
func (a *aside) fill(s *Snapshot, log *slog.Logger) *Partitions {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.read == nil {
		return nil
	}
	problem := a.problem
	if problem == nil && !a.last.IsZero() && time.Since(a.last) > asideEvery+asideBudget+patience {
		problem = errors.New("nothing was heard for long")
	}
	switch {
	case problem == nil && a.told != "":
		log.Info("part of the snapshot is read again", "part", "partitions")
		a.told = ""
	case problem != nil && a.told != problem.Error():
		log.Warn("part of the snapshot is stale", "part", "partitions", "error", problem)
		a.told = problem.Error()
	}
	if problem != nil {
		s.Stale = append(s.Stale, Stale{Part: "partitions", since: a.last})
	}
	return a.found
}
