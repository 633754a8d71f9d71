package partition

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/service/internal/advisory"
)

const (
	migrating = "a migration is under way"
	another   = "another partition manager is at work"

	// lockTime bounds how long a transaction waits for a lock, for everybody
	// else waits behind it. The first try waits lockStep, each next one more.
	lockTime = 500 * time.Millisecond
	lockStep = 50 * time.Millisecond
	// releaseTime bounds how long giving the locks back may take.
	releaseTime = 2 * time.Second

	lockNotAvailable = "55P03"
	deadlock         = "40P01"
	serialization    = "40001"
	queryCanceled    = "57014"
	checkViolation   = "23514"
)

// work is one run of a verb on one connection, alone among managers.
type work struct {
	conn    *pgx.Conn
	report  *Report
	journal bool // there is a table for events
	rests   *rests
	limits
}

// limits are how much of others' time a verb may take.
type limits struct {
	// tries is how often a transaction is tried that did not get its locks.
	tries int
	// statement is how long one statement may run.
	statement time.Duration
	// most is how many rows of one interval may leave a default partition,
	// as of now. Zero means all: writers wait, and somebody asked for it.
	most int64
	now  time.Time
}

// alone runs a verb on a connection of its own while no other manager and no
// migration is at work; else it returns why not.
func (m *Manager) alone(
	ctx context.Context, report *Report, most limits, do func(*work) error,
) (skipped string, err error) {
	conn, err := m.config.Pool.Acquire(ctx)
	if err != nil {
		return "", fmt.Errorf("connecting: %w", err)
	}
	defer conn.Release()
	defer func() {
		// The locks belong to the connection: one that cannot give them back
		// is closed, and the server gives them back.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if _, e := conn.Exec(ctx, `select pg_advisory_unlock_all()`); e != nil {
			_ = conn.Conn().Close(ctx)
		}
	}()
	w := &work{conn: conn.Conn(), report: report, rests: &m.rests, limits: most}
	var free bool
	for _, lock := range []struct {
		sql, taken string
		key        int64
	}{
		{`select pg_try_advisory_lock_shared($1)`, migrating, advisory.Migration},
		{`select pg_try_advisory_lock($1)`, another, advisory.PartitionManager},
	} {
		if err := w.conn.QueryRow(ctx, lock.sql, lock.key).Scan(&free); err != nil {
			return "", fmt.Errorf("asking for the lock of the managers: %w", err)
		}
		if !free {
			return lock.taken, nil
		}
	}
	if err := w.conn.QueryRow(ctx, `select to_regclass('partition_events') is not null`).Scan(&w.journal); err != nil {
		return "", fmt.Errorf("looking for the journal: %w", err)
	}
	return "", do(w)
}

// attempt runs a transaction that waits only briefly for locks, and tries
// again while others have what it needs.
func (w *work) attempt(ctx context.Context, do func(tx pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf(
				`set local lock_timeout = %d; set local statement_timeout = %d; set local timezone = 'UTC'; set local datestyle = 'ISO'`,
				min(lockTime, time.Duration(try)*lockStep).Milliseconds(), w.statement.Milliseconds())); err != nil {
				return fmt.Errorf("preparing: %w", err)
			}
			return do(tx)
		})
		if err == nil || try == w.tries || !is(err, lockNotAvailable, deadlock, serialization) {
			return err
		}
		if err := pause(ctx, time.Duration(20+rand.IntN(60*min(try, 8)))*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause lets others have the lock that we did not get.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to try again: %w", ctx.Err())
	}
}

// is says whether the server refused with one of the codes.
func is(err error, codes ...string) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Code == code {
			return true
		}
	}
	return false
}

// note writes to the journal, in the transaction of what it tells of.
func (w *work) note(ctx context.Context, tx pgx.Tx, t table, partition, action, detail string) error {
	if !w.journal {
		return nil
	}
	if _, err := tx.Exec(ctx, `insert into partition_events (parent, partition, action, detail) values ($1, $2, $3, $4)`,
		t.name, partition, action, detail); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// execute runs statements one after another.
func execute(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
