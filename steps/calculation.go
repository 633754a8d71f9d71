package steps

import (
	"context"
	"fmt"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

func calculationSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^both systems calculate the (sum|avg|stddev|vwap|filter|moving average) of all trades$`,
			Example: "both systems calculate the vwap of all trades",
			Help:    "Calculates over all stored trades on both sides in interleaved pairs, and compares the answers, all together and instrument by instrument: the decimal baseline is taken for exact. Sum, avg and stddev are of the traded value, price × volume; vwap is the volume-weighted average price; filter is the traded value of the trades worth more than 2,000; moving average is the average price of the last 20 trades of each instrument, at each trade, and is compared trade by trade.",
			Yields:  []Yield{{"float calculation ($1)", "× baseline", Pairs}, {"relative error ($1)", "parts per billion", Amount}},
			Do:      bothCalculate,
		},
		{
			Keyword: "When",
			Pattern: `^both systems sort all trades by their value$`,
			Example: "both systems sort all trades by their value",
			Help:    "Sorts all stored trades by price × volume, the largest first, on both sides in interleaved pairs, and compares the orders place by place: the decimal baseline is taken for exact. Trades of exactly equal value may stand in any order among themselves.",
			Yields:  []Yield{{"float calculation (sort)", "× baseline", Pairs}, {"places in the order that differ", "", Share}},
			Do:      bothSort,
		},
		{
			Keyword: "When",
			Pattern: `^a program calculates the (sum|vwap|moving average) of ([\d,]+) trades of ([\d,]+) instruments, in decimals and in floats$`,
			Example: "a program calculates the vwap of 60,000 trades of 200 instruments, in decimals and in floats",
			Help:    "Calculates in a Go program, without a database: with a library of decimal numbers (the baseline) and with float64, in interleaved pairs over the same prices, for each instrument. The answers are compared instrument by instrument, those of the moving average of 20 trades trade by trade: the decimals are taken for exact.",
			Yields:  []Yield{{"program calculation ($1)", "× baseline", Pairs}, {"relative error ($1)", "parts per billion", Amount}},
			Do:      programCalculates,
		},
	}
}

func bothCalculate(ctx context.Context, name string) error {
	w := worldFrom(ctx)
	if err := w.calculate(ctx, name); err != nil {
		return err
	}
	off, err := drive.RelativeError(ctx, name, w.baseline, w.current)
	if err != nil {
		return err
	}
	return w.measures.Add(relativeError(name, off))
}

func bothSort(ctx context.Context) error {
	w := worldFrom(ctx)
	if err := w.calculate(ctx, "sort"); err != nil {
		return err
	}
	off, err := drive.Misplaced(ctx, w.baseline, w.current)
	if err != nil {
		return err
	}
	return w.measures.Add(measure.Set{"places in the order that differ": {Share: &off}})
}

// calculate compares how fast both sides carry one calculation out.
func (w *world) calculate(ctx context.Context, name string) error {
	if w.baseline == nil {
		return errNoSides
	}
	baseline, err := w.baseline.Calculate(ctx, name)
	if err != nil {
		return err
	}
	current, err := w.current.Calculate(ctx, name)
	if err != nil {
		return err
	}
	return w.compare(ctx, fmt.Sprintf("float calculation (%s)", name), "prices/s", float64(baseline.Rows), measure.LeastBlock, baseline, current)
}

func programCalculates(ctx context.Context, name, prices, instruments string) error {
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	w := worldFrom(ctx)
	program, err := drive.NewProgram(w.bench.history(n[0], n[1]))
	if err != nil {
		return err
	}
	decimals, floats, off, err := program.Calculate(name)
	if err != nil {
		return err
	}
	if err := w.compare(ctx, fmt.Sprintf("program calculation (%s)", name), "prices/s", float64(n[0]), measure.LeastBlock, decimals, floats); err != nil {
		return err
	}
	return w.measures.Add(relativeError(name, off))
}

func relativeError(name string, off measure.Amount) measure.Set {
	return measure.Set{fmt.Sprintf("relative error (%s)", name): {Unit: "parts per billion", Amount: &off}}
}
