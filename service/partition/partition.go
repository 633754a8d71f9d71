// Package partition is the PartitionManager: it keeps the time-partitioned
// tables of the market (ticks by day, bars by year, in UTC) ready for what is
// written next and free of what is kept no longer.
//
//   - Ensure makes the partitions ahead and fills gaps.
//   - Retain detaches what is older than it is to be kept, keeps it under
//     another name, and drops only when told.
//   - Repair brings rows home that went to the default partition, and ends
//     what somebody interrupted.
//   - Cover makes the partition of a day just before its first row is written.
//   - Status looks without ever waiting for a lock.
//
// # Locks
//
// Every statement waits at most half a second for a lock, the first time much
// less, and is then tried again. A partition for a time that nobody can write yet is made beside its
// parent and attached: readers and writers of the parent go on. A partition
// that is late may meet a writer whose row is on its way to the default
// partition, and that row would be refused; so writers of the parent wait
// while a late partition is attached, and readers go on. Only when rows move
// out of the default partition, and when a partition is detached, does the
// parent close for a few milliseconds: a reader that had already planned
// without the new partition would miss the rows that moved.
//
// One manager works at a time, and none while a migration is under way: both
// are advisory locks, and whoever finds them taken skips and says so.
//
// The package refuses to know what the rows mean: it knows only the names of
// the tables, their keys and the column they are divided by.
package partition

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// DefaultAhead is how many intervals after the present one are made ahead.
	DefaultAhead = 4
	// DefaultPatience is how long one statement may run.
	DefaultPatience = 5 * time.Second
	// DefaultMostMoved rows are moved in less than a second.
	DefaultMostMoved = 50_000
	// Every is the time between two rounds of Run.
	Every = time.Minute
)

// Config is what a Manager needs.
type Config struct {
	// Pool holds the manager's own connections, of a user who owns the tables.
	// A verb uses one of them at a time.
	Pool *pgxpool.Pool
	// Log hears of what Run and Cover did and could not do. Nil discards it.
	Log *slog.Logger
	// Now is the clock of Run. Nil is the real one.
	Now func() time.Time
	// Tick starts the rounds of Run after the first. Nil is each minute.
	Tick <-chan time.Time
	// Ahead is how many intervals after the present one Ensure makes. Zero
	// means DefaultAhead.
	Ahead int
	// Patience is how long one statement of a verb may run. While rows move
	// out of a default partition, writers of the table wait as long. Zero
	// means DefaultPatience.
	Patience time.Duration
	// MostMoved is how many rows of one interval Run and Cover move out of a
	// default partition, while writers of the table wait. Repair moves all.
	// Zero means DefaultMostMoved.
	MostMoved int64
	// Keep is how long Run keeps partitions attached, and what Status calls
	// overdue. Rows that come later than that stay in the default partition,
	// where everybody sees them. Zero keeps everything.
	Keep Keep
}

// oldest is the beginning of the first interval that Keep leaves attached, or
// of the calendar if it leaves all.
func (c Config) oldest(t table, now time.Time) time.Time {
	cutoff, limited := c.Keep.of(t).before(now)
	if !limited {
		return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return later(t.floor(cutoff), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
}

// Manager manages the partitions of one database. Its methods may be called
// at the same time.
type Manager struct {
	config Config
	covers map[string]*cover
	made   atomic.Int64 // by Cover, in the life of this process
	rests  rests
}

// New makes a Manager. It does not touch the database yet.
func New(config Config) *Manager {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Ahead == 0 {
		config.Ahead = DefaultAhead
	}
	if config.Patience == 0 {
		config.Patience = DefaultPatience
	}
	if config.MostMoved == 0 {
		config.MostMoved = DefaultMostMoved
	}
	m := &Manager{config: config, covers: map[string]*cover{}}
	for _, t := range tables() {
		m.covers[t.name] = &cover{table: t, turn: make(chan struct{}, 1)}
	}
	return m
}

// Report is what a verb did. The lists name partitions.
type Report struct {
	// Created were made, Adopted were found beside the parent and attached.
	Created []string `json:"created"`
	Adopted []string `json:"adopted"`
	// Moved counts the rows that left a default partition.
	Moved int64 `json:"moved"`
	// Detached and Finalized are kept, under the names given here.
	Detached  []string `json:"detached"`
	Finalized []string `json:"finalized"`
	// Dropped are gone with their rows.
	Dropped []string `json:"dropped"`
	// Skipped says why nothing or not everything was done; empty if it was.
	Skipped string `json:"skipped"`
}

func newReport() Report {
	return Report{
		Created: []string{}, Adopted: []string{}, Detached: []string{}, Finalized: []string{}, Dropped: []string{},
	}
}

// Idle says whether nothing was done and nothing skipped.
func (r Report) Idle() bool {
	return r.Skipped == "" && r.Moved == 0 &&
		len(r.Created)+len(r.Adopted)+len(r.Detached)+len(r.Finalized)+len(r.Dropped) == 0
}

// skip adds a reason, each once.
func (r *Report) skip(reason string) {
	if reason == "" || strings.Contains(r.Skipped, reason) {
		return
	}
	if r.Skipped != "" {
		r.Skipped += "; "
	}
	r.Skipped += reason
}
