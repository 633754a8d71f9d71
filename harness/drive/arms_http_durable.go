package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// flushProbes is how many acknowledgements count, and flushMajority how many
	// of them must have been flushed.
	flushProbes, flushMajority = 5, 3
	// flushPatience is how long the log may take to become quiet before the next
	// one. What nobody waits for is flushed within three times wal_writer_delay,
	// 600 ms unless an operator chose otherwise.
	flushPatience = time.Second
	// flushUntold is what an arm has as its synchronous_commit when the server
	// does not tell: no promise is judged with it, and a reader sees the way out.
	flushUntold = "not known, because the server does not tell how far its log is flushed; " +
		"grant EXECUTE on pg_current_wal_insert_lsn() and pg_current_wal_flush_lsn() to the user of the address"
	// walPositions are how far the log is written and flushed, in bytes, read in
	// this order.
	walPositions = walWritten + `, pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint`
)

// durability returns the settings of the side, with the synchronous_commit with
// which a service is seen to store: "off" if it acknowledges what a crash may
// take away, whatever it says and whatever the harness's own session has, and
// never "off" if it flushes. Store has the service store and returns when it
// acknowledged; it is called with 0, 1, 2 … and must store something new each
// time.
func (s *Side) durability(ctx context.Context, store func(ctx context.Context, i int) error) (map[string]string, error) {
	settings, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	if s.told(ctx, walPositions) == untold {
		settings["synchronous_commit"] = flushUntold
		return settings, ctx.Err()
	}
	flushed, err := s.flushed(ctx, store)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking whether what is acknowledged on the %s side is kept: %w", s.Name, err)
	case !flushed:
		settings["synchronous_commit"] = "off"
	case settings["synchronous_commit"] == "off":
		settings["synchronous_commit"] = "on" // the service asks for more than a session gets by itself
	}
	return settings, nil
}

// flushed reports whether a service acknowledges only what the log has on disk,
// as the server tells on a connection that is open beforehand. An
// acknowledgement was flushed if the log grew since before the request and, read
// at once, is flushed as far as it is written. Most of five must be.
//
// The server must be quiet otherwise. Without a flush, one that comes at the
// right moment all the same is that of the log's writer, every 200 ms; the
// moment takes about 1 ms, so that a probe errs once in 200 and three of five
// once in 800,000, and once in 900 where the moment takes 10 ms. Each probe
// begins when the log was just flushed, which makes it rarer still. A writer
// that sleeps is woken by the first request, which does not count. With a flush,
// what others write meanwhile makes a probe err: if they do so in one of 20,
// three of five err once in 900, and the arm is called undurable, which passes
// nothing.
func (s *Side) flushed(ctx context.Context, store func(ctx context.Context, i int) error) (bool, error) {
	count := 0
	for i := range 1 + flushProbes {
		var before, written, flushed int64
		quiet := wait{limit: flushPatience}
		err := quiet.until(ctx, func(ctx context.Context) (bool, error) {
			err := s.positions(ctx, &before, &flushed)
			return flushed >= before, err
		})
		if err != nil {
			return false, err
		}
		if err := store(ctx, i); err != nil {
			return false, err
		}
		if err := s.positions(ctx, &written, &flushed); err != nil {
			return false, err
		}
		if i > 0 && written > before && flushed >= written {
			count++
		}
	}
	return count >= flushMajority, nil
}

// positions reads how far the log is written and flushed. The simple protocol
// takes one exchange, so that it is read as early as can be.
func (s *Side) positions(ctx context.Context, written, flushed *int64) error {
	return plain(s.conn.QueryRow(ctx, "SELECT "+walPositions, pgx.QueryExecModeSimpleProtocol).Scan(written, flushed))
}
