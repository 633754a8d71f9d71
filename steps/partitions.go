package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

func partitionSteps() []Definition {
	room := []Yield{{"days without a partition", "", Share}, {"rows in the default partition", "", Share}, {"detaches left pending", "", Share}}
	kept := func(verb string) []Yield {
		return append([]Yield{{verb + ", duration", "s", Amount}, {"rows lost or changed", "", Share}}, room...)
	}
	traded := []Yield{
		{"store latency", "ms", Histogram}, {"prices stored", "a minute", Series}, {"prices dropped", "", Share}, {"prices refused", "", Share},
		{"acknowledged prices lost", "", Share}, {"prices stored twice", "", Share}, {"prices from nowhere", "", Share}, {"prices stored wrong", "", Share},
	}
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^a new day opens with ([\d,]+) prices$`,
			Example: "a new day opens with 1,000 prices",
			Help:    "Trades prices of tomorrow through the service, and looks where they are kept.",
			Yields:  append(traded, room...),
			Do:      newDay,
		},
		{
			Keyword: "When",
			Pattern: `^a new day opens with ([\d,]+) prices although its partition was taken away$`,
			Example: "a new day opens with 1,000 prices although its partition was taken away",
			Help:    "The same after somebody dropped the partition of tomorrow by hand; the manager then puts things in order.",
			Yields:  append(append([]Yield{{"repair, duration", "s", Amount}, {"rows lost or changed", "", Share}}, traded...), room...),
			Do:      missingPartition,
		},
		{
			Keyword: "When",
			Pattern: `^the manager looks ahead at the end of the month$`,
			Example: "the manager looks ahead at the end of the month",
			Help:    "Has the manager make partitions ahead as on the last evening of this month.",
			Yields:  kept("ensure"),
			Do:      monthEnd,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) prices of a forgotten day were stored and the manager puts them in order$`,
			Example: "10,000 prices of a forgotten day were stored and the manager puts them in order",
			Help:    "Stores prices of a day without a partition past the service, so that they lie in the default partition, and has the manager repair that.",
			Yields:  kept("repair"),
			Do:      forgottenDay,
		},
		{
			Keyword: "When",
			Pattern: `^detaching a partition is broken off and the manager puts it in order$`,
			Example: "detaching a partition is broken off and the manager puts it in order",
			Help:    "Breaks off in the middle of detaching a partition, as a lost connection would, and has the manager repair that.",
			Yields:  kept("repair"),
			Do:      brokenDetach,
		},
		{
			Keyword: "When",
			Pattern: `^two managers work side by side while the market trades ([\d,]+) prices a second for ([\d,]+) seconds?$`,
			Example: "two managers work side by side while the market trades 200 prices a second for 60 seconds",
			Help:    "Lets two managers that do not know of each other, beside that of the service, make partitions and repair again and again under a load.",
			Yields:  append(append([]Yield{{"errors of the managers", "", Share}, {"partitions made", "", Amount}}, traded...), room...),
			Do:      rivals,
		},
		{
			Keyword: "When",
			Pattern: `^an operator asks ([\d,]+) times how the partitions are while one of them is locked$`,
			Example: "an operator asks 40 times how the partitions are while one of them is locked",
			Help:    "Locks a partition as nothing else can and asks for the state of all. The duration contains the start of the program.",
			Yields:  []Yield{{"status, duration", "ms", Histogram}, {"status answers missed", "", Share}, {"partitions not told", "", Share}},
			Do:      asksStatus,
		},
		{
			Keyword: "When",
			Pattern: `^the manager looks ahead beside ([\d,]+) partitions$`,
			Example: "the manager looks ahead beside 1,000 partitions",
			Help:    "Has the manager make partitions for that many days but a week, and then for the week as well, which is measured: it reads what is there and makes seven. The duration contains the start of the program.",
			Yields:  kept("ensure"),
			Do:      looksAheadBeside,
		},
	}
}

// daysAhead is how many days, counted from today, the manager of the service
// keeps ready.
const daysAhead = 4

// tomorrow is the midnight that begins the day after the run's.
func (b *bench) tomorrow() time.Time { return b.opening().AddDate(0, 0, 1) }

func newDay(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	if err := w.openDay(ctx, prices); err != nil {
		return err
	}
	return w.keep(func() (measure.Set, error) { return w.operator().Room(ctx, w.bench.tomorrow(), daysAhead-1) })
}

