package history

import (
	"context"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// Take notes a snapshot as Run does four times a second.
func (k *Keeper) Take(s monitor.Snapshot, now time.Time) { k.take(s, now) }

// Work does what Run does once a second.
func (k *Keeper) Work(ctx context.Context, now time.Time) { k.work(ctx, now) }

// Pending is how many seconds wait to be written.
func (k *Keeper) Pending() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.pending)
}

// Tidy says whether nothing is left to be rolled up and deleted.
func (k *Keeper) Tidy(now time.Time) bool {
	return k.rolled.Equal(now.Add(-settling).UTC().Truncate(time.Minute))
}

// Planned is what a question is answered with.
func (q Question) Planned(now time.Time) (from, to time.Time, step, resolution time.Duration, err error) {
	p, err := q.plan(now, resolutions())
	return p.from, p.to, p.step, p.source.step, err
}
