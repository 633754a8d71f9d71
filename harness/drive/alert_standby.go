package drive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// LaggingStandby is the trouble that a standby receives what is written and
// does not apply it any more. Begin has one follow in time, then stops its
// applying, has a price stored, and returns when that price has waited for so
// long. It is over when the standby has applied all. It is for a server of its
// own: the standby is let in by the server's own configuration.
func (m *Market) LaggingStandby(dsn string, behind time.Duration, prices *market.Ticks) Alarm {
	var s *standby
	store := func(ctx context.Context) error { return m.store(ctx, prices.Next()) }
	return Alarm{
		Begin: func(ctx context.Context) (err error) {
			if s, err = follow(ctx, dsn); err != nil {
				return err
			}
			return s.fallBehind(ctx, behind, store)
		},
		End: func(ctx context.Context) error {
			s.stuck.Store(0)
			// The server measures the lag of what is applied, so there must be something.
			return errors.Join(store(ctx), s.awaitApplied(ctx, dsn))
		},
		Done: func() error { return s.leave() },
	}
}

// standby is a replica as far as the server can tell: it receives everything,
// and says what it has kept and applied.
type standby struct {
	conn     *pgconn.PgConn
	received atomic.Uint64 // the end of what came
	stuck    atomic.Uint64 // where applying stopped; 0 if it goes on
	ended    chan error
	cancel   context.CancelFunc
}

const asStandby = "following the server as a standby"

// follow lets a standby in, starts it, and returns when it has applied something.
func follow(ctx context.Context, dsn string) (*standby, error) {
	if err := letStandbysIn(ctx, dsn); err != nil {
		return nil, err
	}
	address, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New(asStandby + ": the address of the database is not readable")
	}
	query := address.Query()
	query.Set("replication", "true")
	query.Set("application_name", "standby")
	address.RawQuery = query.Encode()
	conn, err := comeIn(ctx, address.String())
	if err != nil {
		return nil, because(asStandby, err)
	}
	s := &standby{conn: conn, ended: make(chan error, 1)}
	start, err := s.start(ctx)
	if err != nil {
		return nil, errors.Join(because(asStandby, err), conn.Close(context.WithoutCancel(ctx)))
	}
	s.received.Store(start)
	var running context.Context
	running, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() { s.ended <- s.run(running) }() // ends with leave
	return s, nil
}

// letStandbysIn adds lines to the server's list of who may come.
func letStandbysIn(ctx context.Context, dsn string) error {
	return connected(ctx, dsn, "letting a standby in", func(conn *pgx.Conn) error {
		var file string
		if err := conn.QueryRow(ctx, `SHOW hba_file`).Scan(&file); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, fmt.Sprintf(
			`COPY (VALUES (''), ('host replication all 0.0.0.0/0 scram-sha-256'), ('host replication all ::/0 scram-sha-256')) TO PROGRAM 'cat >> "%s"'; SELECT pg_reload_conf()`, file))
		return err
	})
}

// comeIn connects as soon as the server has read its new list.
func comeIn(ctx context.Context, address string) (conn *pgconn.PgConn, err error) {
	var refusal error
	in := wait{limit: changePatience}
	err = in.until(ctx, func(ctx context.Context) (bool, error) {
		conn, refusal = pgconn.Connect(ctx, address)
		var answer *pgconn.PgError
		if errors.As(refusal, &answer) && answer.Code == notAllowedIn {
			return false, nil
		}
		return true, nil
	})
	return conn, errors.Join(err, refusal)
}

// notAllowedIn is the server's code for who is not in its list.
const notAllowedIn = "28000"

// start asks for everything from now on.
func (s *standby) start(ctx context.Context) (uint64, error) {
	results, err := s.conn.Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		return 0, err
	}
	position := string(results[0].Rows[0][2])
	var high, low uint32
	if _, err := fmt.Sscanf(position, "%X/%X", &high, &low); err != nil {
		return 0, finding("the server's position " + position + " is not readable")
	}
	frontend := s.conn.Frontend()
	frontend.Send(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + position})
	if err := frontend.Flush(); err != nil {
		return 0, err
	}
	for {
		message, err := s.conn.ReceiveMessage(ctx)
		if err != nil {
			return 0, err
		}
		switch m := message.(type) {
		case *pgproto3.CopyBothResponse:
			return uint64(high)<<32 | uint64(low), nil
		case *pgproto3.ErrorResponse:
			return 0, pgconn.ErrorResponseToPgError(m)
		}
	}
}

