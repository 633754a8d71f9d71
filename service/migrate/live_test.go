package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestWhoWritesWhileAStepRunsLosesNothing(t *testing.T) {
	t.Parallel()
	for _, way := range [][2]int64{{2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 5}, {4, 3}, {3, 2}} {
		t.Run(fmt.Sprintf("%d to %d", way[0], way[1]), func(t *testing.T) {
			t.Parallel()
			dsn := testdb.Empty(t)
			conn := connect(t, dsn)
			m := open(t, dsn, migrate.Options{})
			migrateTo(t, m, 1)
			fill(t, conn)
			run(t, conn, `insert into market_data (kind, symbol, at, trade, close, volume)
				select 'tick', 'S' || n % 10, '2026-01-01Z'::timestamptz + n * interval '1 minute', n, 1 + n % 100, n % 7
				from generate_series(1, 5000) n`)
			migrateTo(t, m, way[0])

			w := &writer{conn: connect(t, dsn), rows: map[int64]string{}, gone: map[string]bool{}}
			before := content(t, conn)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.run(ctx) }()
			// The writer gets its time when there is a copy that can be wrong.
			slow := open(t, dsn, migrate.Options{Watch: func(e migrate.Event) {
				if e.Kind != migrate.End || !strings.HasPrefix(e.Title, "copy the") {
					return
				}
				enough := w.written.Load() + 60
				for w.written.Load() < enough && len(done) == 0 {
					runtime.Gosched()
				}
			}})
			migrateTo(t, slow, way[1])
			stop()
			require.NoError(t, <-done)
			require.NotEmpty(t, w.rows)

			want := slices.DeleteFunc(before, func(line string) bool { return w.gone[line] })
			for _, row := range w.rows {
				want = append(want, row)
			}
			slices.Sort(want)
			got := content(t, conn)
			slices.Sort(got)
			require.Equal(t, want, got)
			requireFresh(t, m, way[1])
		})
	}
}

// writer inserts, changes and deletes ticks of its own and knows what has to
// be there. It knows both shapes of the table.
type writer struct {
	conn *pgx.Conn
	old  bool
	next int64
	rows map[int64]string
	// gone are the rows that were there before and are changed or deleted.
	gone    map[string]bool
	written atomic.Int64
}

func (w *writer) run(ctx context.Context) error {
	pace := time.NewTicker(3 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
		}
		if err := w.write(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

const (
	removeOld    = `delete from market_data where kind = 'tick' and symbol = $1 and at = $2 and trade = $3`
	remove       = `delete from ticks where instrument_id = (select id from instruments where symbol = $1) and at = $2 and trade = $3`
	changeOld    = `update market_data set close = 777 where kind = 'tick' and symbol = $1 and at = $2 and trade = $3`
	change       = `update ticks set price = 777 where instrument_id = (select id from instruments where symbol = $1) and at = $2 and trade = $3`
	insertOld    = `insert into market_data (kind, symbol, at, trade, close, volume) values ('tick', $1, $2, $3, $4, 5)`
	insert       = `insert into ticks (instrument_id, at, trade, price, volume) values ((select id from instruments where symbol = $1), $2, $3, $4, 5)`
	tickLine     = "tick %s %s %d %d %d"
	tickLineTime = "2006-01-02 15:04:05+00"
)

// write inserts a row, and every other time changes or deletes one that was
// there before.
func (w *writer) write(ctx context.Context) error {
	w.next++
	defer w.written.Add(1)
	n := w.next
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	symbol := fmt.Sprintf("S%d", n%10)
	if err := w.do(ctx, insertOld, insert, symbol, at, 1_000_000+n, int64(7)); err != nil {
		return err
	}
	w.rows[n] = fmt.Sprintf(tickLine, symbol, at.Format(tickLineTime), 1_000_000+n, 7, 5)
	if n%2 == 0 || n > 5000 {
		return nil
	}
	at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	w.gone[fmt.Sprintf(tickLine, symbol, at.Format(tickLineTime), n, 1+n%100, n%7)] = true
	if n%4 == 1 {
		return w.do(ctx, removeOld, remove, symbol, at, n)
	}
	w.rows[-n] = fmt.Sprintf(tickLine, symbol, at.Format(tickLineTime), n, 777, n%7)
	return w.do(ctx, changeOld, change, symbol, at, n)
}

// do writes in the shape that it knows, and in the other one if the table
// changed: nothing else may go wrong.
func (w *writer) do(ctx context.Context, old, current string, args ...any) error {
	for range 100 {
		statement := current
		if w.old {
			statement = old
		}
		tag, err := w.conn.Exec(ctx, statement, args...)
		var refused *pgconn.PgError
		switch {
		case err == nil && tag.RowsAffected() == 1:
			return nil
		case err == nil:
			return fmt.Errorf("%s %v wrote %d rows", statement, args, tag.RowsAffected())
		case !errors.As(err, &refused) || (refused.Code != "42P01" && refused.Code != "42703"):
			return err
		}
		w.old = !w.old
	}
	return errors.New("the table never came back")
}
