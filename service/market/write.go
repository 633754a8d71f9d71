package market

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// StoreTicks stores the ticks in one statement: all of them or, on an error,
// none. When it returns, the new ones are as durable as the server's settings
// make a commit. It returns the new ones in the order given. A symbol nobody
// registered is an *UnknownInstrument, a wrong field an *Invalid.
func (s *Store) StoreTicks(ctx context.Context, ticks []Tick) ([]Tick, Counts, error) {
	if err := ValidateTicks(ticks); err != nil {
		return nil, Counts{}, err
	}
	fresh, err := s.storeTicks(ctx, ticks)
	if vanished(err) {
		s.forget()
		fresh, err = s.storeTicks(ctx, ticks)
	}
	if err != nil {
		return nil, Counts{}, err
	}
	return fresh, Counts{Stored: len(fresh), Duplicates: len(ticks) - len(fresh)}, nil
}

// tickKey is the identity of a tick; at is in microseconds of Unix time.
type tickKey struct {
	instrument int32
	at         int64
	trade      int64
}

func (k tickKey) compare(o tickKey) int {
	return cmp.Or(
		cmp.Compare(k.instrument, o.instrument),
		cmp.Compare(k.at, o.at),
		cmp.Compare(k.trade, o.trade),
	)
}

func (s *Store) storeTicks(ctx context.Context, ticks []Tick) ([]Tick, error) {
	ids, err := s.identify(ctx, len(ticks),
		func(i int) string { return ticks[i].Symbol },
		func(i int) string { return fmt.Sprintf("ticks[%d].symbol", i) })
	if err != nil {
		return nil, err
	}
	s.room.make(ctx, "ticks", len(ticks), func(i int) time.Time { return ticks[i].At })

	keys := make([]tickKey, len(ticks))
	order := make([]int, len(ticks))
	for i := range ticks {
		keys[i] = tickKey{ids[i], ticks[i].At.UnixMicro(), ticks[i].Trade}
		order[i] = i
	}
	// Batches that overlap take their row locks in one order, so that they
	// cannot deadlock.
	slices.SortStableFunc(order, func(a, b int) int { return keys[a].compare(keys[b]) })

	stored, err := s.insertTicks(ctx, ticks, ids, order)
	if err != nil {
		return nil, fmt.Errorf("storing %d ticks: %w", len(ticks), err)
	}
	fresh := make([]Tick, 0, len(stored))
	for i, t := range ticks {
		if stored[keys[i]] {
			delete(stored, keys[i])
			t.At = t.At.UTC().Truncate(time.Microsecond)
			fresh = append(fresh, t)
		}
	}
	return fresh, nil
}

// insertTicks stores the ticks in the given order and returns the identities
// of those that are new.
func (s *Store) insertTicks(ctx context.Context, ticks []Tick, ids []int32, order []int) (map[tickKey]bool, error) {
	n := len(ticks)
	instruments, ats, trades := make([]int32, n), make([]time.Time, n), make([]int64, n)
	prices, volumes := make([]float64, n), make([]float64, n)
	for to, from := range order {
		t := &ticks[from]
		instruments[to], ats[to], trades[to] = ids[from], t.At, t.Trade
		prices[to], volumes[to] = t.Price, t.Volume
	}
	rows, err := s.pool.Query(ctx, `
		insert into ticks (instrument_id, at, trade, price, volume)
		select * from unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::float8[], $5::float8[])
		on conflict do nothing
		returning instrument_id, at, trade`, instruments, ats, trades, prices, volumes)
	if err != nil {
		return nil, err
	}
	stored := make(map[tickKey]bool, n)
	var key tickKey
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&key.instrument, &at, &key.trade}, func() error {
		key.at = at.UnixMicro()
		stored[key] = true
		return nil
	})
	return stored, err
}

// StoreBars stores the bars in one statement: all of them or, on an error,
// none. A symbol nobody registered is an *UnknownInstrument, a wrong field an
// *Invalid.
func (s *Store) StoreBars(ctx context.Context, bars []Bar) (Counts, error) {
	if err := ValidateBars(bars); err != nil {
		return Counts{}, err
	}
	stored, err := s.storeBars(ctx, bars)
	if vanished(err) {
		s.forget()
		stored, err = s.storeBars(ctx, bars)
	}
	if err != nil {
		return Counts{}, err
	}
	return Counts{Stored: stored, Duplicates: len(bars) - stored}, nil
}

func (s *Store) storeBars(ctx context.Context, bars []Bar) (int, error) {
	ids, err := s.identify(ctx, len(bars),
		func(i int) string { return bars[i].Symbol },
		func(i int) string { return fmt.Sprintf("bars[%d].symbol", i) })
	if err != nil {
		return 0, err
	}
	s.room.make(ctx, "bars", len(bars), func(i int) time.Time { return bars[i].Day })

	n := len(bars)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(ids[a], ids[b]), bars[a].Day.Compare(bars[b].Day))
	})
	instruments, days := make([]int32, n), make([]time.Time, n)
	opens, highs, lows := make([]float64, n), make([]float64, n), make([]float64, n)
	closes, volumes := make([]float64, n), make([]float64, n)
	for to, from := range order {
		b := &bars[from]
		instruments[to], days[to] = ids[from], b.Day
		opens[to], highs[to], lows[to] = b.Open, b.High, b.Low
		closes[to], volumes[to] = b.Close, b.Volume
	}
	tag, err := s.pool.Exec(ctx, `
		insert into bars (instrument_id, day, open, high, low, close, volume)
		select * from unnest($1::int[], $2::date[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
		on conflict do nothing`, instruments, days, opens, highs, lows, closes, volumes)
	if err != nil {
		return 0, fmt.Errorf("storing %d bars: %w", n, err)
	}
	return int(tag.RowsAffected()), nil
}
