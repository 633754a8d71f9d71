package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/evidence"
)

func migrationSteps() []Definition {
	way := []Yield{
		{"store latency", "ms", Histogram}, {"prices stored", "a minute", Series}, {"prices dropped", "", Share}, {"prices refused", "", Share},
		{"acknowledged prices lost", "", Share}, {"prices stored twice", "", Share}, {"prices from nowhere", "", Share}, {"prices stored wrong", "", Share},
		{"longest write stall", "ms", Amount}, {"exclusive locks, in sum", "ms", Amount}, {"locks against readers, in sum", "ms", Amount},
		{"locks waited for, in sum", "ms", Amount}, {"longest move", "s", Amount}, {"rollback to the first good write", "s", Amount},
		{"migrations left unfinished", "", Share}, {"schema differences", "", Share}, {"rows changed", "", Share}, {"content check speed", "a second", Amount},
	}
	killed := append([]Yield{{"kills", "", Amount}, {"kills inside a statement", "", Share}, {"steps without a kill", "", Share}}, way...)
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments in a system before the extension$`,
			Example: "20,000 prices of 50 instruments in a system before the extension",
			Help:    "Stores that many prices in a database with the schema before the extension, and starts the service on it: it serves every version of the schema.",
			Do:      systemBefore,
		},
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments in a system before the extension, on a server of its own$`,
			Example: "2,000 prices of 20 instruments in a system before the extension, on a server of its own",
			Help:    "The same on a second Postgres server of the same kind, which may be killed. There is none where the server of the run is one that signoff did not start.",
			Do:      systemOnItsOwn,
		},
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments in a system with one table$`,
			Example: "2,000,000 prices of 200 instruments in a system with one table",
			Help:    "Stores that many prices in a database with the last schema that keeps all prices in one table, and starts the service on it.",
			Do:      systemWithOneTable,
		},
		{
			Keyword: "When",
			Pattern: `^the operator takes every step forward and back while the market trades ([\d,]+) prices a second$`,
			Example: "the operator takes every step forward and back while the market trades 100 prices a second",
			Help:    "Puts one migration after the other on and takes them back one by one, while prices come due, and looks at locks, stalls, the schema at every version, and every row. The loss check is broken on purpose at the end, to see that it would have noticed.",
			Yields:  way,
			Do:      everyStep,
		},
		{
			Keyword: "When",
			Pattern: `^the operator divides the history into partitions while the market trades ([\d,]+) prices a second$`,
			Example: "the operator divides the history into partitions while the market trades 400 prices a second",
			Help:    "Puts on the one migration that turns the table of all prices into partitions, in the same way.",
			Yields:  way,
			Do:      dividesHistory,
		},
		{
			Keyword: "When",
			Pattern: `^the (server|migration) is killed ([\d,]+) times on the way forward and back while the market trades ([\d,]+) prices a second$`,
			Example: "the server is killed 20 times on the way forward and back while the market trades 100 prices a second",
			Help:    "Takes every step forward and back and kills the whole server (or the tool that migrates), without a warning, in the middle of statements that a coin chooses. The operator then calls the tool again, and it must get there. What was acknowledged is compared with what is found. The loss check is broken on purpose at the end, to see that it would have noticed.",
			Yields:  killed,
			Do:      badDay,
		},
	}
}

func systemBefore(ctx context.Context, prices, instruments string) error {
	return stored(ctx, prices, instruments, baselineTemplate, drive.Baseline)
}

func systemWithOneTable(ctx context.Context, prices, instruments string) error {
	return stored(ctx, prices, instruments, undividedTemplate, drive.Current)
}

// stored gives the scenario a database of one schema that holds prices, and a
// service on it.
func stored(ctx context.Context, prices, instruments, schema string, open opener) error {
	w := worldFrom(ctx)
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	if err := w.list(ctx, n[1]); err != nil {
		return err
	}
	dsn, err := w.bench.database(ctx, w, schema)
	if err != nil {
		return err
	}
	return w.serve(ctx, dsn, w.prices.Take(n[0]), open)
}

func systemOnItsOwn(ctx context.Context, prices, instruments string) error {
	w := worldFrom(ctx)
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	if err := w.list(ctx, n[1]); err != nil {
		return err
	}
	if w.server, err = w.bench.config.Postgres.Another(ctx); err != nil {
		return fmt.Errorf("starting a server that may be killed: %w", err)
	}
	w.later(w.server.Stop)
	dsn, err := w.server.CreateDatabase(ctx, "market", "")
	if err != nil {
		return fmt.Errorf("making a database for the scenario: %w", err)
	}
	if _, err := w.bench.migrate(ctx, dsn, baselineTemplate); err != nil {
		return err
	}
	return w.serve(ctx, dsn, w.prices.Take(n[0]), drive.Baseline)
}

// serve stores prices in a database, and starts a service on it.
func (w *world) serve(ctx context.Context, dsn string, prices []market.Tick, open opener) error {
	if err := fill(ctx, dsn, prices, open); err != nil {
		return err
	}
	return w.start(ctx, dsn)
}

func everyStep(ctx context.Context, rate string) error {
	w := worldFrom(ctx)
	way, err := w.thereAndBack(ctx)
	if err != nil {
		return err
	}
	return w.upgrade(ctx, rate, way)
}

func dividesHistory(ctx context.Context, rate string) error {
	w := worldFrom(ctx)
	if err := w.upgrade(ctx, rate, []int64{drive.UndividedVersion + 1}); err != nil {
		return err
	}
	sums, err := drive.ReadSums(ctx, w.database)
	if err != nil {
		return err
	}
	return w.measures.Add(sums.Speed())
}

// thereAndBack are the versions from the one after the baseline to the newest,
// and back to the baseline.
func (w *world) thereAndBack(ctx context.Context) ([]int64, error) {
	newest, err := w.operator().Newest(ctx)
	if err != nil {
		return nil, err
	}
	var up []int64
	for version := int64(drive.BaselineVersion + 1); version <= newest; version++ {
		up = append(up, version)
	}
	down := append([]int64{drive.BaselineVersion}, up[:len(up)-1]...)
	slices.Reverse(down)
	return append(up, down...), nil
}

// way is the upgrade of the scenario's service at a rate.
func (w *world) way(rate string, versions []int64) (drive.Upgrade, error) {
	n, err := number(rate)
	if err != nil {
		return drive.Upgrade{}, err
	}
	if w.market == nil {
		return drive.Upgrade{}, errors.New("there is no system to migrate; begin with \"Given 20,000 prices of 50 instruments in a system before the extension\"")
	}
	return drive.Upgrade{Market: w.market, Operator: w.operator(), Way: versions, Rate: n, Prices: w.prices}, nil
}

func (w *world) upgrade(ctx context.Context, rate string, versions []int64) error {
	u, err := w.way(rate, versions)
	if err != nil {
		return err
	}
	out, err := u.UnderLoad(ctx)
	if err != nil {
		return err
	}
	if err := w.migrated(ctx, out, nil); err != nil {
		return err
	}
	return w.proveLossCheck(ctx, out.Ledger)
}

func badDay(ctx context.Context, victim, kills, rate string) error {
	w := worldFrom(ctx)
	n, err := number(kills)
	if err != nil {
		return err
	}
	versions, err := w.thereAndBack(ctx)
	if err != nil {
		return err
	}
	u, err := w.way(rate, versions)
	if err != nil {
		return err
	}
	day := drive.BadDay{Upgrade: u, Kills: n, Seed: w.seed, Guard: w.guard()}
	if victim == "server" {
		if w.server == nil {
			return errors.New("this server is needed by others; begin with \"Given 2,000 prices of 20 instruments in a system before the extension, on a server of its own\"")
		}
		day.Server = w.server
	}
	out, err := day.Play(ctx)
	if err != nil {
		return err
	}
	for _, kill := range out.Kills {
		w.record.Notes = append(w.record.Notes, "Killed the "+victim+" on the way "+kill.String()+".")
	}
	if err := w.migrated(ctx, out.UpgradeOutcome, killsOf(out, victim)); err != nil {
		return err
	}
	return w.proveLossCheck(ctx, out.Ledger)
}

// killsOf says for each move what was killed on it.
func killsOf(out drive.BadDayOutcome, victim string) []string {
	killed := make([]string, len(out.Moves))
	for i, m := range out.Moves {
		if m.Tries > 1 {
			killed[i] = victim
		}
	}
	return killed
}

// migrated keeps what came of an upgrade: its measures, the account of the
// prices, and the passage from version to version.
func (w *world) migrated(ctx context.Context, out drive.UpgradeOutcome, killed []string) error {
	for _, m := range out.Moves {
		if m.Unfinished {
			w.record.Notes = append(w.record.Notes, fmt.Sprintf("The migration from %d to %d was left unfinished: %s", m.From, m.To, m.Problem))
		}
	}
	for _, told := range [][]string{out.Differences, out.Changed} {
		w.record.Notes = append(w.record.Notes, told[:min(len(told), 10)]...)
	}
	w.bench.passages = append(w.bench.passages, w.passage(out, killed))
	if err := w.measures.Add(out.Measures); err != nil {
		return err
	}
	return w.loss(ctx, out.Ledger)
}

// passage is the way from version to version, for people.
func (w *world) passage(out drive.UpgradeOutcome, killed []string) evidence.Passage {
	p := evidence.Passage{Scenario: w.record.ID, Title: w.record.Title}
	for i, m := range out.Moves {
		step := evidence.PassageStep{
			From: m.From, To: m.To, Name: m.Name, Seconds: m.Took.Seconds(),
			ExclusiveMS: m.Exclusive.Seconds() * 1000, StallMS: m.Stall.Seconds() * 1000, Acknowledged: m.Acknowledged,
		}
		if killed != nil {
			step.Killed = killed[i]
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// guard is the server whose janitor looks after what a scenario starts.
func (w *world) guard() *environ.Postgres { return w.bench.config.Postgres }
