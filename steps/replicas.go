package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
)

func replicaSteps() []Definition {
	yields := []Yield{
		{"take-over", "s", Amount}, {"messages missing in the sequence", "", Share}, {"messages told twice", "", Share},
		{"messages that differ between services", "", Share}, {"alerts never told", "", Share}, {"farewells never told", "", Share},
	}
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments?, served by ([\d,]+) services? whose operators are alerted as follows:$`,
			Example: "a market of 20 instruments, served by 3 services whose operators are alerted as follows:",
			Help:    "Gives the scenario a database and that many services on it. Their only alerts are those of the table, of the columns alert, watches, warning, critical, fires after and ends after.",
			Do:      marketServedByMany,
		},
		{
			Keyword: "When",
			Pattern: `^the service that collects is (killed|halted|stopped), with ([\d,]+) operators watching each$`,
			Example: "the service that collects is killed, with 100 operators watching each",
			Help: "Opens that many lines to each service and has a session of the database wait for another one, which the first alert of the table must tell, before and after the service that collects is killed, " +
				"halted and resumed later, or stopped with a farewell. Who watched one that is gone goes on at another one and asks for what was missed. Compares what every line was told, byte for byte.",
			Yields: yields,
			Do:     collectorEnds,
		},
		{
			Keyword: "Given",
			Pattern: `^everybody is connected to a service that follows$`,
			Example: "everybody is connected to a service that follows",
			Help:    "Finds one of the scenario's services that does not collect. All that is done in the scenario from here on is done there.",
			Do:      connectedToFollower,
		},
	}
}

func marketServedByMany(ctx context.Context, instruments, services string, table *godog.Table) error {
	w := worldFrom(ctx)
	n, err := numbers(instruments, services)
	if err != nil {
		return err
	}
	rules, file, err := w.rulesFile(ctx, table, alone)
	if err != nil {
		return err
	}
	dsn, err := w.bench.database(ctx, w, currentTemplate)
	if err != nil {
		return err
	}
	w.alerts = rules
	for i := range n[1] {
		name := fmt.Sprintf("service %d", i+1)
		if err := w.start(ctx, dsn, "--alert-rules", file, "--replica-name", name, "--connections", "4"); err != nil {
			return err
		}
		w.replicas = append(w.replicas, replica{drive.Replica{Name: name, Market: w.market}, w.service})
	}
	return w.list(ctx, n[0])
}

// replica is one of several services of a scenario.
type replica struct {
	drive.Replica
	service *environ.Service
}

func collectorEnds(ctx context.Context, how, watchers string) error {
	w := worldFrom(ctx)
	n, err := number(watchers)
	if err != nil {
		return err
	}
	if len(w.replicas) < 2 || len(w.alerts) == 0 {
		return fmt.Errorf("there are no services that could follow each other; begin with %q", replicaSteps()[0].Example)
	}
	fleet := drive.Fleet{Watchers: n, Trouble: drive.SessionsWait(w.database, w.alerts[0]), Farewell: how == "stopped"}
	for _, r := range w.replicas {
		switch r.End = r.service.Kill; how {
		case "halted":
			r.End, r.Resume = r.signal(syscall.SIGSTOP), r.signal(syscall.SIGCONT)
		case "stopped":
			r.End = r.signal(syscall.SIGTERM)
		}
		fleet.Replicas = append(fleet.Replicas, r.Replica)
	}
	seen, err := fleet.TakeOver(ctx)
	if err != nil {
		return fmt.Errorf("taking the service away that collects: %w", err)
	}
	return w.measures.Add(seen)
}

func connectedToFollower(ctx context.Context) error {
	w := worldFrom(ctx)
	fleet := drive.Fleet{}
	for _, r := range w.replicas {
		fleet.Replicas = append(fleet.Replicas, r.Replica)
	}
	follower, err := fleet.Follower(ctx)
	if err != nil {
		return err
	}
	w.market = follower.Market
	return nil
}

func (r replica) signal(s syscall.Signal) func() error {
	return func() error { return syscall.Kill(r.service.PID(), s) }
}

// company says whether the rules of a table are the only ones of a service.
type company bool

const (
	alone  company = false
	beside company = true // those that the service has by itself under other names
)

// rulesFile writes the rules of a table for a service of the scenario.
func (w *world) rulesFile(ctx context.Context, table *godog.Table, others company) (rules []drive.AlertRule, path string, err error) {
	rows, err := ruleRows(table)
	if err != nil {
		return nil, "", err
	}
	if rules, err = drive.RulesIn(rows); err != nil {
		return nil, "", err
	}
	own, err := drive.AlertRules(ctx, w.bench.config.Service, "")
	if err != nil {
		return nil, "", err
	}
	if others == beside {
		own = slices.DeleteFunc(own, func(o drive.AlertRule) bool {
			return !slices.ContainsFunc(rules, func(r drive.AlertRule) bool { return r.Name == o.Name && r.Measure == o.Measure })
		})
	}
	text, err := drive.RulesFile(rules, own)
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp("", "signoff-rules-")
	if err != nil {
		return nil, "", fmt.Errorf("writing the rules of alerts: %w", err)
	}
	w.later(func(context.Context) error { return os.RemoveAll(dir) })
	path = filepath.Join(dir, "rules.yaml")
	return rules, path, os.WriteFile(path, text, 0o600)
}

// ruleRows are the rows of a table of alerts, without its head.
func ruleRows(table *godog.Table) ([][]string, error) {
	var rows [][]string
	for _, row := range table.Rows {
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, strings.TrimSpace(cell.Value))
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], drive.RuleColumns()) {
		return nil, fmt.Errorf("a table of alerts has the columns %s", strings.Join(drive.RuleColumns(), ", "))
	}
	return rows[1:], nil
}
