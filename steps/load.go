package steps

import (
	"context"
	"fmt"
	"slices"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
)

func loadSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the load rises from ([\d,]+) to ([\d,]+) prices a minute over ([\d,]+) seconds?$`,
			Example: "the load rises from 12,000 to 120,000 prices a minute over 20 seconds",
			Help:    "Offers prices at a rising rate. The ingest capacity is the highest rate that was offered for a whole second whose prices were all stored by its end, or within a tenth of a second after: nothing was left for later. The report draws what was due and what was stored, and says what saturated and how much room there is above the rate that the features promise.",
			Yields:  append([]Yield{{"ingest capacity", "a minute", Amount}, {"prices due", "a minute", Series}, {"prices stored in time", "a minute", Series}}, storedYields()...),
			Do:      loadRises,
		},
		{
			Keyword: "When",
			Pattern: `^many independent feeds send ([\d,]+) prices a minute for ([\d,]+) seconds?, counted in windows of ([\d,]+) seconds?$`,
			Example: "many independent feeds send 12,000 prices a minute for 60 seconds, counted in windows of 10 seconds",
			Help:    "Offers prices that come at random, independently of each other (a Poisson process), with that rate on average: some moments are quiet, and in others several prices come at once.",
			Yields:  storedYields(),
			Do:      manyFeedsSend,
		},
		{
			Keyword: "When",
			Pattern: `^the market trades ([\d,]+) prices a minute for ([\d,]+) seconds?, while traders ask ([\d,]+) questions a second about ([\d,]+) earlier trades$`,
			Example: "the market trades 12,000 prices a minute for 60 seconds, while traders ask 100 questions a second about 10,000 earlier trades",
			Help:    "Stores that many earlier trades and the real daily bars of the instruments. Then prices and questions come at the same time, each due at its moment whether or not the service keeps up. The questions are the earlier prices, their volume-weighted average, the bars, and the latest price, which must be none older than the newest one that was acknowledged before the question.",
			Yields: append([]Yield{
				{"answers that are wrong", "", Share}, {"answers that break their schema", "", Share}, {"query answer", "ms", Histogram},
				{"questions asked late", "%", Share}, {"questions dropped", "", Share},
			}, storedYields()...),
			Do: marketTradesAndTradersAsk,
		},
	}
}

func loadRises(ctx context.Context, from, to, length string) error {
	n, err := numbers(from, to, length)
	if err != nil {
		return err
	}
	w := worldFrom(ctx)
	var out drive.Outcome
	observer := &drive.Observer{DSN: w.database, Market: w.market}
	if w.service != nil {
		observer.Service = w.service.PID()
	}
	if err := observer.While(ctx, func() error {
		out, err = w.trade(ctx, load.Ramp(float64(n[0])/60, float64(n[1])/60, seconds(n[2])), drive.Session{Window: seconds(1)})
		return err
	}); err != nil {
		return err
	}
	w.tellRise(out.Rise(observer))
	return w.measures.Add(out.Capacity())
}

func manyFeedsSend(ctx context.Context, rate, length, window string) error {
	n, err := numbers(rate, length, window)
	if err != nil {
		return err
	}
	if n[2] == 0 || n[2] > n[1] {
		return fmt.Errorf("no window of %s seconds fits into %s seconds", window, length)
	}
	w := worldFrom(ctx)
	_, err = w.trade(ctx, load.Poisson(float64(n[0])/60, seconds(n[1]), w.seed), drive.Session{Window: seconds(n[2])})
	return err
}

func marketTradesAndTradersAsk(ctx context.Context, rate, length, questions, earlier string) error {
	n, err := numbers(rate, length, questions, earlier)
	if err != nil {
		return err
	}
	w := worldFrom(ctx)
	if w.prices == nil {
		return errNoMarket
	}
	enquiry, err := w.enquiry(n[3])
	if err != nil {
		return err
	}
	enquiry.Rate, enquiry.For = n[2], seconds(n[1])
	schedule := load.Constant(float64(n[0])/60, seconds(n[1]))
	out, err := w.market.TradeAndAsk(ctx, drive.Session{Schedule: schedule, Prices: w.prices.Take(drive.Due(schedule))}, enquiry)
	if err != nil {
		return err
	}
	if err := w.measures.Add(out.Measures); err != nil {
		return err
	}
	return w.loss(ctx, out.Ledger)
}

// enquiry is about the next prices of the scenario and the bars of its instruments.
func (w *world) enquiry(trades int) (drive.Enquiry, error) {
	symbols := market.Symbols(w.instruments)
	bars, _, err := market.Sample()
	if err != nil {
		return drive.Enquiry{}, fmt.Errorf("reading the market sample: %w", err)
	}
	return drive.Enquiry{
		Prices:  w.prices.Take(trades),
		Bars:    slices.DeleteFunc(bars, func(b market.Bar) bool { return !slices.Contains(symbols, b.Symbol) }),
		Symbols: symbols,
	}, nil
}
