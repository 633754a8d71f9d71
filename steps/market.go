package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/load"
)

func marketSteps() []Definition {
	stored := storedYields()
	watched := append([]Yield{
		{"delivery lag", "ms", Histogram}, {"prices delivered", "%", Share}, {"prices delivered wrong", "", Share}, {"lines that stalled", "", Share},
	}, stored...)
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments?$`,
			Example: "a market of 200 instruments",
			Help:    "Gives the scenario a database and a service of its own, and lists that many instruments: members of the S&P 500 first.",
			Do:      aMarket,
		},
		{
			Keyword: "When",
			Pattern: `^the market trades ([\d,]+) prices a second for ([\d,]+) seconds?$`,
			Example: "the market trades 200 prices a second for 10 seconds",
			Help:    "Publishes prices at that rate, each due at its moment whether or not the service keeps up, and notes what became of each and what every watching trader received, and when.",
			Yields:  watched,
			Do:      marketTradesASecond,
		},
		{
			Keyword: "When",
			Pattern: `^the market trades ([\d,]+) prices a minute for ([\d,]+) seconds?, counted in windows of ([\d,]+) seconds?$`,
			Example: "the market trades 12,000 prices a minute for 30 seconds, counted in windows of 10 seconds",
			Help:    "The same with the rate written by the minute, and without traders. Prices stored are counted in each window: a good minute cannot hide a bad stretch. What is stored is compared with what was offered, figure by figure. The loss check is broken on purpose at the end, to see that it would have noticed.",
			Yields:  stored,
			Do:      marketTradesAMinute,
		},
		{
			Keyword: "When",
			Pattern: `^a trader asks ([\d,]+) questions about prices a second for ([\d,]+) seconds?, after ([\d,]+) trades$`,
			Example: "a trader asks 600 questions about prices a second for 2 seconds, after 1,000 trades",
			Help:    "Stores that many prices and the real daily bars of the instruments, and then asks for the latest price, the prices of a span, their volume-weighted average and the bars of one instrument after the other, each question when it is due. Every answer is compared with what was stored.",
			Yields:  []Yield{{"answers that are wrong", "", Share}, {"answers that break their schema", "", Share}, {"query answer", "ms", Histogram}},
			Do:      traderAsks,
		},
	}
}

// storedYields are the measures of every session of the market.
func storedYields() []Yield {
	return []Yield{
		{"store latency", "ms", Histogram}, {"prices stored", "a minute", Series}, {"prices dropped", "", Share}, {"prices refused", "", Share},
		{"prices offered late", "%", Share},
		{"acknowledged prices lost", "", Share}, {"prices stored twice", "", Share}, {"prices from nowhere", "", Share}, {"prices stored wrong", "", Share},
	}
}

func aMarket(ctx context.Context, instruments string) error {
	w := worldFrom(ctx)
	n, err := number(instruments)
	if err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	return w.list(ctx, n)
}

func marketTradesASecond(ctx context.Context, rate, length string) error {
	n, err := numbers(rate, length)
	if err != nil {
		return err
	}
	w := worldFrom(ctx)
	if err := w.seat(ctx); err != nil {
		return err
	}
	_, err = w.trade(ctx, load.Constant(float64(n[0]), seconds(n[1])), drive.Session{Window: time.Second})
	return err
}

func marketTradesAMinute(ctx context.Context, rate, length, window string) error {
	n, err := numbers(rate, length, window)
	if err != nil {
		return err
	}
	if n[2] == 0 || n[2] > n[1] {
		return fmt.Errorf("no window of %s seconds fits into %s seconds", window, length)
	}
	w := worldFrom(ctx)
	out, err := w.trade(ctx, load.Constant(float64(n[0])/60, seconds(n[1])), drive.Session{Window: seconds(n[2])})
	if err != nil {
		return err
	}
	return w.proveLossCheck(ctx, out.Ledger)
}

func traderAsks(ctx context.Context, rate, length, trades string) error {
	n, err := numbers(rate, length, trades)
	if err != nil {
		return err
	}
	w := worldFrom(ctx)
	if w.prices == nil {
		return errNoMarket
	}
	enquiry, err := w.enquiry(n[2])
	if err != nil {
		return err
	}
	enquiry.Rate, enquiry.For = n[0], seconds(n[1])
	seen, err := w.market.Enquire(ctx, enquiry)
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}

var errNoMarket = errors.New("there is no market to trade on; begin with \"Given a market of 200 instruments\"")

// numbers reads whole numbers with thousands separators.
func numbers(texts ...string) ([]int, error) {
	read := make([]int, len(texts))
	for i, text := range texts {
		var err error
		if read[i], err = number(text); err != nil {
			return nil, err
		}
	}
	return read, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// trade plays a session of the market, keeps what it yields, and compares what
// was acknowledged with what is stored.
func (w *world) trade(ctx context.Context, schedule load.Schedule, s drive.Session) (drive.Outcome, error) {
	if w.prices == nil {
		return drive.Outcome{}, errNoMarket
	}
	s.Schedule = schedule
	s.Prices = w.prices.Take(drive.Due(schedule))
	out, err := w.market.Trade(ctx, w.gallery, s)
	if err != nil {
		return out, err
	}
	if err := w.measures.Add(out.Measures); err != nil {
		return out, err
	}
	return out, w.loss(ctx, out.Ledger)
}

// proveLossCheck breaks the stored prices on purpose and records what the loss
// check said. A check that stays green then proves nothing.
func (w *world) proveLossCheck(ctx context.Context, ledger *drive.Ledger) error {
	done, err := drive.TestLossCheck(ctx, w.database, ledger)
	if err != nil {
		return err
	}
	for _, d := range done {
		w.bench.selfTests = append(w.bench.selfTests, evidence.SelfTest{Broke: d.Broke, Must: d.Must, Said: d.Said, Red: d.Red})
		if !d.Red {
			return fmt.Errorf("the loss check is blind: we %s, it must say %q and said %q", d.Broke, d.Must, d.Said)
		}
	}
	return nil
}
