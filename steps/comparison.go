package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func comparisonSteps() []Definition {
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments, stored before and after the extension$`,
			Example: "50,000 prices of 200 instruments, stored before and after the extension",
			Help:    "Builds both systems side by side on the same server: the schema before the extension (the baseline) and the newest one (the current system), each with the same prices.",
			Do:      storedOnBothSides,
		},
		{
			Keyword: "When",
			Pattern: `^both systems store prices in batches of ([\d,]+)$`,
			Example: "both systems store prices in batches of 100",
			Help:    "Stores batches on both sides in interleaved pairs, after the baseline was compared with itself. A batch is one statement and one transaction.",
			Yields:  []Yield{{"insert throughput", "× baseline", Pairs}},
			Do:      bothStore,
		},
	}
}

func storedOnBothSides(ctx context.Context, prices, instruments string) error {
	return worldFrom(ctx).storeTwice(ctx, prices, instruments, baselineTemplate, drive.Baseline)
}

// storeTwice gives both sides of the scenario the same prices: the baseline in
// the layout given, and the current side in the newest.
func (w *world) storeTwice(ctx context.Context, prices, instruments, layout string, open opener) error {
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	if err := w.list(ctx, n[1]); err != nil {
		return err
	}
	stored := w.bench.history(n[0], n[1])
	if w.baseline, err = w.side(ctx, layout, stored, open); err != nil {
		return err
	}
	w.current, err = w.side(ctx, currentTemplate, stored, drive.Current)
	return err
}

// side opens a database of the scenario's own, in one of the two layouts, that
// holds the stored prices.
func (w *world) side(ctx context.Context, layout string, stored []market.Tick, open opener) (*drive.Side, error) {
	filled, err := w.bench.filled(ctx, layout, stored, w.instruments, open)
	if err != nil {
		return nil, err
	}
	dsn, err := w.bench.copy(ctx, w, filled)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	w.later(s.Close)
	if err := s.Adopt(ctx, stored); err != nil {
		return nil, err
	}
	return s, nil
}

func bothStore(ctx context.Context, size string) error {
	w := worldFrom(ctx)
	n, err := number(size)
	if err != nil {
		return err
	}
	if w.baseline == nil {
		return errNoSides
	}
	// Both sides store the same prices, later ones than those that they hold.
	later := w.bench.opening().Add(time.Hour)
	baseline, err := w.baseline.Store(ctx, n, w.generator(later).Next)
	if err != nil {
		return err
	}
	current, err := w.current.Store(ctx, n, w.generator(later).Next)
	if err != nil {
		return err
	}
	return w.compare(ctx, "insert throughput", "prices/s", float64(n), writeBlock, baseline, current)
}

var errNoSides = errors.New("there is nothing to compare; begin with \"Given 50,000 prices of 200 instruments, stored before and after the extension\"")

// writeBlock is how long a block of writing lasts at least: a single slow flush
// of the disk should not decide it.
const writeBlock = 2 * measure.LeastBlock

// fitnessPairs is how often the baseline is compared with itself at first. A
// machine that is watched for longer is known better, and a smaller loss can be
// proven on it; profile pr has no time for that.
func (w *world) fitnessPairs() int {
	if w.bench.plan.Selection.Profile == "pr" {
		return 10
	}
	return 20
}

// compare runs one experiment and keeps its pairs under the name of a measure.
// The experiment may stop at a look as soon as every gating objective on that
// measure is decided.
func (w *world) compare(ctx context.Context, name, unit string, perUnit float64, block time.Duration, baseline, current drive.Workload) error {
	family := w.bench.plan.Family
	decisive := w.bench.plan.gatesOn(w.record.ID, name)
	if gating := slices.DeleteFunc(slices.Clone(decisive), func(o objective.Objective) bool { return !o.Gating() }); len(gating) > 0 {
		decisive = gating
	}
	pairs, err := experiment.Compare(ctx, experiment.Plan{
		Unit:         unit,
		PerUnit:      perUnit,
		MinBlock:     block,
		Slices:       slicesOf(baseline, current),
		Warmup:       1,
		Seed:         w.seed,
		FitnessPairs: w.fitnessPairs(),
		Fit: func(f measure.Fitness) bool {
			return !slices.ContainsFunc(decisive, func(o objective.Objective) bool { return !objective.Fit(o, measure.Pairs{Fitness: &f}) })
		},
		Decided: func(p measure.Pairs) bool {
			return !slices.ContainsFunc(decisive, func(o objective.Objective) bool { return !objective.Decided(o, p, family) })
		},
		Progress: func(done, planned int) { w.bench.doing("%s: pair %d of at most %d", name, done, planned) },
	}, arm(baseline), arm(current))
	if err != nil {
		return fmt.Errorf("comparing both systems: %w", err)
	}
	return w.measures.Add(measure.Set{name: {Unit: "× baseline", Pairs: &pairs}})
}

// slicesOf is into how many slices the blocks of two workloads may be split.
func slicesOf(baseline, current drive.Workload) int {
	if baseline.Alone && current.Alone {
		return measure.Slices
	}
	return 1
}

func arm(w drive.Workload) experiment.Arm {
	return experiment.Arm{
		Arm:     measure.Arm{Name: w.Name, Text: w.Text, Plan: w.Plan, Settings: w.Settings, Rows: w.Rows},
		Run:     w.Run,
		Reset:   w.Reset,
		Observe: w.Observe,
		Recheck: w.Recheck,
	}
}
