package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// StoreTicks stores the ticks in one statement: all of them or, on an error,
// none. When it returns, the new ones are as durable as the server's settings
// make a commit. It returns the new ones in the order given. A symbol nobody
// registered is an *UnknownInstrument, one that is deleted a
// *DeletedInstrument, a wrong field an *Invalid.
func (s *Store) StoreTicks(ctx context.Context, ticks []Tick) ([]Tick, Counts, error) {
	if err := ValidateTicks(ticks, s.now()); err != nil {
		return nil, Counts{}, err
	}
	began := time.Now()
	b := newTickBatch(ticks)
	stored, err := settled(ctx, s, func(ctx context.Context, l layout) (map[tickKey]bool, error) { return l.storeTicks(ctx, b) })
	s.written.note(began, len(stored), err)
	if err != nil {
		return nil, Counts{}, explainWrite(err, "ticks", len(ticks), func(i int) string { return ticks[i].Symbol })
	}
	fresh := make([]Tick, 0, len(stored))
	for i, t := range ticks {
		if stored[b.keys[i]] {
			delete(stored, b.keys[i])
			t.At = t.At.UTC().Truncate(time.Microsecond)
			fresh = append(fresh, t)
		}
	}
	return fresh, Counts{Stored: len(fresh), Duplicates: len(ticks) - len(fresh)}, nil
}

// StoreBars stores the bars in one statement: all of them or, on an error,
// none. Its errors are those of StoreTicks.
func (s *Store) StoreBars(ctx context.Context, bars []Bar) (Counts, error) {
	if err := ValidateBars(bars, s.now()); err != nil {
		return Counts{}, err
	}
	began := time.Now()
	b := newBarBatch(bars)
	stored, err := settled(ctx, s, func(ctx context.Context, l layout) (int64, error) { return l.storeBars(ctx, b) })
	s.written.note(began, int(stored), err)
	if err != nil {
		return Counts{}, explainWrite(err, "bars", len(bars), func(i int) string { return bars[i].Symbol })
	}
	return Counts{Stored: int(stored), Duplicates: len(bars) - int(stored)}, nil
}

// explainWrite names the field that is to blame, where one is.
func explainWrite(err error, table string, n int, symbol func(int) string) error {
	path := func(symbols []string) string {
		return pathOf(n, func(i int) bool { return slices.Contains(symbols, symbol(i)) }, table+"[%d].symbol")
	}
	var unknown *UnknownInstrument
	var deleted *DeletedInstrument
	switch {
	case errors.As(err, &unknown):
		unknown.Field = path(unknown.Symbols)
		return unknown
	case errors.As(err, &deleted):
		deleted.Field = path(deleted.Symbols)
		return deleted
	}
	return fmt.Errorf("storing %d %s: %w", n, table, broken(err, table))
}

// tickKey is the identity of a tick within its batch: the place of its symbol
// in the batch, and microseconds of Unix time.
type tickKey struct {
	symbol int32
	at     int64
	trade  int64
}

func (k tickKey) compare(o tickKey) int {
	return cmp.Or(cmp.Compare(k.symbol, o.symbol), cmp.Compare(k.at, o.at), cmp.Compare(k.trade, o.trade))
}

// tickBatch is a batch of ticks as columns. The columns are sorted by symbol,
// time and trade: batches that overlap take their row locks in one order, so
// that they cannot deadlock.
type tickBatch struct {
	// symbols are the distinct symbols, sorted; of are the places in it of
	// the rows.
	symbols         []string
	of              []int32
	ats             []time.Time
	trades          []int64
	prices, volumes []float64
	// keys are in the order given.
	keys []tickKey
}

func newTickBatch(ticks []Tick) *tickBatch {
	n := len(ticks)
	symbols, of := distinct(n, func(i int) string { return ticks[i].Symbol })
	b := &tickBatch{
		symbols: symbols, of: make([]int32, n), keys: make([]tickKey, n),
		ats: make([]time.Time, n), trades: make([]int64, n), prices: make([]float64, n), volumes: make([]float64, n),
	}
	order := make([]int, n)
	for i := range ticks {
		b.keys[i] = tickKey{of[i], ticks[i].At.UnixMicro(), ticks[i].Trade}
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return b.keys[x].compare(b.keys[y]) })
	for to, from := range order {
		t := &ticks[from]
		b.of[to], b.ats[to], b.trades[to] = of[from], t.At, t.Trade
		b.prices[to], b.volumes[to] = t.Price, t.Volume
	}
	return b
}

// barBatch is a batch of bars as columns, sorted by symbol and day.
type barBatch struct {
	symbols                            []string
	of                                 []int32
	days                               []time.Time
	opens, highs, lows, closes, volume []float64
}

func newBarBatch(bars []Bar) *barBatch {
	n := len(bars)
	symbols, of := distinct(n, func(i int) string { return bars[i].Symbol })
	b := &barBatch{
		symbols: symbols, of: make([]int32, n), days: make([]time.Time, n), opens: make([]float64, n),
		highs: make([]float64, n), lows: make([]float64, n), closes: make([]float64, n), volume: make([]float64, n),
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(of[x], of[y]), bars[x].Day.Compare(bars[y].Day))
	})
	for to, from := range order {
		r := &bars[from]
		year, month, day := r.Day.Date()
		b.of[to], b.days[to] = of[from], time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		b.opens[to], b.highs[to], b.lows[to] = r.Open, r.High, r.Low
		b.closes[to], b.volume[to] = r.Close, r.Volume
	}
	return b
}

// distinct returns the distinct symbols of n rows, sorted, and the place in
// them of each row's symbol.
func distinct(n int, symbol func(int) string) (symbols []string, of []int32) {
	place := make(map[string]int32)
	for i := range n {
		if _, seen := place[symbol(i)]; !seen {
			place[symbol(i)] = 0
			symbols = append(symbols, symbol(i))
		}
	}
	slices.Sort(symbols)
	for i, s := range symbols {
		place[s] = int32(i)
	}
	of = make([]int32, n)
	for i := range n {
		of[i] = place[symbol(i)]
	}
	return symbols, of
}
