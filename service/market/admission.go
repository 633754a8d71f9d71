package market

import (
	"context"
	"errors"
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
// and safe for concurrent use; who is not admitted gets ErrBusy from a Store.
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

type admittedKey struct{}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (a *Admission) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	ctx, cancel := context.WithTimeout(ctx, a.Wait)
	if a.waiting.Add(1) > a.Waiting {
		cancel()
	}
	return context.WithValue(ctx, admittedKey{}, cancel)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (a *Admission) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	a.waiting.Add(-1)
	if cancel, ok := ctx.Value(admittedKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// turnedAway makes ErrBusy of the error of a caller who was not admitted: a
// context ended, and it was not the caller's own.
func turnedAway(ctx context.Context, err error) error {
	var connecting *pgconn.ConnectError
	ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if !ended || ctx.Err() != nil || errors.As(err, &connecting) {
		return err
	}
	return ErrBusy
}
