package monitor

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// session is the connection of one look. One that breaks is replaced once: a
// second failure is the database's.
type session struct {
	pool     *pgxpool.Pool
	conn     *pgxpool.Conn // nil if there is none
	replaced bool
}

func openSession(ctx context.Context, pool *pgxpool.Pool) (*session, error) {
	conn, err := pool.Acquire(ctx)
	return &session{pool: pool, conn: conn}, err
}

// use reads over the session, and again over a new one if it broke.
func (s *session) use(ctx context.Context, read func(ctx context.Context, conn *pgx.Conn) error) error {
	err := read(ctx, s.conn.Conn())
	if err == nil || s.replaced || !s.broken() || !roomFor(ctx) {
		return err
	}
	s.replaced = true
	s.close()
	s.pool.Reset() // what ended this one may have ended the other, which would break next
	if s.conn, err = s.pool.Acquire(ctx); err != nil {
		return err
	}
	return read(ctx, s.conn.Conn())
}

func (s *session) broken() bool { return s.conn == nil || s.conn.Conn().IsClosed() }

func (s *session) close() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
}

// roomFor says whether there is time for another statement.
func roomFor(ctx context.Context) bool {
	until, bounded := ctx.Deadline()
	return !bounded || time.Until(until) >= least
}
