package steps

import (
	"context"
	"fmt"
	"slices"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/drive"
)

func alertSteps() []Definition {
	return slices.Concat([]Definition{
		{
			Keyword: "When",
			Pattern: `^the alerts that the service has by itself are compared with these:$`,
			Example: "the alerts that the service has by itself are compared with these:",
			Help:    "Asks the program for its rules and compares them, word for word, with a table of the columns alert, watches, warning, critical, fires after and ends after.",
			Yields:  []Yield{{"rules that differ from the table", "", Amount}},
			Do:      alertsCompared,
		},
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments? whose operators are alerted as follows:$`,
			Example: "a market of 20 instruments whose operators are alerted as follows:",
			Help:    "Like a market of that many instruments, with a service that has these alerts instead of its own of the same names. The table has the columns alert, watches, warning, critical, fires after and ends after.",
			Do:      aMarketAlerted,
		},
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments? on a server of its own, whose operators are alerted as follows:$`,
			Example: "a market of 20 instruments on a server of its own, whose operators are alerted as follows:",
			Help:    "The same on a database server that nobody else uses, so that the whole of it may be in trouble.",
			Do:      aMarketAloneAlerted,
		},
	}, requestTroubles(), partitionTroubles(), serverTroubles())
}

func alertsCompared(ctx context.Context, table *godog.Table) error {
	w := worldFrom(ctx)
	rows, err := ruleRows(table)
	if err != nil {
		return err
	}
	rules, err := drive.AlertRules(ctx, w.bench.config.Service, "")
	if err != nil {
		return err
	}
	return w.measures.Add(drive.CompareRules(rules, rows))
}

func aMarketAlerted(ctx context.Context, instruments string, table *godog.Table) error {
	return worldFrom(ctx).openAlerted(ctx, instruments, table, worldFrom(ctx).sharedRoom)
}

func aMarketAloneAlerted(ctx context.Context, instruments string, table *godog.Table) error {
	return worldFrom(ctx).openAlerted(ctx, instruments, table, worldFrom(ctx).ownRoom)
}

// openAlerted starts a service with the rules of the table on a database that
// room makes, and lists instruments.
func (w *world) openAlerted(ctx context.Context, instruments string, table *godog.Table, room func(context.Context) (dsn string, err error)) error {
	n, err := number(instruments)
	if err != nil {
		return err
	}
	rules, file, err := w.rulesFile(ctx, table, beside)
	if err != nil {
		return err
	}
	w.alerts = rules
	dsn, err := room(ctx)
	if err != nil {
		return err
	}
	if err := w.start(ctx, dsn, "--alert-rules", file); err != nil {
		return err
	}
	return w.list(ctx, n)
}

func (w *world) sharedRoom(ctx context.Context) (dsn string, err error) {
	return w.bench.database(ctx, w, currentTemplate)
}

// ownRoom makes a database on a server of the scenario's own.
func (w *world) ownRoom(ctx context.Context) (dsn string, err error) {
	if w.server, err = w.bench.config.Postgres.Another(ctx); err != nil {
		return "", fmt.Errorf("starting a server of the scenario's own: %w", err)
	}
	w.later(w.server.Stop)
	if dsn, err = w.server.CreateDatabase(ctx, "market", ""); err != nil {
		return "", fmt.Errorf("making a database for the scenario: %w", err)
	}
	_, err = w.bench.migrate(ctx, dsn, currentTemplate)
	return dsn, err
}

// alarmYields are the measures of every trouble that an alert must tell.
func alarmYields() []Yield {
	return []Yield{
		{"alert delay", "s", Amount}, {"all-clear delay", "s", Amount}, {"alerts never told", "", Share},
		{"alerts told too early", "", Share}, {"alerts told again", "", Share}, {"alert messages that break their schema", "", Share},
		{"alert messages missed", "", Share}, {"other alerts told", "", Share},
	}
}

// told ends the help of every trouble.
const told = " Delays are beyond the time that the rule waits by itself."

// alarm plays a trouble that the rule of that name must tell: that of the
// scenario's table, or else the service's own.
func (w *world) alarm(ctx context.Context, name string, trouble func(drive.AlertRule) drive.Alarm) error {
	if w.market == nil || w.prices == nil {
		return errNoMarket
	}
	rules, err := drive.AlertRules(ctx, w.bench.config.Service, "")
	if err != nil {
		return err
	}
	rules = slices.Concat(w.alerts, rules)
	at := slices.IndexFunc(rules, func(r drive.AlertRule) bool { return r.Name == name })
	if at < 0 {
		return fmt.Errorf("there is no alert %s", name)
	}
	alarm := trouble(rules[at])
	alarm.Rule = rules[at]
	seen, err := w.market.Alarm(ctx, alarm)
	if err != nil {
		return fmt.Errorf("waiting for the alert %s: %w", name, err)
	}
	return w.measures.Add(seen)
}
