package steps

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// world is what one scenario knows: its own database, its own service, and
// what was measured so far. It is made before the scenario and torn down after.
type world struct {
	bench  *bench
	record *evidence.Scenario
	rows   []row
	seed   uint64

	database    string            // DSN of the scenario's own database
	server      *environ.Postgres // a server of the scenario's own, which it may kill or bring into trouble
	service     *environ.Service
	replicas    []replica         // of a scenario with several services; service is the last
	alerts      []drive.AlertRule // that the scenario gave its services
	market      *drive.Market
	gallery     *drive.Gallery
	prices      *market.Ticks
	past        drive.Past
	instruments int
	traders     int
	stalled     int
	pace        int // at which the market has traded, in prices a second

	baseline, current *drive.Side
	previous, tested  *drive.Release // of a comparison with another version

	measures measure.Set
	cleanup  []func(context.Context) error
}

type worldKey struct{}

// worldFrom returns the world of the scenario that runs in ctx. Outside of one
// there is none, and no step runs there.
func worldFrom(ctx context.Context) *world {
	w, _ := ctx.Value(worldKey{}).(*world)
	return w
}

func (b *bench) newWorld(record *evidence.Scenario) *world {
	return &world{
		bench:    b,
		record:   record,
		rows:     b.plan.rows[record.ID],
		seed:     b.seedOf(record.ID),
		measures: measure.Set{},
	}
}

// seedOf gives each scenario and each proof the seed that its evidence is
// checked for.
func (b *bench) seedOf(id string) uint64 { return evidence.SeedOf(b.config.Seed, id) }

// later has f called when the scenario is over, whatever came of it; what was
// put up last is torn down first.
func (w *world) later(f func(context.Context) error) { w.cleanup = append(w.cleanup, f) }

// tearDownTime bounds how long a scenario may take to put everything away.
const tearDownTime = 20 * time.Second

func (w *world) tearDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tearDownTime)
	defer cancel()
	var problems []error
	for _, f := range slices.Backward(w.cleanup) {
		problems = append(problems, f(ctx))
	}
	w.cleanup = nil
	return errors.Join(problems...)
}

// explain keeps the last words of a service that ended by itself, or whose
// scenario could not be carried out, while they can still be had.
func (w *world) explain() {
	if w.service == nil {
		return
	}
	select {
	case <-w.service.Exited():
		w.record.Broken = strings.TrimSpace("the service ended by itself; " + w.record.Broken)
	default:
		if w.record.Broken == "" {
			return
		}
	}
	if tail := lastLines(w.service.LogTail(), logLines); tail != "" {
		w.record.Notes = append(w.record.Notes, "The service said last:\n"+tail)
	}
}

// logLines is how much of a service's log is kept in the record, in lines.
const logLines = 8

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// open gives the scenario a database with the newest schema and a service of
// its own on it.
func (w *world) open(ctx context.Context) error {
	dsn, err := w.bench.database(ctx, w, currentTemplate)
	if err != nil {
		return err
	}
	return w.start(ctx, dsn)
}

// start gives the scenario a service of its own on a database; args are further
// arguments of the service.
func (w *world) start(ctx context.Context, dsn string, args ...string) error {
	var err error
	w.database = dsn
	w.service, err = environ.StartService(ctx, environ.ServiceOptions{Path: w.bench.config.Service, DSN: dsn, Args: args, Guard: w.bench.config.Postgres})
	if err != nil {
		return fmt.Errorf("starting the service: %w", err)
	}
	w.later(w.service.Stop)
	w.market = drive.NewMarket(w.service.URL(), connections)
	w.later(func(context.Context) error { w.market.Close(); return nil })
	return nil
}

// connections is how many requests a scenario may have under way at a time.
const connections = 64

// list brings n instruments to the market and starts the generator of prices.
func (w *world) list(ctx context.Context, n int) error {
	symbols := market.Symbols(n)
	w.instruments = n
	w.prices = w.generator(w.bench.opening())
	if w.market == nil {
		return nil
	}
	return w.market.List(ctx, symbols)
}

// generator makes prices of the scenario's instruments from a moment on; equal
// calls give equal prices.
func (w *world) generator(from time.Time) *market.Ticks {
	return market.NewTicks(w.seed, w.bench.calibration, market.Symbols(w.instruments), from, time.Millisecond)
}

// databaseName is the name of the scenario's database on its server.
func (w *world) databaseName() string {
	address, err := url.Parse(w.database)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(address.Path, "/")
}

// operator is who upgrades and rolls back the scenario's database.
func (w *world) operator() drive.Operator {
	return drive.Operator{Tool: w.bench.config.Service, DSN: w.database}
}

// loss writes the comparison of what was acknowledged with what was found into
// the record and the measures.
func (w *world) loss(ctx context.Context, ledger *drive.Ledger) error {
	account, err := drive.CountLosses(ctx, w.database, ledger)
	if err != nil {
		return err
	}
	w.bench.accounts = append(w.bench.accounts, evidence.Account{
		Scenario: w.record.ID, Title: w.record.Title,
		Offered: account.Offered, Refused: account.Refused, Acknowledged: account.Acknowledged, Found: account.Found,
		Lost: account.Lost, Duplicated: account.Duplicated, Unexpected: account.Unexpected, Wrong: account.Wrong, Indeterminate: account.Indeterminate,
	})
	return w.measures.Add(account.Measures())
}
