package steps

import (
	"context"
	"errors"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

func safetySteps() []Definition {
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments? with ([\d,]+) prices$`,
			Example: "a market of 20 instruments with 1,000 prices",
			Help:    "Gives the scenario a database and a service of its own, lists that many instruments and stores that many prices of them.",
			Do:      aMarketWithPrices,
		},
		{
			Keyword: "When",
			Pattern: `^the operator deletes ([\d,]+) instruments? and brings (?:it|them) back$`,
			Example: "the operator deletes 3 instruments and brings them back",
			Help:    "Deletes instruments that were traded, looks for them in every answer there is, tries to trade them, brings them back and compares every row.",
			Yields: []Yield{
				{"deleted instruments still shown", "", Share}, {"deleted instruments that cannot be seen", "", Share},
				{"writes to deleted instruments taken", "", Share}, {"history rows lost", "", Share}, {"instruments that did not come back", "", Share},
			},
			Do: retires,
		},
		{
			Keyword: "When",
			Pattern: `^somebody tries to remove instruments with a history$`,
			Example: "somebody tries to remove instruments with a history",
			Help:    "Tries, past the service and straight in the database, every way in which the history of an instrument could go with it. What gets through is taken back.",
			Yields:  []Yield{{"removals of history that went through", "", Share}, {"history rows lost", "", Share}},
			Do:      destroys,
		},
		{
			Keyword: "When",
			Pattern: `^somebody offers prices and bars that cannot be true$`,
			Example: "somebody offers prices and bars that cannot be true",
			Help:    "Offers a high below the low, negative volumes, a price of next week and the like: to the service, and past it, straight into the tables.",
			Yields:  []Yield{{"impossible rows taken", "", Share}, {"impossible rows let in", "", Share}},
			Do:      offersImpossible,
		},
		{
			Keyword: "When",
			Pattern: `^the same ([\d,]+) prices are sent again, and once more with other figures$`,
			Example: "the same 500 prices are sent again, and once more with other figures",
			Help:    "Stores a batch, sends it a second time, and a third time with other figures under the same identities. Nothing that is stored may change, and the sender must be told.",
			Yields:  []Yield{{"rows changed by repetition", "", Share}, {"repetitions not told", "", Share}},
			Do:      sentAgain,
		},
	}
}

func aMarketWithPrices(ctx context.Context, instruments, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	if err := aMarket(ctx, instruments); err != nil {
		return err
	}
	return fill(ctx, w.database, w.prices.Take(n), drive.Current)
}

// keep has an act of the scenario's service keep what it yields.
func (w *world) keep(act func() (measure.Set, error)) error {
	if w.market == nil || w.prices == nil {
		return errNoMarket
	}
	seen, err := act()
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}

func retires(ctx context.Context, instruments string) error {
	w := worldFrom(ctx)
	n, err := number(instruments)
	if err != nil {
		return err
	}
	if n == 0 || n > w.instruments {
		return errors.New("there are not as many instruments in this market")
	}
	return w.keep(func() (measure.Set, error) { return w.market.Retire(ctx, w.operator(), market.Symbols(n)) })
}

func destroys(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.keep(func() (measure.Set, error) {
		seen, tried, err := w.operator().DestroyHistory(ctx)
		w.tell(tried)
		return seen, err
	})
}

func offersImpossible(ctx context.Context) error {
	w := worldFrom(ctx)
	err := w.keep(func() (measure.Set, error) {
		seen, tried, err := w.market.OfferImpossible(ctx, market.Symbols(1)[0])
		w.tell(tried)
		return seen, err
	})
	if err != nil {
		return err
	}
	return w.keep(func() (measure.Set, error) {
		seen, tried, err := w.operator().ForceImpossible(ctx)
		w.tell(tried)
		return seen, err
	})
}

func sentAgain(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	return w.keep(func() (measure.Set, error) { return w.market.Repeat(ctx, w.operator(), w.prices.Take(n)) })
}

// tell notes what was tried and should not have succeeded.
func (w *world) tell(tried []drive.Attempt) {
	for _, a := range tried {
		if a.Taken {
			w.record.Notes = append(w.record.Notes, "Went through: "+a.What+".")
		}
	}
}
