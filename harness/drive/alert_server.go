package drive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ColdCache is the trouble that somebody reads, ten times over, an archive that
// the server's memory does not hold, beside a few questions of the market's
// users. It is over when what is read again and again is in memory.
func (m *Market) ColdCache(dsn, symbol string, questions int) Alarm {
	return Alarm{
		Begin: func(ctx context.Context) error {
			if err := m.askCalmly(ctx, symbol, questions); err != nil {
				return err
			}
			return connected(ctx, dsn, "reading an archive that memory does not hold", readArchive(ctx))
		},
		End: func(ctx context.Context) error {
			return connected(ctx, dsn, "reading what memory holds", readFavourites(ctx))
		},
	}
}

// archiveReads is how often the archive is read.
const archiveReads = 10

// readArchive reads a table over and over that has a third of the pages of the
// server's memory: from a quarter on, the server does not keep what a scan reads.
func readArchive(ctx context.Context) func(conn *pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		pages, err := memory(ctx, conn)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf( // four rows on a page
			`CREATE UNLOGGED TABLE archive AS SELECT repeat('x', 1950) AS page FROM generate_series(1, %d)`, 4*(pages/3))); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `SET max_parallel_workers_per_gather = 0`); err != nil {
			return err
		}
		for range archiveReads {
			if _, err := conn.Exec(ctx, `SELECT count(*) FROM archive`); err != nil {
				return err
			}
		}
		return nil
	}
}

// readFavourites looks an instrument up so often that what was read of the
// archive is less than a twentieth of it all. It is a table that stays: the
// server forgets what a transaction read of a table that it drops.
func readFavourites(ctx context.Context) func(conn *pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		pages, err := memory(ctx, conn)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `DROP TABLE archive`); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, fmt.Sprintf( // each number reads a page at least
			`SELECT count((SELECT id FROM instruments WHERE id = n)) FROM generate_series(1, %d) AS n`, 20*archiveReads*pages/3))
		return err
	}
}

// memory is how many pages the server's memory holds.
func memory(ctx context.Context, conn *pgx.Conn) (pages int64, err error) {
	err = conn.QueryRow(ctx, `SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'`).Scan(&pages)
	return pages, err
}

// Deadlock is the trouble that two sessions wait for each other until the server
// ends one of them. It is over when that was so long ago as the rule looks back.
func Deadlock(dsn string, back time.Duration) Alarm {
	var since time.Time
	return Alarm{
		Begin: func(ctx context.Context) error {
			defer func() { since = time.Now() }()
			return deadlock(ctx, dsn)
		},
		End: func(ctx context.Context) error {
			pause(ctx, time.Until(since.Add(back)))
			return ctx.Err()
		},
	}
}

func deadlock(ctx context.Context, dsn string) error {
	const doing = "bringing about a deadlock"
	var met, all sync.WaitGroup
	met.Add(2)
	ends := make([]error, 2)
	for i := range ends {
		all.Go(func() {
			var once sync.Once
			defer once.Do(met.Done)
			ends[i] = connected(ctx, dsn, doing, func(conn *pgx.Conn) error {
				rows := []int{i, 1 - i}
				if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
					return err
				}
				const sql = `SELECT FROM instruments WHERE id = (SELECT id FROM instruments ORDER BY id OFFSET $1 LIMIT 1) FOR UPDATE`
				if _, err := conn.Exec(ctx, sql, rows[0]); err != nil {
					return err
				}
				once.Do(met.Done)
				met.Wait() // each has the row that the other wants
				_, err := conn.Exec(ctx, sql, rows[1])
				if victim := (*pgconn.PgError)(nil); errors.As(err, &victim) && victim.Code == "40P01" {
					return errVictim
				}
				return err
			})
		})
	}
	all.Wait()
	victims := 0
	for _, err := range ends {
		switch {
		case err == nil:
		case err.Error() == doing+": "+errVictim.Error():
			victims++
		default:
			return err
		}
	}
	if victims != 1 {
		return fmt.Errorf("%s: the server ended %d sessions", doing, victims)
	}
	return nil
}

const errVictim = finding("the server ended the session")

// Crowd is the trouble that others take so many of the server's connections that
// the share of those it has is open for one database: those that are open
// already count, and a few more come in case some of them go.
func Crowd(dsn string, share float64) Alarm {
	const doing = "taking the server's connections"
	var taken []*pgx.Conn
	leave := func(ctx context.Context) error {
		var problems []error
		for _, conn := range taken {
			problems = append(problems, because("giving the server's connections back", conn.Close(ctx)))
		}
		taken = nil
		return errors.Join(problems...)
	}
	return Alarm{
		Begin: func(ctx context.Context) error {
			var most, open int
			if err := connected(ctx, dsn, doing, func(conn *pgx.Conn) error {
				return conn.QueryRow(ctx, `SELECT setting::int, (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
					FROM pg_settings WHERE name = 'max_connections'`).Scan(&most, &open)
			}); err != nil {
				return err
			}
			const more = 3
			for range int(math.Ceil(share*float64(most))) - open + more {
				conn, err := connect(ctx, dsn, doing)
				if err != nil {
					return errors.Join(err, leave(context.WithoutCancel(ctx)))
				}
				taken = append(taken, conn)
			}
			return nil
		},
		End: leave,
	}
}

// OldTransactions is the trouble that so many transactions were made since the
// rows of a server were last frozen. It is over when each of its databases has
// been vacuumed: it is for a server of its own. Whoever looks for it may do so
// but once a minute: it grows over days.
func OldTransactions(dsn string, n int) Alarm {
	return Alarm{
		Patience: 90 * time.Second,
		Begin: func(ctx context.Context) error {
			return connected(ctx, dsn, "making many transactions", func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`, n))
				return err
			})
		},
		End: func(ctx context.Context) error { return freezeAll(ctx, dsn) },
	}
}

func freezeAll(ctx context.Context, dsn string) error {
	const doing = "freezing old transactions"
	address, err := url.Parse(dsn)
	if err != nil {
		return errors.New(doing + ": the address of the database is not readable")
	}
	return connected(ctx, dsn, doing, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `ALTER DATABASE template0 WITH ALLOW_CONNECTIONS true`); err != nil {
			return err
		}
		rows, _ := conn.Query(ctx, `SELECT datname FROM pg_database`) // its error is that of the rows
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, name := range names {
			address.Path = "/" + name
			if err := connected(ctx, address.String(), doing, func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, `VACUUM (FREEZE)`)
				return err
			}); err != nil {
				return finding(err.Error())
			}
		}
		_, err = conn.Exec(ctx, `ALTER DATABASE template0 WITH ALLOW_CONNECTIONS false`)
		return err
	})
}