func missingPartition(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	if w.market == nil {
		return errNoMarket
	}
	if err := w.operator().TakeAway(ctx, w.bench.tomorrow()); err != nil {
		return err
	}
	if err := w.openDay(ctx, prices); err != nil {
		return err
	}
	return w.upkeep(ctx, drive.Upkeep{Verb: "repair"})
}

// openDay trades prices of tomorrow, within a second.
func (w *world) openDay(ctx context.Context, prices string) error {
	n, err := number(prices)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	w.prices = w.generator(w.bench.tomorrow())
	_, err = w.trade(ctx, load.Constant(float64(n), time.Second), drive.Session{Window: time.Second})
	return err
}

// upkeep has the manager do something and keeps what came of it.
func (w *world) upkeep(ctx context.Context, u drive.Upkeep) error {
	return w.keep(func() (measure.Set, error) {
		seen, done, err := w.operator().Keep(ctx, u)
		if err == nil && done.Skipped != "" {
			w.record.Notes = append(w.record.Notes, "The manager skipped: "+done.Skipped+".")
		}
		return seen, err
	})
}

func monthEnd(ctx context.Context) error {
	w := worldFrom(ctx)
	today := w.bench.opening()
	end := time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Minute)
	return w.upkeep(ctx, drive.Upkeep{Verb: "ensure", Now: end})
}

func looksAheadBeside(ctx context.Context, partitions string) error {
	w := worldFrom(ctx)
	n, err := number(partitions)
	if err != nil {
		return err
	}
	const week = 7
	if n <= week {
		return fmt.Errorf("the manager looks a week ahead; write more than %s partitions", partitions)
	}
	if w.market == nil {
		return errNoMarket
	}
	if _, _, err := (drive.Upkeep{Verb: "ensure", Ahead: n - week}).Call(ctx, w.operator()); err != nil {
		return err
	}
	return w.upkeep(ctx, drive.Upkeep{Verb: "ensure", Ahead: n})
}

func forgottenDay(ctx context.Context, prices string) error {
	w := worldFrom(ctx)
	n, err := number(prices)
	if err != nil {
		return err
	}
	if n == 0 || n > 80_000 {
		return fmt.Errorf("a day has a price each second; write 1 to 80,000 instead of %s", prices)
	}
	if w.market == nil {
		return errNoMarket
	}
	if err := w.operator().Forget(ctx, w.bench.opening().AddDate(0, 0, -40), n, forgottenTrade); err != nil {
		return err
	}
	return w.upkeep(ctx, drive.Upkeep{Verb: "repair"})
}

// forgottenTrade begins the trade numbers of prices that are stored past the
// service; no generator comes near it.
const forgottenTrade = 5_000_000_000

func brokenDetach(ctx context.Context) error {
	w := worldFrom(ctx)
	if w.market == nil {
		return errNoMarket
	}
	if err := w.operator().InterruptDetach(ctx, w.bench.opening().AddDate(0, 0, 2)); err != nil {
		return err
	}
	return w.upkeep(ctx, drive.Upkeep{Verb: "repair"})
}

func rivals(ctx context.Context, rate, length string) error {
	w := worldFrom(ctx)
	n, err := numbers(rate, length)
	if err != nil {
		return err
	}
	if w.market == nil || w.prices == nil {
		return errNoMarket
	}
	schedule := load.Constant(float64(n[0]), seconds(n[1]))
	out, err := drive.Rivals{
		Operator: w.operator(), Market: w.market,
		Session: drive.Session{Schedule: schedule, Prices: w.prices.Take(drive.Due(schedule)), Window: time.Second},
	}.Work(ctx)
	if err != nil {
		return err
	}
	if out.Trouble != nil {
		w.record.Notes = append(w.record.Notes, "A manager said: "+out.Trouble.Error())
	}
	return errors.Join(w.measures.Add(out.Measures), w.loss(ctx, out.Ledger))
}

func asksStatus(ctx context.Context, times string) error {
	w := worldFrom(ctx)
	n, err := number(times)
	if err != nil {
		return err
	}
	return w.keep(func() (measure.Set, error) {
		seen, _, err := w.operator().AskStatus(ctx, n, true)
		return seen, err
	})
}
