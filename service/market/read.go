package market

import (
	"context"
	"fmt"
	"time"
)

// Latest returns the newest tick of the instrument. It is ErrNoPrices when
// there is none, and an *UnknownInstrument for an instrument nobody registered
// and, unless deleted ones are included, for one that is deleted.
func (s *Store) Latest(ctx context.Context, symbol string, deleted Deleted) (Tick, error) {
	t, err := read(ctx, s, symbol, func(ctx context.Context, l layout) (Tick, error) {
		return l.latest(ctx, symbol, deleted != HideDeleted)
	})
	if err != nil {
		return Tick{}, fmt.Errorf("reading the latest price of %s: %w", symbol, err)
	}
	return t, nil
}

// Range returns the ticks of the instrument in the span, oldest first, at
// most limit of them. Its errors are those of Latest, but no prices are none.
func (s *Store) Range(ctx context.Context, symbol string, deleted Deleted, span Span, limit int) ([]Tick, error) {
	from, to := span.bounds()
	ticks, err := read(ctx, s, symbol, func(ctx context.Context, l layout) ([]Tick, error) {
		return l.ticks(ctx, symbol, deleted != HideDeleted, from, to, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("reading prices of %s: %w", symbol, err)
	}
	return ticks, nil
}

// VWAP returns the volume-weighted average price of the instrument in the
// span. It is ErrNoPrices when nothing was traded.
func (s *Store) VWAP(ctx context.Context, symbol string, deleted Deleted, span Span) (VWAP, error) {
	from, to := span.bounds()
	v, err := read(ctx, s, symbol, func(ctx context.Context, l layout) (VWAP, error) {
		return l.vwap(ctx, symbol, deleted != HideDeleted, from, to)
	})
	if err != nil {
		return VWAP{}, fmt.Errorf("reading the average price of %s: %w", symbol, err)
	}
	return v, nil
}

// Bars returns the bars of the instrument in the span, oldest first.
func (s *Store) Bars(ctx context.Context, symbol string, deleted Deleted, span Span) ([]Bar, error) {
	from, to := span.bounds()
	bars, err := read(ctx, s, symbol, func(ctx context.Context, l layout) ([]Bar, error) {
		return l.bars(ctx, symbol, deleted != HideDeleted, from, to)
	})
	if err != nil {
		return nil, fmt.Errorf("reading bars of %s: %w", symbol, err)
	}
	return bars, nil
}

func read[T any](ctx context.Context, s *Store, symbol string, do func(context.Context, layout) (T, error)) (T, error) {
	if problem := symbolProblem(symbol); problem != "" {
		var none T
		return none, &Invalid{Field: "symbol", Problem: problem}
	}
	return settled(ctx, s, do)
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
