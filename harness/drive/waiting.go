package drive

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// waitingFor is the advisory lock that somebody waits for. Nobody else uses it.
const waitingFor = 7_305_521

const lettingWait = "letting a session wait for another"

// SessionsWait is the trouble that a session of the database waits for another
// one, which nobody else feels: it waits for an advisory lock of ours.
func SessionsWait(dsn string, rule AlertRule) Alarm {
	var holder, waiter *pgx.Conn
	var waited chan error
	begin := func(ctx context.Context) (err error) {
		if holder, err = connect(ctx, dsn, lettingWait); err != nil {
			return err
		}
		if waiter, err = connect(ctx, dsn, lettingWait); err != nil {
			return errors.Join(err, holder.Close(ctx))
		}
		if _, err = holder.Exec(ctx, "SELECT pg_advisory_lock($1)", waitingFor); err != nil {
			return because(lettingWait, err)
		}
		waited = make(chan error, 1)
		go func() { // ends when the holder gives the lock back
			_, err := waiter.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_lock($1)", waitingFor)
			waited <- err
		}()
		return because(lettingWait, awaitWaiting(ctx, holder))
	}
	end := func(ctx context.Context) error {
		return because(lettingWait, errors.Join(holder.Close(ctx), <-waited, waiter.Close(ctx)))
	}
	return Alarm{Rule: rule, Begin: begin, End: end}
}

// awaitWaiting returns when somebody waits for the lock.
func awaitWaiting(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		var waits bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1)", waitingFor).Scan(&waits)
		if err != nil || waits {
			return err
		}
		<-pause.C
	}
}
