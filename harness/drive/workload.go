package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Workload is one arm of a comparison: SQL text with its arguments, on one
// side. Run does n units of it and returns how long they took on the wire.
type Workload struct {
	Name string
	Text string
	Plan string // how the server carries Text out, as EXPLAIN tells it
	Rows int64  // the state each trial starts from
	// Alone says that one connection does the work and that nothing of it is
	// left to be done when Run returns, so that a block may be sliced; see
	// experiment.Plan.
	Alone    bool
	Settings map[string]string // of the server, as this side sees them
	Run      func(ctx context.Context, n int) (time.Duration, error)
	Reset    func(ctx context.Context) error
	// Observe reads what the server tells of itself between two blocks, and
	// Recheck the settings once more; see experiment.Arm.
	Observe func(ctx context.Context) (measure.Reading, error)
	Recheck func(ctx context.Context) (map[string]string, error)
}

// Side is one of the two systems that are compared: a database in the layout
// of the baseline or of the current release.
type Side struct {
	Name   string // "baseline" or "current"
	layout layout
	conn   *pgx.Conn
	ids    map[string]int32 // instrument by symbol; the baseline has none
	stored []market.Tick    // what Fill stored
}

// layout is what differs between the two schemas.
type layout struct {
	table  string
	insert string
	copies []string
}

// The arrays of a batch are unnested on the server, so that a batch is one
// statement and one transaction on both sides, whatever its size.
const (
	insertBaseline = `INSERT INTO market_data (kind, symbol, at, trade, close, volume)
SELECT 'tick', * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::numeric[], $5::numeric[])`

	insertCurrent = `INSERT INTO ticks (instrument_id, at, trade, price, volume)
SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::bigint[], $4::float8[], $5::float8[])
ON CONFLICT DO NOTHING`
)

// Baseline opens the side that has the schema before the extension.
func Baseline(ctx context.Context, dsn string) (*Side, error) {
	return openSide(ctx, dsn, "baseline", layout{
		table:  "market_data",
		insert: insertBaseline,
		copies: []string{"kind", "symbol", "at", "trade", "close", "volume"},
	})
}

// Current opens the side that has the newest schema.
func Current(ctx context.Context, dsn string) (*Side, error) {
	return openSide(ctx, dsn, "current", layout{
		table:  "ticks",
		insert: insertCurrent,
		copies: []string{"instrument_id", "at", "trade", "price", "volume"},
	})
}

// steady returns the session settings of both sides: plans must not depend on
// how many workers happen to be free, and partitions are summed up one by one,
// as the service's own connections have it.
func steady() map[string]string {
	return map[string]string{"max_parallel_workers_per_gather": "0", "jit": "off", "enable_partitionwise_aggregate": "on"}
}

func openSide(ctx context.Context, dsn, name string, l layout) (*Side, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the %s side: %w", name, plain(err))
	}
	maps.Copy(config.RuntimeParams, steady())
	config.DialFunc = load.Dial
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the %s side: %w", name, plain(err))
	}
	return &Side{Name: name, layout: l, conn: conn}, nil
}

// Close ends the connection of the side.
func (s *Side) Close(ctx context.Context) error {
	if err := s.conn.Close(ctx); err != nil {
		return fmt.Errorf("closing the %s side: %w", s.Name, plain(err))
	}
	return nil
}

// Adopt takes over a side that was filled with prices before and copied since.
func (s *Side) Adopt(ctx context.Context, prices []market.Tick) error {
	s.stored = prices
	if err := s.enlist(ctx, prices); err != nil {
		return err
	}
	return s.settle(ctx)
}

// Fill stores prices and keeps a copy of them, from which Reset restores this
// very state. Indexes are built afterwards, which gives the same pages sooner.
func (s *Side) Fill(ctx context.Context, prices []market.Tick) error {
	if err := s.enlist(ctx, prices); err != nil {
		return err
	}
	indexes, err := s.takeIndexes(ctx)
	if err != nil {
		return err
	}
	source := pgx.CopyFromSlice(len(prices), func(i int) ([]any, error) { return s.row(prices[i]), nil })
	if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{s.layout.table}, s.layout.copies, source); err != nil {
		return fmt.Errorf("filling the %s side with %d prices: %w", s.Name, len(prices), plain(err))
	}
	for _, create := range indexes {
		if _, err := s.conn.Exec(ctx, create); err != nil {
			return fmt.Errorf("indexing the %s side: %w", s.Name, plain(err))
		}
	}
	s.stored = prices
	return s.settle(ctx)
}

