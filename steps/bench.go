package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/evidence"
)

// Config is what a run of the scenarios needs.
type Config struct {
	Plan Plan
	// Postgres is the server that every scenario gets a database on.
	Postgres *environ.Postgres
	// Service is the path of the program under test, marketd.
	Service string
	// Against is the path of the program that Service is compared with; empty
	// compares with none.
	Against string
	// Seed decides every coin and every price of the run.
	Seed uint64
	// Watch is told what happens as it happens; the zero value tells nobody.
	Watch Watch
}

// Watch is told about the progress of a run, for people.
type Watch struct {
	Started  func(s evidence.Scenario, number, of int)
	Doing    func(what string)
	Finished func(s evidence.Scenario)
}

// Findings is what a run of the scenarios left behind.
type Findings struct {
	Features  []evidence.Feature
	Accounts  []evidence.Account
	SelfTests []evidence.SelfTest
	Passages  []evidence.Passage
	Proofs    []evidence.Proof
	Charts    []evidence.Chart
	Queries   []evidence.Query
	Facts     []evidence.Fact
	Cucumber  []byte // cucumber.json
}

// bench is what all scenarios of a run share.
type bench struct {
	config      Config
	plan        *Plan
	calibration market.Calibration
	started     time.Time

	templates map[string]bool
	databases int
	features  []evidence.Feature
	accounts  []evidence.Account
	selfTests []evidence.SelfTest
	passages  []evidence.Passage
	proofs    []evidence.Proof
	charts    []evidence.Chart
	queries   []evidence.Query
	facts     []evidence.Fact
	ran       int
}

func newBench(config Config) (*bench, error) {
	bars, _, err := market.Sample()
	if err != nil {
		return nil, fmt.Errorf("reading the market sample: %w", err)
	}
	calibration, err := market.Calibrate(bars)
	if err != nil {
		return nil, fmt.Errorf("calibrating the market on the sample: %w", err)
	}
	return &bench{
		config:      config,
		plan:        &config.Plan,
		calibration: calibration,
		started:     time.Now(),
		templates:   map[string]bool{},
		features:    config.Plan.Features,
		facts: []evidence.Fact{
			{Name: "Fixtures", Value: fmt.Sprintf("%d real daily bars of %d symbols", len(bars), len(calibration.Instruments))},
		},
	}, nil
}

// Templates that databases of scenarios are copied from.
const (
	baselineTemplate = "baseline"
	currentTemplate  = "current"
	// undividedTemplate is the last schema that keeps all prices in one table.
	undividedTemplate = "undivided"
	// previousTemplate is the newest schema of the program compared with.
	previousTemplate = "previous"
)

// opening is the moment at which the prices of every scenario begin: the start
// of the day of the run, which the newest schema has a partition for.
func (b *bench) opening() time.Time { return b.started.UTC().Truncate(24 * time.Hour) }

// database makes an empty database of one schema for the scenario of w.
func (b *bench) database(ctx context.Context, w *world, schema string) (string, error) {
	if err := b.template(ctx, schema); err != nil {
		return "", err
	}
	return b.copy(ctx, w, schema)
}

// copy makes a database for the scenario of w from a template, and drops it
// when the scenario is over.
func (b *bench) copy(ctx context.Context, w *world, template string) (string, error) {
	b.databases++
	name := fmt.Sprintf("s%d", b.databases)
	dsn, err := b.config.Postgres.CreateDatabase(ctx, name, template)
	if err != nil {
		return "", fmt.Errorf("making a database for the scenario: %w", err)
	}
	w.later(func(ctx context.Context) error { return b.config.Postgres.DropDatabase(ctx, name) })
	return dsn, nil
}

// opener opens a database in one of the layouts.
type opener func(ctx context.Context, dsn string) (*drive.Side, error)

// history is the prices that comparisons start from, the same in every
// scenario that asks for as many.
func (b *bench) history(rows, instruments int) []market.Tick {
	return market.NewTicks(b.config.Seed, b.calibration, market.Symbols(instruments), b.opening(), time.Millisecond).Take(rows)
}

// filled makes a template of one schema that holds the prices, on first use.
func (b *bench) filled(ctx context.Context, schema string, prices []market.Tick, instruments int, open opener) (string, error) {
	name := fmt.Sprintf("%s_%d_%d", schema, len(prices), instruments)
	if b.templates[name] {
		return name, nil
	}
	if err := b.template(ctx, schema); err != nil {
		return "", err
	}
	dsn, err := b.config.Postgres.CreateDatabase(ctx, name, schema)
	if err != nil {
		return "", fmt.Errorf("filling a template of the %s schema: %w", schema, err)
	}
	b.doing("storing %d prices in the %s schema", len(prices), schema)
	if err := fill(ctx, dsn, prices, open); err != nil {
		// The next scenario that needs it makes it anew.
		return "", errors.Join(err, b.config.Postgres.DropDatabase(context.WithoutCancel(ctx), name))
	}
	b.templates[name] = true
	return name, nil
}

func fill(ctx context.Context, dsn string, prices []market.Tick, open opener) error {
	side, err := open(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(side.Fill(ctx, prices), side.Close(context.WithoutCancel(ctx)))
}

// template makes the empty template of one schema, on first use.
func (b *bench) template(ctx context.Context, schema string) error {
	if b.templates[schema] {
		return nil
	}
	dsn, err := b.config.Postgres.CreateDatabase(ctx, schema, "")
	if err != nil {
		return fmt.Errorf("making the template of the %s schema: %w", schema, err)
	}
	version, err := b.migrate(ctx, dsn, schema)
	if err != nil {
		return errors.Join(fmt.Errorf("making the template of the %s schema: %w", schema, err),
			b.config.Postgres.DropDatabase(context.WithoutCancel(ctx), schema))
	}
	b.facts = append(b.facts, evidence.Fact{Name: "Schema of the " + schema + " system", Value: fmt.Sprintf("%05d", version)})
	b.templates[schema] = true
	return nil
}

// migrate brings an empty database to a schema and returns its version.
func (b *bench) migrate(ctx context.Context, dsn, schema string) (version int64, err error) {
	operator := drive.Operator{Tool: b.config.Service, DSN: dsn}
	switch schema {
	case baselineTemplate:
		_, err = operator.UpgradeTo(ctx, drive.BaselineVersion)
	case undividedTemplate:
		_, err = operator.UpgradeTo(ctx, drive.UndividedVersion)
	case previousTemplate:
		operator.Tool = b.config.Against
		_, err = operator.Upgrade(ctx)
	default:
		_, err = operator.Upgrade(ctx)
	}
	if err != nil {
		return 0, err
	}
	return drive.SchemaVersion(ctx, dsn)
}

func (b *bench) doing(format string, args ...any) {
	if b.config.Watch.Doing != nil {
		b.config.Watch.Doing(fmt.Sprintf(format, args...))
	}
}

// scenario finds the record of a scenario by its id.
func (b *bench) scenario(id string) *evidence.Scenario {
	for i := range b.features {
		for j := range b.features[i].Scenarios {
			if b.features[i].Scenarios[j].ID == id {
				return &b.features[i].Scenarios[j]
			}
		}
	}
	return nil
}
