package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/drive"
)

func alertSteps() []Definition {
	alarm := []Yield{
		{"alert delay", "s", Amount}, {"all-clear delay", "s", Amount}, {"alerts never told", "", Share},
		{"alerts told too early", "", Share}, {"alert messages that break their schema", "", Share},
	}
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^the alerts that the service has by itself are compared with these:$`,
			Example: "the alerts that the service has by itself are compared with these:",
			Help:    "Asks the program for its rules and compares them, word for word, with a table of the columns alert, watches, warning, critical, fires after and ends after.",
			Yields:  []Yield{{"rules that differ from the table", "", Amount}},
			Do:      alertsCompared,
		},
		{
			Keyword: "When",
			Pattern: `^the database stops answering until operators are alerted of it$`,
			Example: "the database stops answering until operators are alerted of it",
			Help:    "Shuts everybody out of the scenario's database, lets them in again as soon as a listener hears the alert, and waits for the all-clear. Delays are beyond the time that the rule waits by itself.",
			Yields:  alarm,
			Do:      databaseStopsUntilAlerted,
		},
		{
			Keyword: "When",
			Pattern: `^each of the ([\d,]+) connections is kept busy until operators are alerted of it$`,
			Example: "each of the 2 connections is kept busy until operators are alerted of it",
			Help:    "Locks the prices in the database until a price waits on every connection of the service, gives the lock back as soon as a listener hears the alert, and waits for the all-clear. Delays are beyond the time that the rule waits by itself.",
			Yields:  alarm,
			Do:      connectionsBusyUntilAlerted,
		},
	}
}

func alertsCompared(ctx context.Context, table *godog.Table) error {
	w := worldFrom(ctx)
	var rows [][]string
	for _, row := range table.Rows {
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, strings.TrimSpace(cell.Value))
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], drive.RuleColumns()) {
		return fmt.Errorf("a table of alerts has the columns %s", strings.Join(drive.RuleColumns(), ", "))
	}
	rules, err := drive.AlertRules(ctx, w.bench.config.Service)
	if err != nil {
		return err
	}
	return w.measures.Add(drive.CompareRules(rules, rows[1:]))
}

func databaseStopsUntilAlerted(ctx context.Context) error {
	w := worldFrom(ctx)
	if w.market == nil {
		return errNoMarket
	}
	return w.alarm(ctx, "database_unreachable", func(rule drive.AlertRule) drive.Alarm {
		return drive.Alarm{Rule: rule, Begin: w.shutOut, End: w.letIn}
	})
}

func connectionsBusyUntilAlerted(ctx context.Context, connections string) error {
	w := worldFrom(ctx)
	n, err := number(connections)
	if err != nil {
		return err
	}
	if w.prices == nil {
		return errNoMarket
	}
	return w.alarm(ctx, "pool_usage", func(rule drive.AlertRule) drive.Alarm {
		return w.market.BusyPool(rule, drive.Rush{
			Connections: n, Prices: w.prices.Take(n),
			Hold: func(ctx context.Context) (drive.Hold, error) { return drive.HoldPrices(ctx, w.database) },
		})
	})
}

// alarm plays a trouble that the service's own rule of that name must tell.
func (w *world) alarm(ctx context.Context, name string, trouble func(drive.AlertRule) drive.Alarm) error {
	rules, err := drive.AlertRules(ctx, w.bench.config.Service)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rules, func(r drive.AlertRule) bool { return r.Name == name })
	if at < 0 {
		return fmt.Errorf("the service has no alert %s", name)
	}
	seen, err := w.market.Alarm(ctx, trouble(rules[at]))
	if err != nil {
		return fmt.Errorf("waiting for the alert %s: %w", name, err)
	}
	return w.measures.Add(seen)
}

func (w *world) shutOut(ctx context.Context) error {
	return drive.ShutOut(ctx, w.bench.config.Postgres.DSN(""), w.databaseName())
}

func (w *world) letIn(ctx context.Context) error {
	return drive.LetIn(ctx, w.bench.config.Postgres.DSN(""), w.databaseName())
}