// takeIndexes drops the plain indexes of an unpartitioned side and returns the
// statements that make them again. Keys and constraints stay.
func (s *Side) takeIndexes(ctx context.Context) ([]string, error) {
	if s.ids != nil {
		return nil, nil
	}
	rows, err := s.conn.Query(ctx, `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
		WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`, s.layout.table)
	if err != nil {
		return nil, fmt.Errorf("reading the indexes of the %s side: %w", s.Name, plain(err))
	}
	var drop, create []string
	var name, statement string
	_, err = pgx.ForEachRow(rows, []any{&name, &statement}, func() error {
		drop, create = append(drop, "DROP INDEX "+name), append(create, statement)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the indexes of the %s side: %w", s.Name, plain(err))
	}
	for _, sql := range drop {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("dropping an index of the %s side: %w", s.Name, plain(err))
		}
	}
	return create, nil
}

func (s *Side) row(t market.Tick) []any {
	if s.ids == nil {
		return []any{"tick", t.Symbol, t.At, t.Trade, decimal(t.Price), decimal(t.Volume)}
	}
	return []any{s.ids[t.Symbol], t.At, t.Trade, t.Price, t.Volume}
}

// enlist makes the instruments of prices known to the current side.
func (s *Side) enlist(ctx context.Context, prices []market.Tick) error {
	if s.layout.table != "ticks" {
		return nil
	}
	known := map[string]bool{}
	var symbols []string
	for _, p := range prices {
		if !known[p.Symbol] {
			known[p.Symbol] = true
			symbols = append(symbols, p.Symbol)
		}
	}
	rows, err := s.conn.Query(ctx, `INSERT INTO instruments (symbol) SELECT unnest($1::text[])
		ON CONFLICT (symbol) DO UPDATE SET symbol = excluded.symbol RETURNING symbol, id`, symbols)
	if err != nil {
		return fmt.Errorf("listing %d instruments on the %s side: %w", len(symbols), s.Name, plain(err))
	}
	s.ids = map[string]int32{}
	var symbol string
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&symbol, &id}, func() error {
		s.ids[symbol] = id
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing %d instruments on the %s side: %w", len(symbols), s.Name, plain(err))
	}
	return nil
}

// settle leaves the side quiet: no vacuum and no checkpoint should fall due
// while it is measured.
func (s *Side) settle(ctx context.Context) error {
	const quiet = `DO $$ DECLARE leaf regclass; BEGIN
		FOR leaf IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace LOOP
			EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', leaf);
		END LOOP; END $$`
	vacuum := "VACUUM (FREEZE, ANALYZE) " + s.layout.table
	if s.ids != nil {
		vacuum += ", instruments" // which each price refers to
	}
	for _, sql := range []string{quiet, vacuum, "CHECKPOINT"} {
		if _, err := s.conn.Exec(ctx, sql); err != nil && !notPermitted(err) {
			return fmt.Errorf("settling the %s side: %w", s.Name, plain(err))
		}
	}
	return nil
}

// notPermitted reports whether the server said that only a superuser may do
// this; an external server measures a little less steadily then.
func notPermitted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// reset restores the state after Fill. It does so even where nobody wrote since:
// a side that was filled just now is quicker than one that was filled before.
func (s *Side) reset(ctx context.Context) error {
	if _, err := s.conn.Exec(ctx, "TRUNCATE "+s.layout.table); err != nil {
		return fmt.Errorf("emptying the %s side: %w", s.Name, plain(err))
	}
	return s.Fill(ctx, s.stored)
}

// asked returns the settings that both arms of a comparison must share.
func asked() []string {
	return []string{
		"fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_sync_method",
		"shared_buffers", "work_mem", "jit", "max_parallel_workers_per_gather", "enable_partitionwise_aggregate",
	}
}

func (s *Side) settings(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range asked() {
		var value string
		if err := s.conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return nil, fmt.Errorf("reading setting %s of the %s side: %w", name, s.Name, plain(err))
		}
		found[name] = value
	}
	return found, nil
}

// explain asks the server how it would carry out sql, without doing it.
func (s *Side) explain(ctx context.Context, sql string, args ...any) (string, error) {
	rows, err := s.conn.Query(ctx, "EXPLAIN (FORMAT TEXT) "+sql, args...)
	if err != nil {
		return "", fmt.Errorf("asking for the plan of the %s side: %w", s.Name, plain(err))
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", fmt.Errorf("asking for the plan of the %s side: %w", s.Name, plain(err))
	}
	return strings.Join(lines, "\n"), nil
}

// decimal is the exact decimal value of a price in cents or a volume, to 8 places.
func decimal(f float64) pgtype.Numeric {
	const places = 8
	text := strconv.FormatFloat(f, 'f', places, 64)
	digits, ok := new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
	if !ok {
		return pgtype.Numeric{NaN: true, Valid: true}
	}
	return pgtype.Numeric{Int: digits, Exp: -places, Valid: true}
}
