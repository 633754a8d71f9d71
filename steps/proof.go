package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// What the proofs store: enough for blocks of real inserts, and little enough
// to be through in seconds.
const (
	provingPrices      = 5000
	provingInstruments = 50
	provingBatch       = 100
)

// prove carries out the experiments whose answers are known, on twin databases
// with the newest schema and with the inserts that scenarios compare, so that
// the run shows on its own machine that it can tell a difference, and that it
// tells of none where there is none.
func (b *bench) prove(ctx context.Context) (err error) {
	w := b.newWorld(&evidence.Scenario{ID: "PROOF"}) // belongs to no scenario
	defer func() { err = errors.Join(err, w.tearDown(ctx)) }()
	one, err := w.twin(ctx, "one database")
	if err != nil {
		return err
	}
	other, err := w.twin(ctx, "its twin")
	if err != nil {
		return err
	}
	b.doing("proving what this run can tell")
	for _, p := range []evidence.Proof{
		{Name: evidence.IdenticalArms},
		{Name: evidence.PlantedSlowdown, Planted: evidence.Planted},
	} {
		current := other
		if p.Planted > 0 {
			current = experiment.Slowed(other, p.Planted)
		}
		if p, err = b.carryOut(ctx, p, one, current); err != nil {
			return fmt.Errorf("the proof %q: %w", p.Name, err)
		}
		b.proofs = append(b.proofs, p)
	}
	return nil
}

// twin is a database of the newest schema that prices are stored in.
func (w *world) twin(ctx context.Context, name string) (experiment.Arm, error) {
	if err := w.list(ctx, provingInstruments); err != nil {
		return experiment.Arm{}, err
	}
	side, err := w.side(ctx, currentTemplate, w.bench.history(provingPrices, provingInstruments), drive.Current)
	if err != nil {
		return experiment.Arm{}, err
	}
	store, err := side.Store(ctx, provingBatch, w.generator(w.bench.opening().Add(time.Hour)).Next)
	if err != nil {
		return experiment.Arm{}, err
	}
	store.Name = name
	return arm(store), nil
}

// carryOut runs one proof with the looks, the error and the fitness check of
// every experiment.
func (b *bench) carryOut(ctx context.Context, p evidence.Proof, baseline, current experiment.Arm) (evidence.Proof, error) {
	pairs, err := experiment.Compare(ctx, experiment.Plan{
		Unit:    "prices/s",
		PerUnit: provingBatch,
		Slices:  measure.Slices,
		Warmup:  measure.LeastWarmup,
		Seed:    b.seedOf(p.Name),
		Fit:     p.Fit,
		Decided: func(pairs measure.Pairs) bool {
			p.Pairs = pairs
			return p.Decided()
		},
		Progress: func(done, planned int) {
			b.doing("proving what this run can tell, %s: pair %d of at most %d", p.Name, done, planned)
		},
	}, baseline, current)
	p.Pairs = pairs
	return p.Judged(), err
}
