// Package monitor is the DatabaseMonitoringService: once a second it takes a
// snapshot of the database (pool, inserts, query latency, cache, locks, tables,
// indexes, WAL, replication and more) and keeps the last one in memory, where
// anybody can read it without waiting. Of several marketd that share a database
// one looks and the others serve what it saw; what each knows of itself (pool,
// latencies, rows stored) it reports to that one.
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
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// Channel is the channel on which the Brief of each snapshot is published.
const Channel = "database_performance"

// Publisher takes each message to whoever listens. It must not block.
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
	// Clients tells how many are connected to the socket. Nil leaves that
	// unknown.
	Clients func() int
	// Partitions looks at the partitions: the tables, and the version of the
	// schema. It is called beside the looks and may take some seconds. Nil
	// leaves them unknown.
	Partitions func(ctx context.Context) (PartitionStatus, error)
	// Statements may be asked for their plans; Settings are those of the
	// sessions that execute them.
	Statements []CataloguedStatement
	Settings   map[string]string
	// Replicas are those that share the database. Nil is none but this one,
	// and Publish then receives the messages.
	Replicas Replicas
	// Name tells this replica from the others. Empty is "marketd".
	Name string
	// Publish receives the messages where Replicas is nil. Nil publishes
	// nothing.
	Publish Publisher
	// Log receives what could not be read, once per change. Nil discards it.
	Log *slog.Logger
	// Every is the time between two whole looks. Zero means one second. What
	// alerts need fast is read twice, and what costs no statement four times
	// as often.
	Every time.Duration
}

// Service is the DatabaseMonitoringService.
type Service struct {
	config  Config
	started time.Time
	listed  []Measure
	locals  *locals
	aside   *aside
	plans   *plans
	latest  atomic.Pointer[Snapshot]
	shared  atomic.Pointer[sharedPartitions]
	running atomic.Bool
	looked  chan struct{} // closed after the first look
	news    chan struct{}

	mu    sync.Mutex // guards what the snapshot is made of
	base  *sight
	mine  bool // base was seen by this process
	peers []Instance
	usual []minute // of the leader, for whoever follows it
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
	if config.Name == "" {
		config.Name = "marketd"
	}
	s := &Service{
		config: config, started: time.Now(), listed: Measures(), locals: newLocals(config), plans: newPlans(),
		looked: make(chan struct{}), news: make(chan struct{}, 1),
	}
	s.aside = newAside(config.Partitions, s.compose)
	return s
}

// Run looks at the database every second, or follows the replica that does,
// and publishes what it saw, until ctx ends. It may run once.
func (s *Service) Run(ctx context.Context) error {
	if s.config.Pool == nil {
		return errors.New("monitoring the database: no pool of its own was given")
	}
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("monitoring the database: already running")
	}
	defer s.aside.wait()
	s.locals.take(time.Now())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.look(ctx) })
	group.Go(func() error { return s.refresh(ctx) })
	if s.config.Replicas != nil {
		group.Go(func() error { return s.exchange(ctx) })
	}
	return group.Wait()
}

// refresh renews what costs no statement.
func (s *Service) refresh(ctx context.Context) error {
	return s.each(ctx, s.config.Every/4, func(now time.Time) {
		s.locals.take(now)
		s.compose()
	})
}

// each does something now and then, until ctx ends.
func (s *Service) each(ctx context.Context, every time.Duration, do func(now time.Time)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		do(time.Now())
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
// whatever it saw, and so is one while the database does not answer.
func (s *Service) Snapshot() Snapshot {
	latest := s.latest.Load()
	if latest == nil {
		return notCollected(s.started)
	}
	now := latest.at(time.Now())
	now.listed = &s.listed
	if s.config.silence() >= silent {
		now.unreachable()
	}
	return now
}

// PartitionStatus returns what was last seen of the partitions with its age as
// of now. It never blocks and never touches the database.
func (s *Service) PartitionStatus() PartitionStatus {
	now := time.Now()
	unreachable := s.config.role() == cut || s.config.silence() >= silent
	if latest := s.latest.Load(); latest != nil {
		unreachable = unreachable || slices.Contains(latest.Reasons, Unreachable)
	}
	own, heard := s.aside.latest(), s.shared.Load()
	switch {
	case own != nil && (heard == nil || own.CheckedAt.After(heard.taken)):
		return own.at(now, own.CheckedAt, unreachable)
	case heard != nil:
		return heard.status.at(now, heard.taken, unreachable)
	}
	return noPartitionsYet(s.started)
}
