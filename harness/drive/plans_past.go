package drive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// Past is what a market has behind it: the prices of some days, oldest first.
type Past struct {
	Prices []market.Tick
	// First is the first day, and Days is how many there are.
	First time.Time
	Days  int
}

// DailyBars sums the prices up by instrument and day, in the order of days.
func (p Past) DailyBars() []market.Bar {
	type key struct {
		symbol string
		day    time.Time
	}
	place := map[key]int{}
	var bars []market.Bar
	for _, t := range p.Prices {
		k := key{t.Symbol, t.At.UTC().Truncate(24 * time.Hour)}
		i, known := place[k]
		if !known {
			i = len(bars)
			place[k] = i
			bars = append(bars, market.Bar{Symbol: t.Symbol, Day: k.day, Open: t.Price, High: t.Price, Low: t.Price})
		}
		b := &bars[i]
		b.High, b.Low, b.Close = max(b.High, t.Price), min(b.Low, t.Price), t.Price
		b.Volume += t.Volume
	}
	return bars
}

// Remember puts a past into an empty database with the newest schema: a
// partition for each day, made by the tool, the prices and their daily bars.
// It leaves statistics that are up to date.
func (o Operator) Remember(ctx context.Context, p Past) error {
	// The tool looks as many years ahead for bars as days for prices: few.
	const ahead = 4
	for day := 0; day < p.Days; day += ahead + 1 {
		at := p.First.AddDate(0, 0, day)
		if _, _, err := (Upkeep{Verb: "ensure", Now: at, Ahead: min(ahead, p.Days-1-day)}).Call(ctx, o); err != nil {
			return err
		}
	}
	side, err := Current(ctx, o.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = side.Close(context.WithoutCancel(ctx)) }()
	if err := side.enlist(ctx, p.Prices); err != nil {
		return err
	}
	ticks := pgx.CopyFromSlice(len(p.Prices), func(i int) ([]any, error) { return side.row(p.Prices[i]), nil })
	if _, err := side.conn.CopyFrom(ctx, pgx.Identifier{"ticks"}, side.layout.copies, ticks); err != nil {
		return fmt.Errorf("storing %d prices of %d days: %w", len(p.Prices), p.Days, plain(err))
	}
	all := p.DailyBars()
	bars := pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		b := all[i]
		return []any{side.ids[b.Symbol], b.Day, b.Open, b.High, b.Low, b.Close, b.Volume}, nil
	})
	columns := []string{"instrument_id", "day", "open", "high", "low", "close", "volume"}
	if _, err := side.conn.CopyFrom(ctx, pgx.Identifier{"bars"}, columns, bars); err != nil {
		return fmt.Errorf("storing %d daily bars: %w", len(all), plain(err))
	}
	if _, err := side.conn.Exec(ctx, "VACUUM (ANALYZE) ticks, bars, instruments"); err != nil {
		return fmt.Errorf("gathering statistics: %w", plain(err))
	}
	return nil
}

// bySymbol divides the past by instrument, the instruments in order.
func (p Past) bySymbol() (symbols []string, of map[string]Enquiry) {
	of = map[string]Enquiry{}
	for _, t := range p.Prices {
		e, known := of[t.Symbol]
		if !known {
			symbols = append(symbols, t.Symbol)
		}
		e.Prices = append(e.Prices, t)
		of[t.Symbol] = e
	}
	for _, b := range p.DailyBars() {
		e := of[b.Symbol]
		e.Bars = append(e.Bars, b)
		of[b.Symbol] = e
	}
	slices.Sort(symbols)
	return symbols, of
}
