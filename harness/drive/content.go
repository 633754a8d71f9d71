package drive

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// A digest is made of figures and their order, not of their text: the value as
// float8 is hashed with the hash of what stood before it as the seed. So
// numeric 181.08000000 and float8 181.08 have the same digest, and the server
// makes millions of them a second. Two numeric values that no float8 can tell
// apart have the same digest too. Times are hashed as the interval since a day,
// which is quicker than to look up their zone.
const (
	digestOfOldTicks = `SELECT 'tick'::text AS kind, symbol, at, trade,
			hashint8extended(trade, interval_hash_extended(at - $day, hashfloat8extended(close::float8,
				hashfloat8extended(volume::float8, hashtextextended(symbol COLLATE "C", 1))))) AS digest
		FROM market_data WHERE kind = 'tick' AND $bound`
	digestOfOldBars = `SELECT 'bar'::text AS kind, symbol, at, trade,
			interval_hash_extended(at - $day, hashfloat8extended(coalesce(open::float8, 'NaN'), hashfloat8extended(coalesce(high::float8, 'NaN'),
				hashfloat8extended(coalesce(low::float8, 'NaN'), hashfloat8extended(close::float8,
				hashfloat8extended(volume::float8, hashtextextended(symbol COLLATE "C", 1))))))) AS digest
		FROM market_data WHERE kind <> 'tick'`
	digestOfTicks = `SELECT 'tick'::text AS kind, i.symbol, t.at, t.trade,
			hashint8extended(t.trade, interval_hash_extended(t.at - $day, hashfloat8extended(t.price::float8,
				hashfloat8extended(t.volume::float8, hashtextextended(i.symbol COLLATE "C", 1))))) AS digest
		FROM ticks t JOIN instruments i ON i.id = t.instrument_id WHERE $bound`
	digestOfBars = `SELECT 'bar'::text AS kind, i.symbol, b.day::timestamptz AS at, 0::bigint AS trade,
			interval_hash_extended(b.day::timestamptz - $day, hashfloat8extended(b.open::float8, hashfloat8extended(b.high::float8,
				hashfloat8extended(b.low::float8, hashfloat8extended(b.close::float8,
				hashfloat8extended(b.volume::float8, hashtextextended(i.symbol COLLATE "C", 1))))))) AS digest
		FROM bars b JOIN instruments i ON i.id = b.instrument_id`
	// aDay is the day that times are counted from; any would do.
	aDay = `timestamptz '1900-01-01 00:00:00+00'`
)

// Content is what is stored, row by row: a digest of the figures of every row
// by its identity. It is read for a few hundred thousand rows at most; Sums
// compare any number.
type Content map[string]int64

// ReadContent reads everything that is stored, in whichever version of the
// schema.
func ReadContent(ctx context.Context, dsn string) (Content, error) {
	return readContent(ctx, dsn, func(s shape) (string, []any) { return s.rows, nil })
}

// ReadContentBelow is ReadContent without the ticks from trade on: what was
// there before a load that is under way.
func ReadContentBelow(ctx context.Context, dsn string, trade int64) (Content, error) {
	return readContent(ctx, dsn, func(s shape) (string, []any) { return s.bounded, []any{trade} })
}

func readContent(ctx context.Context, dsn string, query func(shape) (string, []any)) (Content, error) {
	var content Content
	err := steadily(ctx, dsn, "reading what is stored", func(conn *pgx.Conn) error {
		return inShape(ctx, conn, func(s shape) error {
			content = Content{}
			sql, args := query(s)
			rows, err := conn.Query(ctx, sql, args...)
			if err != nil {
				return err
			}
			var key string
			var digest int64
			_, err = pgx.ForEachRow(rows, []any{&key, &digest}, func() error {
				if _, twice := content[key]; twice {
					return finding(key + " is stored twice")
				}
				content[key] = digest
				return nil
			})
			return err
		})
	})
	return content, err
}

// Difference counts the rows of before that are missing in after, those that
// have other figures there, and those that only after has.
func (before Content) Difference(after Content) (lost, changed, added int64) {
	for key, digest := range before {
		got, ok := after[key]
		switch {
		case !ok:
			lost++
		case got != digest:
			changed++
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			added++
		}
	}
	return lost, changed, added
}

// Tell names up to n rows that differ between before and after, in order: kind,
// symbol, time in UTC, trade number and what became of it.
func (before Content) Tell(after Content, n int) []string {
	var told []string
	for key, digest := range before {
		got, ok := after[key]
		switch {
		case !ok:
			told = append(told, key+" is lost")
		case got != digest:
			told = append(told, key+" has other figures")
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			told = append(told, key+" came from nowhere")
		}
	}
	slices.Sort(told)
	if more := len(told) - n; more > 0 {
		told = append(told[:n:n], fmt.Sprintf("and %d more", more))
	}
	return told
}
