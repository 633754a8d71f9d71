// Package monitor is the DatabaseMonitoringService: once a second it takes a
// snapshot of the database (pool, inserts, query latency, cache, locks, tables,
// indexes, WAL, replication and more) and keeps the last one in memory, where
// anybody can read it without waiting.
//
// Watching must never hurt what is watched: the monitor has at most two
// connections of its own, waits for no lock longer than 100 ms and for no
// statement longer than a second, looks once at a time, and touches only
// catalogs that answer while a table is locked. What costs more is read less
// often, and a look ends after 1.1 s with what it has by then. A part that
// could not be read keeps its last figures and is named as stale, with its age.
//
// The package refuses to know HTTP, WebSocket and the tables of the market.
package monitor

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Channel is the channel on which snapshots are published.
const Channel = "database_performance"

// Publisher takes each new snapshot to whoever listens. It must not block.
type Publisher interface {
	Broadcast(channel string, data any)
}

// Config is what a Service needs.
type Config struct {
	// Pool holds the monitor's own connections; OpenPool makes it. Run fails
	// without it.
	Pool *pgxpool.Pool
	// Served is the pool that serves the users and is watched. Nil leaves the
	// pool's figures at zero.
	Served *pgxpool.Pool
	// Queries is the tracer of the served pool. Nil leaves latencies unknown.
	Queries *Recorder
	// Written tells what the service stored. Nil leaves that unknown.
	Written func() Written
	// Partitions looks at the partitions. It is called beside the looks and
	// may take some seconds. Nil leaves them unknown.
	Partitions func(ctx context.Context) (Partitions, error)
	// Publish receives each snapshot. Nil publishes nothing.
	Publish Publisher
	// Log receives what could not be read, once per change. Nil discards it.
	Log *slog.Logger
	// Every is the time between two looks. Zero means one second.
	Every time.Duration
}

// Service is the DatabaseMonitoringService.
type Service struct {
	config  Config
	started time.Time
	latest  atomic.Pointer[Snapshot]
	running atomic.Bool
	looked  chan struct{} // closed after the first look
}

// New makes a Service that has not looked yet: its snapshot says fail, with
// the reason not_collected.
func New(config Config) *Service {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Every == 0 {
		config.Every = time.Second
	}
	return &Service{config: config, started: time.Now(), looked: make(chan struct{})}
}

// Run looks at the database every second and publishes what it saw, until ctx
// ends. It may run once.
func (s *Service) Run(ctx context.Context) error {
	if s.config.Pool == nil {
		return errors.New("monitoring the database: no pool of its own was given")
	}
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("monitoring the database: already running")
	}
	look := newLook(s.config)
	defer look.aside.wait()
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	for {
		snapshot := look.take(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if s.latest.Swap(&snapshot) == nil {
			close(s.looked)
		}
		if s.config.Publish != nil {
			s.config.Publish.Broadcast(Channel, s.Snapshot())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Looked is closed once the first look is over, some tens of milliseconds after
// Run began and at most its budget: before, there is nothing to tell.
func (s *Service) Looked() <-chan struct{} { return s.looked }

// Snapshot returns the last look with its age as of now. It never blocks and
// never touches the database. A look older than ten seconds is a fail,
// whatever it saw.
func (s *Service) Snapshot() Snapshot {
	latest := s.latest.Load()
	if latest == nil {
		return notCollected(s.started)
	}
	return latest.at(time.Now())
}
