package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/drive"
)

func healthSteps() []Definition {
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^a monitor asks for the health ([\d,]+) times$`,
			Example: "a monitor asks for the health 200 times",
			Help:    "Asks the three health questions of version 1 that often, and compares every answer byte for byte with the golden files. An answer that is not there within 5 seconds is missed.",
			Yields:  []Yield{{"version 1 answers that changed", "", Share}, {"health answers missed", "", Share}, {"health answer", "ms", Histogram}},
			Do:      monitorAsks,
		},
		{
			Keyword: "When",
			Pattern: `^an operator reads the database health ([\d,]+) times a second for ([\d,]+) seconds? while the market trades ([\d,]+) prices a second$`,
			Example: "an operator reads the database health 10 times a second for 4 seconds while the market trades 50 prices a second",
			Help:    "Reads the health of the database that often under that load, and checks every answer. An answer that is not there within 5 seconds is missed.",
			Yields: []Yield{
				{"answers that break their schema", "", Share}, {"answers without a figure", "", Share}, {"health answers missed", "", Share},
				{"time until the figures are complete", "s", Amount}, {"health answer", "ms", Histogram}, {"age of the figures", "ms", Histogram},
			},
			Do: operatorReads,
		},
		{
			Keyword: "When",
			Pattern: `^the database stops answering for ([\d,]+) seconds?$`,
			Example: "the database stops answering for 5 seconds",
			Help:    "Shuts the service out of its database for that time, while a monitor keeps asking. What is not told within 30 seconds counts as never told.",
			Yields: []Yield{
				{"time until the trouble is told", "s", Amount}, {"time until the recovery is told", "s", Amount},
				{"changes never told", "", Share}, {"liveness answers missed", "", Share}, {"health answers missed", "", Share}, {"health answer", "ms", Histogram},
			},
			Do: databaseStops,
		},
		{
			Keyword: "When",
			Pattern: `^an operator asks every question ([\d,]+) times? a second for ([\d,]+) seconds? while a partition of the prices is locked$`,
			Example: "an operator asks every question 2 times a second for 30 seconds while a partition of the prices is locked",
			Help:    "Locks the newest partition of the prices so that nobody can even read it, and asks all that the service answers about itself that often: health, database, performance, partitions, plans, history and alerts. Listens to the live figures meanwhile. An answer that is not there within 5 seconds is missed.",
			Yields: []Yield{
				{"answers that break their schema", "", Share}, {"health answers missed", "", Share}, {"health answer", "ms", Histogram},
				{"old figures told as fresh", "", Share}, {"pause between figures", "ms", Histogram},
			},
			Do: operatorAsksUnderLock,
		},
		{
			Keyword: "When",
			Pattern: `^the targets that the service shows are compared with these:$`,
			Example: "the targets that the service shows are compared with these:",
			Help:    "Asks the program what its figures of performance are to reach and compares that, word for word, with a table of the columns figure and target.",
			Yields:  []Yield{{"targets that differ from the table", "", Amount}},
			Do:      targetsCompared,
		},
		{
			Keyword: "When",
			Pattern: `^an operator waits until the service has measured what the extension brought$`,
			Example: "an operator waits until the service has measured what the extension brought",
			Help:    "Asks for the figures of performance until the service has measured them by itself, which it does ten seconds after its start. A target is missed where the service says so: with all of an interval. A machine on which there is no time for a figure decides nothing.",
			Yields: []Yield{
				{"figures without a value", "", Amount}, {"targets missed", "", Amount}, {"time until the figures are measured", "s", Amount},
				{"answers that break their schema", "", Share},
			},
			Do: performanceAwaited,
		},
	}
}

func monitorAsks(ctx context.Context, times string) error {
	w := worldFrom(ctx)
	n, err := number(times)
	if err != nil {
		return err
	}
	seen, err := w.market.AskHealth(ctx, n)
	if err != nil {
		return fmt.Errorf("asking for the health: %w", err)
	}
	return w.measures.Add(seen)
}

func operatorReads(ctx context.Context, reads, length, rate string) error {
	w := worldFrom(ctx)
	n, err := numbers(reads, length, rate)
	if err != nil {
		return err
	}
	seen, err := w.market.ReadDatabaseHealth(ctx, drive.Reading{Rate: n[0], For: seconds(n[1]), PerSecond: n[2], Prices: w.prices})
	if err != nil {
		return fmt.Errorf("reading the database health: %w", err)
	}
	return w.measures.Add(seen)
}

func databaseStops(ctx context.Context, length string) error {
	w := worldFrom(ctx)
	n, err := number(length)
	if err != nil {
		return err
	}
	seen, err := w.market.Outage(ctx, drive.Outage{
		For: seconds(n), Begin: w.shutOut, End: w.letIn,
	})
	if err != nil {
		return fmt.Errorf("stopping the database: %w", err)
	}
	return w.measures.Add(seen)
}

func operatorAsksUnderLock(ctx context.Context, rate, length string) error {
	w := worldFrom(ctx)
	n, err := numbers(rate, length)
	if err != nil {
		return err
	}
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.AskUnderLock(ctx, drive.Blockade{
		For: seconds(n[1]), Rate: n[0],
		Lock: func(ctx context.Context) (drive.Hold, error) { return drive.HoldPartition(ctx, w.database) },
	})
	if err != nil {
		return err
	}
	return w.measures.Add(seen)
}

func targetsCompared(ctx context.Context, table *godog.Table) error {
	w := worldFrom(ctx)
	rows := cells(table)
	if len(rows) == 0 || !slices.Equal(rows[0], drive.TargetColumns()) {
		return fmt.Errorf("a table of targets has the columns %s", strings.Join(drive.TargetColumns(), ", "))
	}
	targets, err := drive.PerformanceTargets(ctx, w.bench.config.Service)
	if err != nil {
		return err
	}
	return w.measures.Add(drive.CompareTargets(targets, rows[1:]))
}

func performanceAwaited(ctx context.Context) error {
	w := worldFrom(ctx)
	if w.market == nil {
		return errNoMarket
	}
	seen, err := w.market.AwaitPerformance(ctx)
	if err != nil {
		return fmt.Errorf("waiting for the figures of performance: %w", err)
	}
	return w.measures.Add(seen)
}

func cells(table *godog.Table) [][]string {
	var rows [][]string
	for _, row := range table.Rows {
		var texts []string
		for _, cell := range row.Cells {
			texts = append(texts, strings.TrimSpace(cell.Value))
		}
		rows = append(rows, texts)
	}
	return rows
}
