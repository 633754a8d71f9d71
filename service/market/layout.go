package market

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// repeatFor and repeatTimes bound how long a caller waits for a schema to
	// settle. A switch of tables takes milliseconds.
	repeatFor   = 5 * time.Second
	repeatTimes = 40
	// repeatAfter is the longest first wait; it doubles up to repeatMost.
	repeatAfter = 2 * time.Millisecond
	repeatMost  = 250 * time.Millisecond
)

// errStale says that a statement did nothing because what the layout
// remembered is no longer so.
var errStale = errors.New("what was remembered is out of date")

// layout is how some versions of the schema keep the market. It is made anew
// whenever a statement shows that the tables have changed.
//
// There are two: flat for versions 1 and 2, split for all later ones.
// Whatever else differs between versions (decimals or floats, partitions,
// deletions), the same statements serve it.
type layout interface {
	storeTicks(ctx context.Context, b *tickBatch) (map[tickKey]bool, error)
	storeBars(ctx context.Context, b *barBatch) (int64, error)

	latest(ctx context.Context, symbol string, deleted bool) (Tick, error)
	ticks(ctx context.Context, symbol string, deleted bool, from, to time.Time, limit int) ([]Tick, error)
	vwap(ctx context.Context, symbol string, deleted bool, from, to time.Time) (VWAP, error)
	bars(ctx context.Context, symbol string, deleted bool, from, to time.Time) ([]Bar, error)

	register(ctx context.Context, symbols, names []string) (int64, error)
	list(ctx context.Context) ([]Registered, error)
	remove(ctx context.Context, symbol string) (time.Time, error)
	restore(ctx context.Context, symbol string) error
}

// selectTables finds the tables that tell one layout from another.
const selectTables = `
		select relname from pg_class
		where relname in ('market_data', 'instruments_kept', 'instruments', 'ticks', 'bars')
		and relkind in ('r', 'p') and pg_table_is_visible(oid)`

// detect looks for the tables of one of the layouts. All of them are seen in
// one snapshot of the catalogue, so that a switch is seen wholly or not.
func detect(ctx context.Context, pool *pgxpool.Pool, room *room, methods []method) (layout, error) {
	rows, err := pool.Query(ctx, selectTables)
	if err != nil {
		return nil, fmt.Errorf("looking for the tables of the market: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for the tables of the market: %w", err)
	}
	has := func(name string) bool { return slices.Contains(found, name) }
	switch {
	case has("instruments") && has("ticks") && has("bars"):
		return &split{pool: pool, room: room, methods: methods, ids: make(map[string]int32)}, nil
	case has("market_data"):
		return &flat{pool: pool, kept: has("instruments_kept")}, nil
	}
	return nil, fmt.Errorf("looking for the tables of the market: %w", ErrChanging)
}

// current returns the layout that is remembered, or looks for it.
func (s *Store) current(ctx context.Context) (*layout, error) {
	if known := s.layout.Load(); known != nil {
		return known, nil
	}
	found, err := detect(ctx, s.pool, s.room, s.methods)
	if err != nil {
		return nil, err
	}
	s.room.forget()
	s.layout.Store(&found)
	return &found, nil
}

// settled carries out do on the current layout, and again while the server
// says that it did nothing because the schema changed or others were in the
// way. An error that leaves open whether something was stored is returned at
// once, and so is ErrBusy.
func settled[T any](ctx context.Context, s *Store, do func(context.Context, layout) (T, error)) (T, error) {
	began := time.Now()
	wait := repeatAfter
	ctx, verdict := judged(ctx)
	for try := 1; ; try++ {
		var result T
		known, err := s.current(ctx)
		if err == nil {
			result, err = do(ctx, *known)
		}
		if err == nil || !nothingDone(err) {
			return result, turnedAway(ctx, verdict, err)
		}
		s.layout.CompareAndSwap(known, nil)
		if try >= repeatTimes || time.Since(began) >= repeatFor {
			return result, fmt.Errorf("%w after %d tries: %w", ErrChanging, try, err)
		}
		select {
		case <-ctx.Done():
			return result, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(rand.N(wait) + time.Microsecond):
		}
		wait = min(2*wait, repeatMost)
	}
}

// nothingDone reports whether a statement certainly did nothing and may do
// better when it is repeated.
func nothingDone(err error) bool {
	if errors.Is(err, errStale) || errors.Is(err, ErrChanging) {
		return true
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case "42P01", "42703", "42P10", // a table, a column or an index is elsewhere
		"42804", "42809", "0A000", // it has another type
		"26000",                   // a prepared statement is gone
		"23503",                   // an instrument is gone
		"40P01", "40001", "55P03": // somebody else was in the way
		return true
	case "23514":
		// A row met a partition whose bounds changed under it. A constraint
		// of ours has a name.
		return refused.ConstraintName == ""
	}
	return false
}

// broken turns the refusal of a constraint into a wrong field: the rows of
// the batch are wrong, not the service.
func broken(err error, field string) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "23514" && refused.ConstraintName != "" {
		return &Invalid{Field: field, Problem: "have a row that breaks the rule " + refused.ConstraintName}
	}
	return err
}
