package market

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Every read finds its instrument in the same statement, so that one that
// another replica deleted is hidden at once. All statements, these and the
// inserts, lock ticks or bars before instruments, as a migration does that
// exchanges them: hence no WITH, which would be first.
const (
	// whose is the number of the instrument $1, which may be deleted if $2.
	whose = `(select i.id from ` + orNever + ` (
		select id from instruments where symbol = $1 and ($2 or deleted_at is null)) as i)`
	// known is one row even where there are no prices.
	known = `(select ` + whose + ` is not null as known) as k`

	// selectRecent is selectLatest from $3 on: the server then leaves out the
	// partitions of the days before, of which there may be hundreds.
	selectRecent = `
		select k.known, t.* from (
			select at, trade, price::float8, volume::float8 from ticks
			where instrument_id = ` + whose + ` and at >= $3
			order by at desc, trade desc limit 1) as t right join ` + known + ` on true`
	selectLatest = `
		select k.known, t.* from (
			select at, trade, price::float8, volume::float8 from ticks
			where instrument_id = ` + whose + `
			order by at desc, trade desc limit 1) as t right join ` + known + ` on true`
	selectTicks = `
		select k.known, t.* from (
			select at, trade, price::float8, volume::float8 from ticks
			where instrument_id = ` + whose + ` and at >= $3 and at < $4
			order by at, trade limit $5) as t right join ` + known + ` on true
		order by t.at, t.trade`
	selectVWAP = `
		select ` + whose + ` is not null,
			coalesce(sum(price * volume), 0)::float8, coalesce(sum(volume), 0)::float8, count(*)
		from ticks
		where instrument_id = ` + whose + ` and at >= $3 and at < $4`
	selectBars = `
		select k.known, b.* from (
			select day, open::float8, high::float8, low::float8, close::float8, volume::float8 from bars
			where instrument_id = ` + whose + ` and day >= $3::date and day < $4::date) as b right join ` + known + ` on true
		order by b.day`
)

// recently is how far back the newest price of most instruments is: more than
// a long weekend.
const recently = 7 * 24 * time.Hour

func (s *split) latest(ctx context.Context, symbol string, deleted bool) (Tick, error) {
	ticks, err := s.readTicks(ctx, symbol, selectRecent, symbol, deleted, s.room.now().Add(-recently))
	if err == nil && len(ticks) == 0 {
		ticks, err = s.readTicks(ctx, symbol, selectLatest, symbol, deleted)
	}
	if err != nil {
		return Tick{}, err
	}
	if len(ticks) == 0 {
		return Tick{}, ErrNoPrices
	}
	return ticks[0], nil
}

func (s *split) ticks(ctx context.Context, symbol string, deleted bool, from, to time.Time, limit int) ([]Tick, error) {
	return s.readTicks(ctx, symbol, selectTicks, symbol, deleted, from, to, limit)
}

func (s *split) readTicks(ctx context.Context, symbol, sql string, args ...any) ([]Tick, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	ticks := []Tick{}
	var found bool
	var at *time.Time
	var trade *int64
	var price, volume *float64
	_, err = pgx.ForEachRow(rows, []any{&found, &at, &trade, &price, &volume}, func() error {
		if !found {
			return unknownSymbol(symbol)
		}
		if at != nil {
			ticks = append(ticks, Tick{Symbol: symbol, At: at.UTC(), Trade: *trade, Price: *price, Volume: *volume})
		}
		return nil
	})
	return ticks, err
}

func (s *split) vwap(ctx context.Context, symbol string, deleted bool, from, to time.Time) (VWAP, error) {
	var found bool
	var v VWAP
	var value float64
	err := s.pool.QueryRow(ctx, selectVWAP, symbol, deleted, from, to).Scan(&found, &value, &v.Volume, &v.Trades)
	switch {
	case err != nil:
		return VWAP{}, err
	case !found:
		return VWAP{}, unknownSymbol(symbol)
	case v.Volume == 0:
		return VWAP{}, ErrNoPrices
	}
	v.Price = value / v.Volume
	return v, nil
}

func (s *split) bars(ctx context.Context, symbol string, deleted bool, from, to time.Time) ([]Bar, error) {
	rows, err := s.pool.Query(ctx, selectBars, symbol, deleted, from, to)
	if err != nil {
		return nil, err
	}
	bars := []Bar{}
	var found bool
	var day *time.Time
	var open, high, low, closing, volume *float64
	_, err = pgx.ForEachRow(rows, []any{&found, &day, &open, &high, &low, &closing, &volume}, func() error {
		if !found {
			return unknownSymbol(symbol)
		}
		if day != nil {
			bars = append(bars, Bar{symbol, *day, *open, *high, *low, *closing, *volume})
		}
		return nil
	})
	return bars, err
}

func unknownSymbol(symbol string) error {
	return &UnknownInstrument{Field: "symbol", Symbols: []string{symbol}}
}
