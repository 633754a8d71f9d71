package drive

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// LoseDays is the trouble that the partitions of the ticks of all days after
// today are gone and cannot be made again, because somebody's maintenance has
// the table locked against changes of its shape. Prices are still stored. It is
// over when the lock is given back and the tool has made the days ahead again.
func (o Operator) LoseDays() Alarm {
	var lock *pgx.Conn
	return Alarm{
		Begin: func(ctx context.Context) (err error) {
			lock, err = o.loseDays(ctx, time.Now())
			return err
		},
		End: func(ctx context.Context) error {
			if err := because(holdingOff, lock.Close(ctx)); err != nil {
				return err
			}
			_, _, err := Upkeep{Verb: "ensure"}.Call(ctx, o)
			return err
		},
	}
}

const holdingOff = "holding the manager of the partitions off"

// loseDays drops the partitions and returns the connection that holds the lock.
// It asks for the lock while the transaction that drops them still has the
// table, so that nobody comes between.
func (o Operator) loseDays(ctx context.Context, now time.Time) (lock *pgx.Conn, err error) {
	p, err := ReadPartitions(ctx, o.DSN, "ticks")
	if err != nil {
		return nil, err
	}
	lock, err = connect(ctx, o.DSN, holdingOff)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close(context.WithoutCancel(ctx))
		}
	}()
	if _, err := lock.Exec(ctx, "BEGIN"); err != nil {
		return nil, because(holdingOff, err)
	}
	held := make(chan error, 1)
	dropped := connected(ctx, o.DSN, "dropping the partitions of the days ahead", func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
			return err
		}
		for _, leaf := range p.Leaves {
			if leaf.From.After(now) {
				if _, err := conn.Exec(ctx, "DROP TABLE "+pgx.Identifier{leaf.Name}.Sanitize()); err != nil {
					return err
				}
			}
		}
		go func() { // ends with the lock, for which the commit below makes way
			_, err := lock.Exec(ctx, "LOCK TABLE ticks IN SHARE UPDATE EXCLUSIVE MODE")
			held <- because(holdingOff, err)
		}()
		queued := wait{limit: changePatience}
		if err := queued.until(ctx, func(ctx context.Context) (waits bool, err error) {
			err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = $1)`, lock.PgConn().PID()).Scan(&waits)
			return waits, err
		}); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "COMMIT")
		return err
	})
	if dropped != nil {
		return nil, dropped
	}
	return lock, <-held
}

// StrayRows is the trouble that rows of a day without a partition came past the
// service and lie in the default partition. It is over when the tool has put
// them in order.
func (o Operator) StrayRows(day time.Time, rows int, trade int64) Alarm {
	return Alarm{
		Begin: func(ctx context.Context) error { return o.Forget(ctx, day, rows, trade) },
		End: func(ctx context.Context) error {
			_, _, err := Upkeep{Verb: "repair"}.Call(ctx, o)
			return err
		},
	}
}

// FullDay is the trouble that one day has far more prices than any other. It is
// over when the day has been emptied.
func (o Operator) FullDay(day time.Time, rows int, trade int64) Alarm {
	return Alarm{
		Begin: func(ctx context.Context) error { return o.Forget(ctx, day, rows, trade) },
		End: func(ctx context.Context) error {
			p, err := ReadPartitions(ctx, o.DSN, "ticks")
			if err != nil {
				return err
			}
			at := slices.IndexFunc(p.Leaves, func(l Leaf) bool { return l.From.Equal(day.UTC().Truncate(24 * time.Hour)) })
			if at < 0 {
				return errors.New("emptying a day: it has no partition of its own")
			}
			return connected(ctx, o.DSN, "emptying a day", func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "TRUNCATE "+pgx.Identifier{p.Leaves[at].Name}.Sanitize())
				return err
			})
		},
	}
}

// LockedLists is the trouble that the server's own lists of tables are locked,
// as while they are rewritten (VACUUM FULL): what must be read from them cannot
// be, though prices are still stored and read.
func LockedLists(dsn string) Alarm {
	const doing = "locking the server's lists of tables"
	var lock *pgx.Conn
	return Alarm{
		Begin: func(ctx context.Context) (err error) {
			if lock, err = connect(ctx, dsn, doing); err != nil {
				return err
			}
			for _, sql := range []string{"BEGIN", "LOCK TABLE pg_inherits, pg_namespace IN ACCESS EXCLUSIVE MODE"} {
				if _, err := lock.Exec(ctx, sql); err != nil {
					return errors.Join(because(doing, err), lock.Close(context.WithoutCancel(ctx)))
				}
			}
			return nil
		},
		End: func(ctx context.Context) error {
			return because("unlocking the server's lists of tables", lock.Close(ctx))
		},
	}
}
