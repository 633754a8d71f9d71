package steps

import (
	"context"
	"fmt"
	"time"
)

func streamSteps() []Definition {
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) traders? watching the market$`,
			Example: "500 traders watching the market",
			Help:    "Opens a line to the service for each trader, who then receives everything that is sent.",
			Do:      tradersWatching,
		},
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) traders? whose line has stalled$`,
			Example: "5 traders whose line has stalled",
			Help:    "Opens lines that are never read, while the programs behind them go on asking, as often as they may, so that the answers fill each line and the service would have to wait to write to it. A full line is read after ten seconds at last. They count neither for the lag nor for the delivery of the others. A line that the service ended, or on which prices are missing when it is read at last, is one that stalled.",
			Do:      tradersStalled,
		},
		{
			Keyword: "When",
			Pattern: `^an operator follows the database for ([\d,]+) seconds?$`,
			Example: "an operator follows the database for 5 seconds",
			Help:    "Listens to the live figures of the database and checks every message against its schema and its number in the sequence. Silence is a pause too: before the first figure and after the last.",
			Yields: []Yield{
				{"messages that break their schema", "", Share}, {"messages missing in the sequence", "", Share},
				{"messages out of sequence", "", Share}, {"pause between figures", "ms", Histogram},
			},
			Do: operatorFollows,
		},
		{
			Keyword: "When",
			Pattern: `^an operator loses the line ([\d,]+) times? for ([\d,]+) seconds? and asks for what was missed$`,
			Example: "an operator loses the line 3 times for 3 seconds and asks for what was missed",
			Help:    "Listens to the live figures of the database, hangs up, and asks on a new line for all figures since the last one that was heard.",
			Yields: []Yield{
				{"messages missing in the sequence", "", Share}, {"messages told twice", "", Share}, {"messages out of sequence", "", Share},
				{"reconnections without an answer", "", Share}, {"messages that break their schema", "", Share},
			},
			Do: operatorReconnects,
		},
	}
}

func tradersWatching(ctx context.Context, n string) error {
	w := worldFrom(ctx)
	var err error
	w.traders, err = number(n)
	return err
}

func tradersStalled(ctx context.Context, n string) error {
	w := worldFrom(ctx)
	var err error
	w.stalled, err = number(n)
	return err
}

// seat gives every trader of the scenario a line.
func (w *world) seat(ctx context.Context) error {
	if w.market == nil {
		return errNoMarket
	}
	if w.gallery != nil || w.traders+w.stalled == 0 {
		return nil
	}
	gallery, err := w.market.Seat(ctx, w.traders, w.stalled)
	if err != nil {
		return err
	}
	w.gallery = gallery
	w.later(func(context.Context) error { gallery.Leave(); return nil })
	return nil
}

func operatorFollows(ctx context.Context, length string) error {
	w := worldFrom(ctx)
	n, err := number(length)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.Follow(ctx, time.Duration(n)*time.Second)
	if err != nil {
		return fmt.Errorf("following the database: %w", err)
	}
	return w.measures.Add(seen)
}

func operatorReconnects(ctx context.Context, times, away string) error {
	w := worldFrom(ctx)
	n, err := numbers(times, away)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.Reconnect(ctx, n[0], seconds(n[1]))
	if err != nil {
		return fmt.Errorf("losing the line to the market: %w", err)
	}
	return w.measures.Add(seen)
}
