package market

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrBusy says that every connection to the database was in use, and that none
// became free in time or too many waited for one already. Nothing was stored.
var ErrBusy = errors.New("every connection to the database is in use")

// Admission bounds how long callers wait for a connection of a pool, and how
// many may wait at a time. It is the tracer of the pool (pgxpool.AcquireTracer)
// and safe for concurrent use; who is not admitted gets ErrBusy from a Store,
// or context.DeadlineExceeded if connections are missing or do not answer.
//
// A connection that is being used is never taken away: a statement has the
// time that its caller gives it.
type Admission struct {
	// Wait is how long a caller waits for a connection. Required.
	Wait time.Duration
	// Waiting is how many callers may wait at a time; one more is turned away
	// at once. Each holds what it wants to store. Required.
	Waiting int64

	waiting atomic.Int64
}

type (
	admittedKey struct{}
	verdictKey  struct{}
)

// verdict is why the last acquisition under a context failed, if it did.
type verdict struct{ busy bool }

// judged returns a context whose failed acquisitions are judged.
func judged(ctx context.Context) (context.Context, *verdict) {
	v := new(verdict)
	return context.WithValue(ctx, verdictKey{}, v), v
}

// admitted is one acquisition.
type admitted struct {
	cancel  context.CancelFunc
	verdict *verdict
	tooMany bool
}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (a *Admission) TraceAcquireStart(ctx context.Context, pool *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	one := &admitted{tooMany: a.waiting.Add(1) > a.Waiting}
	one.verdict, _ = ctx.Value(verdictKey{}).(*verdict)
	wait := a.Wait
	if one.tooMany {
		wait = 0
		if one.verdict != nil {
			one.verdict.busy = open(pool.Stat())
		}
	}
	ctx, one.cancel = context.WithTimeout(ctx, wait)
	return context.WithValue(ctx, admittedKey{}, one)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (a *Admission) TraceAcquireEnd(ctx context.Context, pool *pgxpool.Pool, end pgxpool.TraceAcquireEndData) {
	others := a.waiting.Add(-1)
	one, ok := ctx.Value(admittedKey{}).(*admitted)
	if !ok {
		return
	}
	if end.Err != nil && one.verdict != nil && !one.tooMany {
		one.verdict.busy = inUse(pool.Stat(), others)
	}
	one.cancel()
}

// open reports whether the pool has all its connections: none is missing
// because the database let it wait for one.
func open(pool *pgxpool.Stat) bool {
	return pool.AcquiredConns()+pool.IdleConns() == pool.MaxConns()
}

// inUse reports whether every connection is in use. One that is idle while
// more callers wait than there are such is on its way to one of them. Other
// idle ones say that the caller had a connection that did not answer.
func inUse(pool *pgxpool.Stat, waiting int64) bool {
	idle := int64(pool.IdleConns())
	return open(pool) && (idle == 0 || idle < waiting)
}

// turnedAway makes ErrBusy of the error of a caller who was not admitted: the
// time for a connection ended, it was not the caller's own, and the
// connections were in use. If they were not, the database does not answer:
// that remains an error of time.
func turnedAway(ctx context.Context, v *verdict, err error) error {
	var connecting *pgconn.ConnectError
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || errors.As(err, &connecting) {
		return err
	}
	if v.busy {
		return ErrBusy
	}
	return fmt.Errorf("the database gave no connection in time: %w", err)
}
