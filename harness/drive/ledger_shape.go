package drive

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// shape is a form in which some versions of the schema keep the market, and
// how it is read and broken there. The versions within one form differ in
// types, indexes and partitions only.
type shape struct {
	// found reads symbol, at, trade, price and volume of the ticks from trade
	// $1 on.
	found string
	// Each of these breaks the tick with trade $1; inventing gives its copy
	// trade $2.
	losing, doubling, inventing, altering string
	// rows yields kind, symbol, at, trade and digest of everything, and bounded
	// leaves out the ticks from trade $1 on.
	rows, bounded string
	// sums yields kind, day, rows and the sum of their digests.
	sums, boundedSums string
}

// oneTable is the form of the versions before the extension.
func oneTable() shape {
	return shape{
		found: `SELECT symbol, at, trade, close::float8, volume::float8 FROM market_data WHERE kind = 'tick' AND trade >= $1`,

		losing: `DELETE FROM market_data WHERE kind = 'tick' AND trade = $1`,
		doubling: `INSERT INTO market_data (kind, symbol, at, trade, close, volume)
			SELECT kind, symbol, at + interval '1 microsecond', trade, close, volume FROM market_data WHERE kind = 'tick' AND trade = $1`,
		inventing: `INSERT INTO market_data (kind, symbol, at, trade, close, volume)
			SELECT kind, symbol, at, $2, close, volume FROM market_data WHERE kind = 'tick' AND trade = $1`,
		altering: `UPDATE market_data SET close = close + 0.01 WHERE kind = 'tick' AND trade = $1`,
	}.withContent(digestOfOldTicks, digestOfOldBars, `trade < $1`)
}

// twoTables is the form of the versions since.
func twoTables() shape {
	return shape{
		found: `SELECT coalesce(i.symbol, ''), t.at, t.trade, t.price::float8, t.volume::float8
			FROM ticks t LEFT JOIN instruments i ON i.id = t.instrument_id WHERE t.trade >= $1`,

		losing: `DELETE FROM ticks WHERE trade = $1`,
		doubling: `INSERT INTO ticks (instrument_id, at, trade, price, volume)
			SELECT instrument_id, at + interval '1 microsecond', trade, price, volume FROM ticks WHERE trade = $1`,
		inventing: `INSERT INTO ticks (instrument_id, at, trade, price, volume)
			SELECT instrument_id, at, $2, price, volume FROM ticks WHERE trade = $1`,
		altering: `UPDATE ticks SET price = price + 0.01 WHERE trade = $1`,
	}.withContent(digestOfTicks, digestOfBars, `t.trade < $1`)
}

// shapeOf tells in which form a database keeps the market.
func shapeOf(ctx context.Context, db Rows) (shape, error) {
	rows, err := db.Query(ctx, `SELECT to_regclass('ticks') IS NOT NULL, to_regclass('market_data') IS NOT NULL`)
	if err != nil {
		return shape{}, err
	}
	var two, one bool
	if _, err := pgx.ForEachRow(rows, []any{&two, &one}, func() error { return nil }); err != nil {
		return shape{}, err
	}
	switch {
	case two:
		return twoTables(), nil
	case one:
		return oneTable(), nil
	}
	return shape{}, finding("there is neither a table ticks nor a table market_data")
}

// inShape does what depends on the form, and again if the form changed beneath it.
func inShape(ctx context.Context, db Rows, do func(shape) error) error {
	const undefinedTable, tries = "42P01", 5
	for n := 1; ; n++ {
		s, err := shapeOf(ctx, db)
		if err != nil {
			return err
		}
		err = do(s)
		var server *pgconn.PgError
		if n == tries || !errors.As(err, &server) || server.Code != undefinedTable {
			return err
		}
	}
}
