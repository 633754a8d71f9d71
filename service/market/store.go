package market

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Partitions makes room for rows before they are written.
type Partitions interface {
	// Cover makes sure that the rows of those days have a partition of the
	// table. An error loses nothing: the rows go to the default partition.
	Cover(ctx context.Context, table string, days ...time.Time) error
}

// Config is what a Store stands on.
type Config struct {
	// Pool connects to a database at any version of the schema. Required.
	Pool *pgxpool.Pool
	// Log hears of partitions that could not be made. Nil discards it.
	Log *slog.Logger
	// Partitions is asked for room before rows of a day are written that the
	// Store has not seen. Nil asks nobody.
	Partitions Partitions
	// Now is the time; nil is time.Now.
	Now func() time.Time
}

// Store keeps the market in Postgres, at whatever version of the schema the
// database is and also while it changes. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	now     func() time.Time
	room    *room
	methods []method
	layout  atomic.Pointer[layout]
	written written
}

// New makes a Store.
func New(c Config) *Store {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Store{
		pool:    c.Pool,
		log:     c.Log,
		now:     c.Now,
		room:    &room{partitions: c.Partitions, log: c.Log, now: c.Now, next: make(map[covered]time.Time)},
		methods: methods(),
	}
}

// written counts what was stored.
type written struct{ rows, nanoseconds atomic.Int64 }

// note counts a batch that took since then. One that held nothing new says
// nothing of how fast rows are stored.
func (w *written) note(began time.Time, rows int, err error) {
	if rows > 0 || err != nil {
		w.rows.Add(int64(rows))
		w.nanoseconds.Add(time.Since(began).Nanoseconds())
	}
}

// Written returns how many ticks and bars were stored in the life of the Store,
// and how long its callers waited for that, added up. A batch that could not be
// stored counts with its time, one that held nothing new does not.
func (s *Store) Written() (rows int64, took time.Duration) {
	return s.written.rows.Load(), time.Duration(s.written.nanoseconds.Load())
}
