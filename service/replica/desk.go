package replica

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/service/internal/refusal"
)

const (
	// answerTime bounds one question to the database; its own timeout of a
	// statement is shorter.
	answerTime = 2 * time.Second
	// closeTime bounds the good-bye of a session.
	closeTime = 500 * time.Millisecond

	applicationName = "marketd replica"
)

// sessionConfig is that of every session of a member: it never waits for
// long, and the server notices when this machine is gone.
func sessionConfig(database *pgx.ConnConfig) *pgx.ConnConfig {
	config := database.Copy()
	config.ConnectTimeout = answerTime
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name": applicationName, "lock_timeout": "100ms", "statement_timeout": "1s",
		"idle_in_transaction_session_timeout": "2s",
		"tcp_keepalives_idle":                 "2", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "2",
	})
	return config
}

// closeSession ends a session, which may be nil or broken already.
func closeSession(ctx context.Context, conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = conn.Close(ctx) // what it did is committed, or never will be
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}

// desk is the one session over which this replica holds its lock and says and
// asks everything but what it hears.
type desk struct {
	lost func()
	// turn holds one token of whoever uses what follows.
	turn chan struct{}
	conn *pgx.Conn
	// why the session is of no use any more, if somebody noticed.
	why error
}

func newDesk(lost func()) *desk { return &desk{lost: lost, turn: make(chan struct{}, 1)} }

// do uses the session. The caller may give up waiting for its turn; once it
// has it, only answerTime ends it: a question that is given up halfway would
// cost the session, and with it the lock.
func (d *desk) do(ctx context.Context, use func(ctx context.Context, conn *pgx.Conn) error) error {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.turn }()
	if d.conn == nil {
		return ErrCut
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	err := use(ctx, d.conn)
	if err != nil && (d.conn.IsClosed() || refusal.Lasts(err)) {
		closeSession(ctx, d.conn)
		d.conn, d.why = nil, err
		d.lost()
	}
	return err
}

// open puts a session on the desk, nil takes it away. The old one ends.
func (d *desk) open(ctx context.Context, conn *pgx.Conn) {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	closeSession(ctx, d.conn)
	d.conn, d.why = conn, nil
}

// spoil ends the session for a reason that shows elsewhere.
func (d *desk) spoil(ctx context.Context, why error) {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	closeSession(ctx, d.conn)
	d.conn, d.why = nil, why
	d.lost()
}

// broken is why there is no session, nil if there is one.
func (d *desk) broken() error {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	if d.conn == nil && d.why == nil {
		return ErrCut
	}
	return d.why
}

// busy says that others were in the way for a moment.
func busy(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "55P03" || refused.Code == "40001" || refused.Code == "40P01")
}
