package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestWhoWritesWhileAStepRunsLosesNothing(t *testing.T) {
	for _, way := range [][2]int64{{2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 5}, {4, 3}, {3, 2}} {
		t.Run(fmt.Sprintf("%d to %d", way[0], way[1]), func(t *testing.T) {
			dsn := testdb.Empty(t)
			conn := connect(t, dsn)
			m := open(t, dsn, migrate.Options{})
			migrateTo(t, m, 1)
			fill(t, conn)
			run(t, conn, `insert into market_data (kind, symbol, at, trade, close, volume)
				select 'tick', 'S' || n % 10, '2026-01-01Z'::timestamptz + n * interval '1 minute', n, 1 + n % 100, n % 7
				from generate_series(1, 5000) n`)
			migrateTo(t, m, way[0])

			w := &writer{conn: connect(t, dsn), rows: map[int64]string{}}
			before := content(t, conn)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.run(ctx) }()
			migrateTo(t, m, way[1])
			stop()
			require.NoError(t, <-done)
			require.NotEmpty(t, w.rows)

			want := before
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

func (w *writer) write(ctx context.Context) error {
	w.next++
	n := w.next
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	symbol := fmt.Sprintf("S%d", n%10)
	line := func(price int64) string {
		return fmt.Sprintf("tick %s %s %d %d 5", symbol, at.Format("2006-01-02 15:04:05+00"), 1_000_000+n, price)
	}
	if err := w.do(ctx,
		`insert into market_data (kind, symbol, at, trade, close, volume) values ('tick', $1, $2, $3, $4, 5)`,
		`insert into ticks (instrument_id, at, trade, price, volume) values ((select id from instruments where symbol = $1), $2, $3, $4, 5)`,
		symbol, at, 1_000_000+n, int64(7)); err != nil {
		return err
	}
	w.rows[n] = line(7)
	switch n % 5 {
	case 0:
		delete(w.rows, n)
		return w.do(ctx,
			`delete from market_data where kind = 'tick' and symbol = $1 and at = $2 and trade = $3`,
			`delete from ticks where instrument_id = (select id from instruments where symbol = $1) and at = $2 and trade = $3`,
			symbol, at, 1_000_000+n)
	case 1:
		w.rows[n] = line(8)
		return w.do(ctx,
			`update market_data set close = 8 where kind = 'tick' and symbol = $1 and at = $2 and trade = $3`,
			`update ticks set price = 8 where instrument_id = (select id from instruments where symbol = $1) and at = $2 and trade = $3`,
			symbol, at, 1_000_000+n)
	}
	return nil
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
