package market

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Latest returns the newest tick of the instrument. It is ErrNoPrices when
// there is none.
func (s *Store) Latest(ctx context.Context, symbol string) (Tick, error) {
	id, err := s.identifyOne(ctx, symbol)
	if err != nil {
		return Tick{}, err
	}
	t := Tick{Symbol: symbol}
	err = s.pool.QueryRow(ctx, `
		select at, trade, price, volume from ticks
		where instrument_id = $1
		order by at desc, trade desc limit 1`, id).Scan(&t.At, &t.Trade, &t.Price, &t.Volume)
	if errors.Is(err, pgx.ErrNoRows) {
		return Tick{}, ErrNoPrices
	}
	if err != nil {
		return Tick{}, fmt.Errorf("reading the latest price of %s: %w", symbol, err)
	}
	t.At = t.At.UTC()
	return t, nil
}

// Range returns the ticks of the instrument in the span, oldest first, at
// most limit of them.
func (s *Store) Range(ctx context.Context, symbol string, span Span, limit int) ([]Tick, error) {
	id, err := s.identifyOne(ctx, symbol)
	if err != nil {
		return nil, err
	}
	from, to := span.bounds()
	rows, err := s.pool.Query(ctx, `
		select at, trade, price, volume from ticks
		where instrument_id = $1 and at >= $2 and at < $3
		order by at, trade limit $4`, id, from, to, limit)
	if err != nil {
		return nil, fmt.Errorf("reading prices of %s: %w", symbol, err)
	}
	ticks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Tick, error) {
		t := Tick{Symbol: symbol}
		err := row.Scan(&t.At, &t.Trade, &t.Price, &t.Volume)
		t.At = t.At.UTC()
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading prices of %s: %w", symbol, err)
	}
	return ticks, nil
}

// VWAP returns the volume-weighted average price of the instrument in the
// span. It is ErrNoPrices when nothing was traded.
func (s *Store) VWAP(ctx context.Context, symbol string, span Span) (VWAP, error) {
	id, err := s.identifyOne(ctx, symbol)
	if err != nil {
		return VWAP{}, err
	}
	from, to := span.bounds()
	var v VWAP
	var value float64
	err = s.pool.QueryRow(ctx, `
		select coalesce(sum(price * volume), 0), coalesce(sum(volume), 0), count(*) from ticks
		where instrument_id = $1 and at >= $2 and at < $3`, id, from, to).Scan(&value, &v.Volume, &v.Trades)
	if err != nil {
		return VWAP{}, fmt.Errorf("reading the average price of %s: %w", symbol, err)
	}
	if v.Volume == 0 {
		return VWAP{}, ErrNoPrices
	}
	v.Price = value / v.Volume
	return v, nil
}

// Bars returns the bars of the instrument in the span, oldest first.
func (s *Store) Bars(ctx context.Context, symbol string, span Span) ([]Bar, error) {
	id, err := s.identifyOne(ctx, symbol)
	if err != nil {
		return nil, err
	}
	from, to := span.bounds()
	rows, err := s.pool.Query(ctx, `
		select day, open, high, low, close, volume from bars
		where instrument_id = $1 and day >= $2::date and day < $3::date
		order by day`, id, from, to)
	if err != nil {
		return nil, fmt.Errorf("reading bars of %s: %w", symbol, err)
	}
	bars, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Bar, error) {
		b := Bar{Symbol: symbol}
		err := row.Scan(&b.Day, &b.Open, &b.High, &b.Low, &b.Close, &b.Volume)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading bars of %s: %w", symbol, err)
	}
	return bars, nil
}

func (s *Store) identifyOne(ctx context.Context, symbol string) (int32, error) {
	if problem := symbolProblem(symbol); problem != "" {
		return 0, &Invalid{Field: "symbol", Problem: problem}
	}
	ids, err := s.identify(ctx, 1,
		func(int) string { return symbol },
		func(int) string { return "symbol" })
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// bounds replaces open ends by times beyond anything that is stored.
func (s Span) bounds() (from, to time.Time) {
	from, to = s.From, s.To
	if from.IsZero() {
		from = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if to.IsZero() {
		to = time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return from, to
}
