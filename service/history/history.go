// Package history keeps what the monitor measured: a row for each second, rolled
// up into minutes and hours, so that anybody can ask how a figure was an hour or
// a year ago.
//
// One of the replicas writes, the one that leads; everybody reads. A minute is
// rolled up once, some seconds after it ended, from what all leaders of that
// minute wrote; whoever leads then makes up for what was missed. Where there are
// no tables, the last two hours are kept in memory.
//
// What is kept must not hurt what is watched: the package has one connection of
// its own, waits for no lock longer than 100 ms and for no statement longer than
// a second, and rolls up and deletes in small steps. While the database is gone
// it forgets rather than piles up.
//
// The package refuses to know who leads, what a measure means, and HTTP.
package history

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signoff-dev/signoff/service/internal/refusal"
	"github.com/signoff-dev/signoff/service/monitor"
)

const (
	// looking is how often the newest snapshot is looked for: more often than
	// there is one, so that none is passed over.
	looking = 250 * time.Millisecond
	// late is how old a second may be when it is written; an older one is
	// forgotten.
	late = 10 * time.Second
	// settling is for how long after its end a minute is not rolled up: longer
	// than a second may be late.
	settling = 15 * time.Second
	// again is how long after tables were lacking they are looked for again.
	again = time.Minute
)

// ErrBusy is said when others are asking, and the time to wait for them is over.
var ErrBusy = errors.New("others are asking about the history")

// Config is what a Keeper needs.
type Config struct {
	// Pool holds the history's own connection; OpenPool makes it. Nil keeps the
	// last two hours in memory.
	Pool *pgxpool.Pool
	// Leads says whether this process is the one that writes. Nil is always.
	Leads func() bool
	// Snapshot returns what the monitor saw last. Nil writes nothing.
	Snapshot func() monitor.Snapshot
	// Log receives why nothing is kept, once per change. Nil discards it.
	Log *slog.Logger
}

// Keeper keeps the history and answers about it.
type Keeper struct {
	config Config
	asking chan struct{} // holds who reads, so that writing waits for one at most
	memory *memory

	mu      sync.Mutex
	pending []second  // taken and not written
	taken   time.Time // when the monitor looked that was taken last
	lacks   time.Time // when it turned out last that there are no tables

	problem string    // why the last writing failed
	rolled  time.Time // the end of what was rolled up, and deleted, completely
}

// second is what was measured in one second.
type second struct {
	at      time.Time
	figures map[string]float64
	taken   time.Time
}

// New makes a keeper that keeps nothing until Run.
func New(config Config) *Keeper {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Leads == nil {
		config.Leads = func() bool { return true }
	}
	return &Keeper{config: config, asking: make(chan struct{}, 1), memory: newMemory()}
}

// Run keeps the history until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	if k.config.Snapshot == nil {
		return errors.New("keeping the history: nobody measures")
	}
	working := make(chan struct{}, 1)
	defer func() { working <- struct{}{} }() // which waits for the work to end
	tick := time.NewTicker(looking)
	defer tick.Stop()
	for ticks := 0; ; ticks++ {
		k.take(k.config.Snapshot(), time.Now())
		if ticks%int(time.Second/looking) == 0 {
			select {
			case working <- struct{}{}:
				go func() {
					k.work(ctx, time.Now())
					<-working
				}()
			default: // it still works
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// take notes a snapshot that is to be written.
func (k *Keeper) take(s monitor.Snapshot, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.config.Leads() {
		k.pending = nil
		return
	}
	k.forget(now)
	if s.CheckedAt.Equal(k.taken) || slices.Contains(s.Reasons, monitor.NotCollected) {
		return
	}
	k.taken = s.CheckedAt
	if figures := finite(s.Figures()); len(figures) > 0 {
		k.pending = append(k.pending, second{s.CheckedAt.UTC().Truncate(time.Second), figures, now})
	}
}

// forget lets go of what can no longer be written in time.
func (k *Keeper) forget(now time.Time) {
	k.pending = slices.DeleteFunc(k.pending, func(s second) bool { return now.Sub(s.taken) > late })
}

// work writes what was taken and then, once a minute, rolls up and deletes,
// one small step at a time.
func (k *Keeper) work(ctx context.Context, now time.Time) {
	if !k.config.Leads() {
		k.rolled = time.Time{} // another one goes on with it
		return
	}
	wrote, err := k.write(ctx, now)
	until := now.Add(-settling).UTC().Truncate(time.Minute)
	if err == nil && k.tables() && !until.Equal(k.rolled) {
		var more bool
		if more, err = k.tidy(ctx, now, until); err == nil && !more {
			k.rolled = until
		}
	}
	if ctx.Err() == nil && (wrote || err != nil) {
		k.note(err)
	}
}

// tables says whether there are tables, as far as is known.
func (k *Keeper) tables() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.config.Pool != nil && (k.lacks.IsZero() || time.Since(k.lacks) > again)
}

// lack notes whether an error says that there are no tables.
func (k *Keeper) lack(err error) bool {
	if !refusal.Lasts(err) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lacks = time.Now()
	return true
}

// note logs a problem when it begins, changes or ends.
func (k *Keeper) note(err error) {
	switch {
	case err == nil && k.problem != "":
		k.config.Log.Info("the history is kept in the database again")
		k.problem = ""
	case err == nil || err.Error() == k.problem:
	case refusal.Lasts(err):
		k.config.Log.Warn("the history is kept in memory only, for two hours: its tables are not there, not for this role, or not to be written; `marketd migrate up` makes them, as a role that may",
			"error", err)
		k.problem = err.Error()
	default:
		k.config.Log.Warn("the history is not kept", "error", err)
		k.problem = err.Error()
	}
}
