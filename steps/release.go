package steps

import (
	"context"
	"fmt"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

func releaseSteps() []Definition {
	journey := []Yield{
		{"rows lost", "", Share}, {"rows changed", "", Share}, {"rows from nowhere", "", Share}, {"rollback, duration", "s", Amount}, {"upgrade, duration", "s", Amount},
	}
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments in a released system$`,
			Example: "20,000 prices of 50 instruments in a released system",
			Help:    "Stores that many prices in a database with the newest schema.",
			Do:      releasedSystem,
		},
		{
			Keyword: "Given",
			Pattern: `^a released system without bars$`,
			Example: "a released system without bars",
			Help:    "Gives the scenario an empty database with the newest schema.",
			Do:      emptySystem,
		},
		{
			Keyword: "When",
			Pattern: `^the release is taken back and put on again$`,
			Example: "the release is taken back and put on again",
			Help:    "Rolls the database back to the schema before the extension and upgrades it again, comparing every row at both stops.",
			Yields:  journey,
			Do:      thereAndBack,
		},
		{
			Keyword: "When",
			Pattern: `^the release is taken back, ([\d,]+) prices are stored, and it is put on again$`,
			Example: "the release is taken back, 5,000 prices are stored, and it is put on again",
			Help:    "The same, with prices that are written while the baseline serves.",
			Yields:  journey,
			Do:      thereAndBackWithPrices,
		},
		{
			Keyword: "When",
			Pattern: `^the operator takes in the real bars of 2016$`,
			Example: "the operator takes in the real bars of 2016",
			Help:    "Takes in the sample of real daily bars and compares what is stored with the file. Some of its rows are incomplete: they must be named, not stored.",
			Yields: []Yield{
				{"bars stored", "", Share}, {"bars lost", "", Share}, {"bars changed", "", Share}, {"rows left out silently", "", Share},
			},
			Do: takesInBars,
		},
	}
}

func releasedSystem(ctx context.Context, prices, instruments string) error {
	w := worldFrom(ctx)
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	if err := w.list(ctx, n[1]); err != nil {
		return err
	}
	if err := emptySystem(ctx); err != nil {
		return err
	}
	side, err := drive.Current(ctx, w.database)
	if err != nil {
		return err
	}
	fillErr := side.Fill(ctx, w.prices.Take(n[0]))
	if err := side.Close(ctx); err != nil {
		return fmt.Errorf("closing the connection: %w", err)
	}
	return fillErr
}

func emptySystem(ctx context.Context) error {
	w := worldFrom(ctx)
	var err error
	w.database, err = w.bench.database(ctx, w, currentTemplate)
	return err
}

func thereAndBack(ctx context.Context) error {
	w := worldFrom(ctx)
	seen, err := drive.Journey{Operator: w.operator()}.ThereAndBack(ctx)
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}

func thereAndBackWithPrices(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	seen, err := drive.Journey{
		Operator: w.operator(),
		Meanwhile: func(ctx context.Context) error {
			side, err := drive.Baseline(ctx, w.database)
			if err != nil {
				return err
			}
			defer func() { _ = side.Close(context.WithoutCancel(ctx)) }()
			return side.Fill(ctx, w.prices.Take(n))
		},
	}.ThereAndBack(ctx)
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}

func takesInBars(ctx context.Context) error {
	w := worldFrom(ctx)
	seen, err := w.operator().TakeIn(ctx, market.SampleCSV())
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}
