package drive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// HoldPrices locks the prices of a database, as maintenance does that somebody
// forgot to end: whoever reads or writes them waits. It is for a database that
// the caller may bring to a stop.
func HoldPrices(ctx context.Context, dsn string) (Hold, error) { return holdPrices(ctx, dsn) }

func holdPrices(ctx context.Context, dsn string) (lockedPrices, error) {
	conn, err := connect(ctx, dsn, lockingPrices)
	if err != nil {
		return lockedPrices{}, err
	}
	for _, sql := range []string{"BEGIN", "LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
			return lockedPrices{}, because(lockingPrices, err)
		}
	}
	return lockedPrices{conn}, nil
}

const lockingPrices = "locking the prices"

type lockedPrices struct{ conn *pgx.Conn }

// Waiting counts the writes, each of a connection of its own, that wait for
// the lock.
func (l lockedPrices) Waiting(ctx context.Context) (int, error) {
	return l.waiting(ctx, "RowExclusiveLock")
}

// readers counts the questions that wait for the lock.
func (l lockedPrices) readers(ctx context.Context) (int, error) {
	return l.waiting(ctx, "AccessShareLock")
}

func (l lockedPrices) waiting(ctx context.Context, mode string) (n int, err error) {
	err = l.conn.QueryRow(ctx, `SELECT count(*) FROM pg_locks
		WHERE NOT granted AND mode = $1 AND relation = 'ticks'::regclass
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, mode).Scan(&n)
	return n, because(lockingPrices, err)
}

// Release gives the lock back with its connection.
func (l lockedPrices) Release(ctx context.Context) error {
	return because("giving the prices free", l.conn.Close(ctx))
}

// RefusedAndStored yields "refused prices stored", counted of the refused
// prices of the ledger: a refusal promises that nothing was done.
func RefusedAndStored(ctx context.Context, dsn string, l *Ledger) (measure.Set, error) {
	var kept measure.Share
	err := connected(ctx, dsn, readingBack, func(conn *pgx.Conn) error {
		found, err := Found(ctx, conn, l.First)
		for i, fate := range l.fates {
			if fate != refusedPrice {
				continue
			}
			kept.Of++
			if len(found[l.First+int64(i)]) > 0 {
				kept.Hits++
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return measure.Set{"refused prices stored": {Share: &kept}}, nil
}

// because makes an error plain and says what was being done.
func because(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, plain(err))
}
