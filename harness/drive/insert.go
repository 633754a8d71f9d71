package drive

import (
	"context"
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
	return s.StoreBy(ctx, Unnest, size, next)
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
