package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// batch is the arguments of one insert: a column an argument.
type batch []any

// Store returns the workload of storing prices in batches of size, each batch
// one statement and one transaction. A unit of work is one batch. The prices
// come from next, which must never repeat one.
func (s *Side) Store(ctx context.Context, size int, next func() market.Tick) (Workload, error) {
	settings, err := s.settings(ctx)
	if err != nil {
		return Workload{}, err
	}
	plan, err := s.explain(ctx, s.layout.insert, s.batch(s.stored[:min(size, len(s.stored))])...)
	if err != nil {
		return Workload{}, err
	}
	return Workload{
		Name:     s.Name,
		Text:     s.layout.insert,
		Plan:     plan,
		Rows:     int64(len(s.stored)),
		Settings: settings,
		Observe:  s.observer(ctx),
		Recheck:  s.settings,
		Reset:    s.reset,
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			return s.store(ctx, n, size, next)
		},
	}, nil
}

// store times n batches. The arguments are made beforehand: the clock runs
// for the database, not for the generator.
func (s *Side) store(ctx context.Context, n, size int, next func() market.Tick) (time.Duration, error) {
	batches := make([]batch, n)
	for i := range batches {
		prices := make([]market.Tick, size)
		for j := range prices {
			prices[j] = next()
		}
		batches[i] = s.batch(prices)
	}
	uninterrupted := context.WithoutCancel(ctx) // no watcher goroutine beside each statement
	start := time.Now()
	for i, b := range batches {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		tag, err := s.conn.Exec(uninterrupted, s.layout.insert, b...)
		if err != nil {
			return 0, fmt.Errorf("storing batch %d of %d on the %s side: %w", i+1, n, s.Name, plain(err))
		}
		if tag.RowsAffected() != int64(size) {
			return 0, fmt.Errorf("storing batch %d of %d on the %s side: %d of %d prices were kept", i+1, n, s.Name, tag.RowsAffected(), size)
		}
	}
	return time.Since(start), nil
}

func (s *Side) batch(prices []market.Tick) batch {
	at := make([]time.Time, len(prices))
	trade := make([]int64, len(prices))
	for i, p := range prices {
		at[i], trade[i] = p.At, p.Trade
	}
	if s.ids == nil {
		symbol := make([]string, len(prices))
		price, volume := make([]pgtype.Numeric, len(prices)), make([]pgtype.Numeric, len(prices))
		for i, p := range prices {
			symbol[i], price[i], volume[i] = p.Symbol, decimal(p.Price), decimal(p.Volume)
		}
		return batch{symbol, at, trade, price, volume}
	}
	id := make([]int32, len(prices))
	price, volume := make([]float64, len(prices)), make([]float64, len(prices))
	for i, p := range prices {
		id[i], price[i], volume[i] = s.ids[p.Symbol], p.Price, p.Volume
	}
	return batch{id, at, trade, price, volume}
}
