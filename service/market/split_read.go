package market

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Every read finds its instrument in the same statement, so that one that
// another replica deleted is hidden at once. An instrument without prices is a
// row of nulls, an unknown one is no row.

func (s *split) latest(ctx context.Context, symbol string, deleted bool) (Tick, error) {
	var at *time.Time
	var trade *int64
	var price, volume *float64
	err := s.pool.QueryRow(ctx, `
		select l.at, l.trade, l.price, l.volume from `+orNever+` (
			select t.at, t.trade, t.price::float8 as price, t.volume::float8 as volume
			from instruments i left join lateral (
				select at, trade, price, volume from ticks
				where instrument_id = i.id
				order by at desc, trade desc limit 1) as t on true
			where i.symbol = $1 and ($2 or deleted_at is null)) as l`, symbol, deleted).Scan(&at, &trade, &price, &volume)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Tick{}, unknownSymbol(symbol)
	case err != nil:
		return Tick{}, err
	case at == nil:
		return Tick{}, ErrNoPrices
	}
	return Tick{Symbol: symbol, At: at.UTC(), Trade: *trade, Price: *price, Volume: *volume}, nil
}

func (s *split) ticks(ctx context.Context, symbol string, deleted bool, from, to time.Time, limit int) ([]Tick, error) {
	rows, err := s.pool.Query(ctx, `
		select l.at, l.trade, l.price, l.volume from `+orNever+` (
			select t.at, t.trade, t.price::float8 as price, t.volume::float8 as volume
			from instruments i left join lateral (
				select at, trade, price, volume from ticks
				where instrument_id = i.id and at >= $3 and at < $4
				order by at, trade limit $5) as t on true
			where i.symbol = $1 and ($2 or deleted_at is null)) as l
		order by l.at, l.trade`, symbol, deleted, from, to, limit)
	if err != nil {
		return nil, err
	}
	known, ticks := false, []Tick{}
	var at *time.Time
	var trade *int64
	var price, volume *float64
	_, err = pgx.ForEachRow(rows, []any{&at, &trade, &price, &volume}, func() error {
		known = true
		if at != nil {
			ticks = append(ticks, Tick{Symbol: symbol, At: at.UTC(), Trade: *trade, Price: *price, Volume: *volume})
		}
		return nil
	})
	if err == nil && !known {
		return nil, unknownSymbol(symbol)
	}
	return ticks, err
}

// vwap finds the number first, so that the sum is planned as one over a single
// instrument: partition by partition, and by several processes where it pays.
func (s *split) vwap(ctx context.Context, symbol string, deleted bool, from, to time.Time) (VWAP, error) {
	var known bool
	var v VWAP
	var value float64
	err := s.pool.QueryRow(ctx, `
		with who as materialized (
			select i.id from `+orNever+` (
				select id from instruments where symbol = $1 and ($2 or deleted_at is null)) as i
		)
		select exists (select from who),
			coalesce(sum(price * volume), 0)::float8, coalesce(sum(volume), 0)::float8, count(*)
		from ticks
		where instrument_id = (select id from who) and at >= $3 and at < $4`,
		symbol, deleted, from, to).Scan(&known, &value, &v.Volume, &v.Trades)
	switch {
	case err != nil:
		return VWAP{}, err
	case !known:
		return VWAP{}, unknownSymbol(symbol)
	case v.Volume == 0:
		return VWAP{}, ErrNoPrices
	}
	v.Price = value / v.Volume
	return v, nil
}

func (s *split) bars(ctx context.Context, symbol string, deleted bool, from, to time.Time) ([]Bar, error) {
	rows, err := s.pool.Query(ctx, `
		select l.day, l.open, l.high, l.low, l.close, l.volume from `+orNever+` (
			select b.day, b.open::float8 as open, b.high::float8 as high, b.low::float8 as low,
				b.close::float8 as close, b.volume::float8 as volume
			from instruments i left join bars b
				on b.instrument_id = i.id and b.day >= $3::date and b.day < $4::date
			where i.symbol = $1 and ($2 or deleted_at is null)) as l
		order by l.day`, symbol, deleted, from, to)
	if err != nil {
		return nil, err
	}
	known, bars := false, []Bar{}
	var day *time.Time
	var open, high, low, closing, volume *float64
	_, err = pgx.ForEachRow(rows, []any{&day, &open, &high, &low, &closing, &volume}, func() error {
		known = true
		if day != nil {
			bars = append(bars, Bar{symbol, *day, *open, *high, *low, *closing, *volume})
		}
		return nil
	})
	if err == nil && !known {
		return nil, unknownSymbol(symbol)
	}
	return bars, err
}

func unknownSymbol(symbol string) error {
	return &UnknownInstrument{Field: "symbol", Symbols: []string{symbol}}
}
