package replica

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	pulseEvery = 250 * time.Millisecond
	// pulseTime is how long one question may wait for its answer before the
	// session is given up and another one is tried.
	pulseTime = time.Second
)

// silence remembers since when the database has not answered.
type silence struct {
	mu    sync.Mutex
	since time.Time // zero if the last question was answered
}

func (s *silence) length() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return 0
	}
	return time.Since(s.since)
}

func (s *silence) asked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = time.Now()
	}
}

func (s *silence) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}

// watch asks every 250 ms until ctx ends. A session that broke is replaced at
// once; a second failure is the database's.
func (s *silence) watch(ctx context.Context, config *pgx.ConnConfig) {
	var conn *pgx.Conn
	defer func() { closeSession(ctx, conn) }()
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		s.asked()
		conn = s.ask(ctx, config, conn)
		if conn == nil && ctx.Err() == nil {
			conn = s.ask(ctx, config, conn)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask asks once and returns the session, nil if it is of no use any more.
func (s *silence) ask(ctx context.Context, config *pgx.ConnConfig, conn *pgx.Conn) *pgx.Conn {
	asking, cancel := context.WithTimeout(ctx, pulseTime)
	defer cancel()
	if conn == nil {
		var err error
		if conn, err = pgx.ConnectConfig(asking, config); err != nil {
			return nil
		}
	}
	if _, err := conn.Exec(asking, `select 1`); err != nil {
		closeSession(ctx, conn)
		return nil
	}
	s.answered()
	return conn
}