// statusEvery is how often a standby says how far it is.
const statusEvery = 100 * time.Millisecond

// run receives, and says how far it is, until ctx ends.
func (s *standby) run(ctx context.Context) error {
	for ctx.Err() == nil {
		receiving, cancel := context.WithTimeout(ctx, statusEvery)
		message, err := s.conn.ReceiveMessage(receiving)
		cancel()
		switch {
		case err == nil:
			s.take(message)
		case ctx.Err() != nil:
			return nil //nolint:nilerr // to be told to end is no trouble
		case !pgconn.Timeout(err):
			return because(asStandby, err)
		}
		if err := s.report(); err != nil {
			return because(asStandby, err)
		}
	}
	return nil
}

// The messages of streaming replication, as the manual's chapter on its
// protocol has them.
const (
	replicationData   = 'w'
	replicationStatus = 'r'
	dataHeader        = 25 // the kind, two positions and a time
	// epoch2000 is the server's epoch in microseconds of Unix time.
	epoch2000 = 946_684_800_000_000
)

func (s *standby) take(message pgproto3.BackendMessage) {
	data, is := message.(*pgproto3.CopyData)
	if !is || len(data.Data) < dataHeader || data.Data[0] != replicationData {
		return
	}
	s.received.Store(binary.BigEndian.Uint64(data.Data[1:]) + uint64(len(data.Data)-dataHeader))
}

func (s *standby) report() error {
	received := s.received.Load()
	applied := received
	if stuck := s.stuck.Load(); stuck > 0 {
		applied = stuck
	}
	status := []byte{replicationStatus}
	for _, position := range []uint64{received, received, applied, uint64(time.Now().UnixMicro() - epoch2000)} {
		status = binary.BigEndian.AppendUint64(status, position)
	}
	frontend := s.conn.Frontend()
	frontend.Send(&pgproto3.CopyData{Data: append(status, 0)})
	return frontend.Flush()
}

// fallBehind follows until the server has measured a lag once, then applies
// nothing any more.
func (s *standby) fallBehind(ctx context.Context, behind time.Duration, store func(ctx context.Context) error) error {
	for range 2 { // the server measures from the second one on
		before := s.received.Load()
		if err := store(ctx); err != nil {
			return err
		}
		came := wait{limit: changePatience}
		if err := came.until(ctx, func(context.Context) (bool, error) { return s.received.Load() > before, nil }); err != nil {
			return err
		}
		if !came.told {
			return errors.New(asStandby + ": nothing came of what was stored")
		}
		pause(ctx, 2*statusEvery)
	}
	s.stuck.Store(s.received.Load())
	if err := store(ctx); err != nil {
		return err
	}
	pause(ctx, behind)
	return ctx.Err()
}

// awaitApplied waits until the server knows that the standby has applied what
// there is.
func (s *standby) awaitApplied(ctx context.Context, dsn string) error {
	caught := wait{limit: changePatience}
	err := connected(ctx, dsn, asStandby, func(conn *pgx.Conn) error {
		return caught.until(ctx, func(ctx context.Context) (done bool, err error) {
			err = conn.QueryRow(ctx, `SELECT coalesce(bool_and(replay_lag IS NULL OR replay_lag < '1 s'), true) FROM pg_stat_replication`).Scan(&done)
			return done, err
		})
	})
	if err == nil && !caught.told {
		err = errors.New(asStandby + ": it did not catch up")
	}
	return err
}

// leave ends the standby, if it has begun to follow.
func (s *standby) leave() error {
	if s == nil {
		return nil
	}
	s.cancel()
	err := <-s.ended
	_ = s.conn.Close(context.Background())
	return err
}
