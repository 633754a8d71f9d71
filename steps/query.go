package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
)

func querySteps() []Definition {
	asked := []Yield{{"answers that are wrong", "", Share}}
	for _, name := range drive.TraderQueries() {
		asked = append(asked,
			Yield{"query (" + name + ")", "ms", Histogram}, Yield{"partitions read (" + name + ")", "", Amount},
			Yield{"sequential scans (" + name + ")", "", Share}, Yield{"rows estimated wrong by (" + name + ")", "times", Amount},
		)
	}
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments? that traded ([\d,]+) prices over the last ([\d,]+) days?$`,
			Example: "a market of 200 instruments that traded 60,000 prices over the last 30 days",
			Help:    "Gives the scenario a database and a service of its own, with a partition for each day, and evenly spread prices of the whole days up to this morning with their daily bars.",
			Do:      aMarketWithAPast,
		},
		{
			Keyword: "When",
			Pattern: `^a trader asks each question ([\d,]+) times, ([\d,]+) questions a second, about the last ([\d,]+) days?$`,
			Example: "a trader asks each question 200 times, 250 questions a second, about the last 7 days",
			Help: "Asks for the latest price, the prices of the span, their volume-weighted average and daily bars of one instrument after the other, and for the instruments, each question when it is due, after a few that are not counted. Every answer is compared with what was stored. " +
				"Then every query in the service's catalogue is planned as a connection plans it that has been open for a while, and the plans are kept.",
			Yields: asked,
			Do:     traderAsksEachQuestion,
		},
	}
}

func aMarketWithAPast(ctx context.Context, instruments, prices, days string) error {
	w := worldFrom(ctx)
	n, err := numbers(instruments, prices, days)
	if err != nil {
		return err
	}
	const mostDays = 365
	if n[1] == 0 || n[2] == 0 || n[2] > mostDays {
		return fmt.Errorf("%s prices over %s days: write at least one price and at most %d days", prices, days, mostDays)
	}
	dsn, err := w.bench.database(ctx, w, currentTemplate)
	if err != nil {
		return err
	}
	w.database = dsn
	w.past = w.bench.past(w.seed, n[0], n[1], n[2])
	if err := w.operator().Remember(ctx, w.past); err != nil {
		return err
	}
	return w.start(ctx, dsn)
}

// past is a market that traded evenly over the days before the opening.
func (b *bench) past(seed uint64, instruments, prices, days int) drive.Past {
	first := b.opening().AddDate(0, 0, -days)
	every := b.opening().Sub(first) / time.Duration(prices)
	traded := market.NewTicks(seed, b.calibration, market.Symbols(instruments), first, every).Take(prices)
	return drive.Past{Prices: traded, First: first, Days: days}
}

func traderAsksEachQuestion(ctx context.Context, times, rate, days string) error {
	w := worldFrom(ctx)
	n, err := numbers(times, rate, days)
	if err != nil {
		return err
	}
	if len(w.past.Prices) == 0 {
		return errors.New("there is nothing to ask about; begin with \"Given a market of 200 instruments that traded 60,000 prices over the last 30 days\"")
	}
	from, to := w.bench.opening().AddDate(0, 0, -n[2]), w.bench.opening()
	seen, err := w.market.Inquire(ctx, drive.Inquiry{Past: w.past, From: from, To: to, Each: n[0], Rate: n[1]})
	if err != nil {
		return err
	}
	if err := w.measures.Add(seen); err != nil {
		return err
	}
	return w.plans(ctx, drive.Sample{Symbol: w.past.Prices[0].Symbol, From: from, To: to, Since: time.Now().AddDate(0, 0, -drive.RecentDays), Limit: drive.UsualLimit})
}

// plans keeps the plan of every query that the service knows, and the figures
// of those that traders wait for.
func (w *world) plans(ctx context.Context, sample drive.Sample) error {
	queries, err := drive.ServiceQueries(ctx, w.bench.config.Service)
	if err != nil {
		return err
	}
	planned, err := drive.PlanQueries(ctx, w.database, queries, sample)
	if err != nil {
		return err
	}
	for _, p := range planned {
		w.bench.queries = append(w.bench.queries, evidence.Query{
			Scenario: w.record.ID, Name: p.Name, SQL: p.SQL,
			Plan: strings.Join(p.Plan.Lines(), "\n"), Shape: p.Plan.Shape(),
		})
	}
	figures, err := drive.PlanFigures(planned, drive.TraderQueries())
	if err != nil {
		return err
	}
	return w.measures.Add(figures)
}
