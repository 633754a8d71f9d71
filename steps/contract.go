package steps

import (
	"context"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

func contractSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^a client of version 1 follows the market for ([\d,]+) seconds? at ([\d,]+) prices a second$`,
			Example: "a client of version 1 follows the market for 3 seconds at 20 prices a second",
			Help:    "Holds the conversation that version 1 clients hold (connect, ping, subscribe to prices and heartbeats, listen, leave the prices for the last third, listen to the end) while the market trades, and compares every message of version 1 byte for byte with the golden files. Types that it does not know, it ignores. The service sends a heartbeat every 30 seconds.",
			Yields: []Yield{
				{"version 1 messages that changed", "", Share}, {"version 1 answers that never came", "", Share}, {"version 1 clients disconnected", "", Share},
				{"prices after unsubscribing", "", Share}, {"heartbeats received", "", Share},
			},
			Do: versionOneFollows,
		},
		{
			Keyword: "When",
			Pattern: `^a client subscribes to prices alone for ([\d,]+) seconds? at ([\d,]+) prices a second$`,
			Example: "a client subscribes to prices alone for 3 seconds at 20 prices a second",
			Help:    "Subscribes to one channel while the market trades, compares each price with the one offered, and notes what else arrives.",
			Yields:  []Yield{{"messages from other channels", "", Share}, {"prices delivered", "%", Share}, {"prices delivered wrong", "", Share}},
			Do:      subscribesToPrices,
		},
		{
			Keyword: "When",
			Pattern: `^a client talks nonsense ([\d,]+) times$`,
			Example: "a client talks nonsense 20 times",
			Help:    "Sends messages that are no JSON, of no known type, about no known channel, or that resume from a number that makes no sense, and then asks something sensible.",
			Yields:  []Yield{{"nonsense without a clear answer", "", Share}, {"clients disconnected", "", Share}},
			Do:      talksNonsense,
		},
	}
}

func versionOneFollows(ctx context.Context, length, rate string) error {
	w := worldFrom(ctx)
	prices, lasts, err := w.session(length, rate)
	if err != nil {
		return err
	}
	seen, err := w.market.FollowAsVersionOne(ctx, prices, lasts)
	if err != nil {
		return fmt.Errorf("following the market as version 1: %w", err)
	}
	return w.measures.Add(seen)
}

func subscribesToPrices(ctx context.Context, length, rate string) error {
	w := worldFrom(ctx)
	prices, lasts, err := w.session(length, rate)
	if err != nil {
		return err
	}
	seen, err := w.market.Subscribe(ctx, "market_data", prices, lasts)
	if err != nil {
		return fmt.Errorf("subscribing to prices: %w", err)
	}
	return w.measures.Add(seen)
}

// session returns the prices of a session of that many seconds, and its length.
func (w *world) session(length, rate string) ([]market.Tick, time.Duration, error) {
	n, err := number(length)
	if err != nil {
		return nil, 0, err
	}
	perSecond, err := number(rate)
	if err != nil {
		return nil, 0, err
	}
	if w.market == nil {
		return nil, 0, errNoMarket
	}
	return w.prices.Take(n * perSecond), time.Duration(n) * time.Second, nil
}

func talksNonsense(ctx context.Context, times string) error {
	w := worldFrom(ctx)
	n, err := number(times)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.TalkNonsense(ctx, n)
	if err != nil {
		return fmt.Errorf("talking nonsense: %w", err)
	}
	return w.measures.Add(seen)
}
