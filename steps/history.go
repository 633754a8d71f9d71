package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/signoff-dev/signoff/harness/drive"
)

func historySteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the market trades ([\d,]+) prices a second for ([\d,]+) seconds?, and an operator looks back$`,
			Example: "the market trades 50 prices a second for 20 seconds, and an operator looks back",
			Help:    "Trades, and then asks the history of the service how many rows were stored each second, of which it tells the mean of ten seconds.",
			Yields: []Yield{
				{"trade that the history does not account for", "%", Amount}, {"history off the rate", "%", Amount},
				{"longest pause in the history", "s", Amount}, {"time until the history shows it", "s", Amount},
			},
			Do: looksBack,
		},
		{
			Keyword: "When",
			Pattern: `^the database stops answering for ([\d,]+) seconds?, and an operator looks back$`,
			Example: "the database stops answering for 4 seconds, and an operator looks back",
			Help:    "Shuts the service out of its database for that time and then asks the history how it was. What only the database can tell, nobody can know of that time.",
			Yields: []Yield{
				{"seconds invented", "", Share}, {"seconds invented by wider steps", "", Share}, {"time until the history goes on", "s", Amount},
			},
			Do: looksBackOnOutage,
		},
		{
			Keyword: "When",
			Pattern: `^the release is taken back and put on again while an operator watches$`,
			Example: "the release is taken back and put on again while an operator watches",
			Help: "Rolls the database back to the schema before the extension and upgrades it again while the service runs, and has a session of the database wait for another one in between, which the first alert of " +
				"the table must tell. An operator listens, a monitor asks, and at the end the history is looked at.",
			Yields: []Yield{
				{"messages that break their schema", "", Share}, {"messages missing in the sequence", "", Share}, {"messages out of sequence", "", Share},
				{"pause between figures", "ms", Histogram}, {"alerts never told", "", Share}, {"health answers missed", "", Share},
				{"answers that break their schema", "", Share}, {"longest pause in the history", "s", Amount},
				{"rollback, duration", "s", Amount}, {"upgrade, duration", "s", Amount},
			},
			Do: releaseIsWatched,
		},
	}
}

func looksBack(ctx context.Context, rate, length string) error {
	w := worldFrom(ctx)
	prices, lasts, err := w.session(length, rate)
	if err != nil {
		return err
	}
	seen, err := w.market.LookBack(ctx, prices, lasts)
	if err != nil {
		return fmt.Errorf("looking back: %w", err)
	}
	return w.measures.Add(seen)
}

func looksBackOnOutage(ctx context.Context, length string) error {
	w := worldFrom(ctx)
	n, err := number(length)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.LookBackOnOutage(ctx, drive.Outage{For: seconds(n), Begin: w.shutOut, End: w.letIn})
	if err != nil {
		return fmt.Errorf("looking back: %w", err)
	}
	return w.measures.Add(seen)
}

func releaseIsWatched(ctx context.Context) error {
	w := worldFrom(ctx)
	if w.market == nil {
		return errNoMarket
	}
	if len(w.alerts) == 0 {
		return errors.New("there is no alert that could be told while the release is away")
	}
	if err := fill(ctx, w.database, w.prices.Take(5000), drive.Current); err != nil {
		return err
	}
	seen, err := w.market.WatchRelease(ctx, drive.WatchedRelease{Operator: w.operator(), Trouble: drive.SessionsWait(w.database, w.alerts[0])})
	if err != nil {
		return fmt.Errorf("watching a release that is taken back: %w", err)
	}
	return w.measures.Add(seen)
}
