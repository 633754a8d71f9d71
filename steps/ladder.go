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

func ladderSteps() []Definition {
	var methods []Yield
	for _, method := range drive.Methods(0) {
		methods = append(methods, Yield{throughputBy(method, "$1"), "× baseline", Pairs})
	}
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^both systems store prices in batches of ([\d,]+) by every method$`,
			Example: "both systems store prices in batches of 100 by every method",
			Help: "Stores batches on both sides by every method in turn, in an order drawn anew for each round: a statement for each price in one transaction, waiting for each (transaction) or sent together (batch), or in a transaction of its own (single), one statement with a list of values (multi-row) or an array for each column (unnest), and COPY. " +
				"COPY cannot pass over prices that are there already, as the current system must: there it fills a table of the session, from which one statement stores what is new; the baseline takes it as it is. A single price is a batch of 1, which needs neither a transaction around it nor a list. A method that an objective names has an experiment of its own besides.",
			Yields: methods,
			Do:     bothClimb,
		},
		{
			Keyword: "When",
			Pattern: `^the current system stores prices in batches of ([\d,]+) and one at a time$`,
			Example: "the current system stores prices in batches of 10 and one at a time",
			Help:    "Stores the same prices on the current side in interleaved pairs: the baseline of this comparison is a statement and a transaction for each price, and the other arm one statement for each batch. A pair takes as long as the slower arm: small batches show what there is to gain as well as large ones.",
			Yields:  []Yield{{"gain of batches ($1)", "× baseline", Pairs}},
			Do:      currentStoresInBatches,
		},
		{
			Keyword: "When",
			Pattern: `^prices in batches of ([\d,]+) are stored through the service and directly$`,
			Example: "prices in batches of 100 are stored through the service and directly",
			Help:    "Stores prices on the current side in interleaved pairs: the baseline of this comparison is one statement for each batch on a connection of its own, and the other arm one client of the service, which sends a request for each batch and waits for its answer. What is missing from 1 × baseline is what the request, its check and its answer take.",
			Yields:  []Yield{{"insert throughput (through the service, $1)", "× baseline", Pairs}},
			Do:      serviceClimbs,
		},
	}
}

func throughputBy(method, size string) string {
	return fmt.Sprintf("insert throughput (%s, %s)", method, size)
}

func bothClimb(ctx context.Context, text string) error {
	w := worldFrom(ctx)
	size, err := w.batches(text)
	if err != nil {
		return err
	}
	methods := drive.Methods(size)
	rounds, err := w.takeTurns(ctx, size, methods)
	if err != nil {
		return err
	}
	for i, method := range methods {
		c := contest{
			name: throughputBy(method, text), size: size,
			baseline: storing{w.baseline, method}.workload, current: storing{w.current, method}.workload,
		}
		if err := w.settle(ctx, c, rounds.Pairs(2*i, 2*i+1)); err != nil {
			return err
		}
	}
	w.ladder().climb(text, methods, rounds)
	return nil
}

// takeTurns has both sides store by every method, in rounds: the first two arms
// are the baseline and the current side by the first method, and so on.
func (w *world) takeTurns(ctx context.Context, size int, methods []string) (experiment.Rounds, error) {
	later := w.bench.opening().Add(time.Hour)
	// What a side stored by one method it must not be offered by another.
	sides := []*drive.Side{w.baseline, w.current}
	next := []func() market.Tick{w.generator(later).Next, w.generator(later).Next}
	var arms []experiment.Arm
	for _, method := range methods {
		for i, side := range sides {
			work, err := side.StoreBy(ctx, method, size, next[i])
			if err != nil {
				return experiment.Rounds{}, err
			}
			arms = append(arms, arm(work))
		}
	}
	return experiment.TakeTurns(ctx, experiment.Turns{
		Unit: "prices/s", PerUnit: float64(size), Rounds: sketched, Seed: w.seed,
		Reset: func(ctx context.Context) error { return errors.Join(arms[0].Reset(ctx), arms[1].Reset(ctx)) },
		Progress: func(done, planned int) {
			w.bench.doing("batches of %d by every method: round %d of %d", size, done, planned)
		},
	}, arms...)
}

// settle keeps the pairs that were measured by turns, unless an objective asks
// for an experiment of its own.
func (w *world) settle(ctx context.Context, c contest, drawn measure.Pairs) error {
	if len(w.bench.plan.gatesOn(w.record.ID, c.name)) > 0 {
		_, err := w.hold(ctx, c)
		return err
	}
	return w.measures.Add(measure.Set{c.name: {Unit: "× baseline", Pairs: &drawn}})
}

func currentStoresInBatches(ctx context.Context, text string) error {
	w := worldFrom(ctx)
	size, err := w.batches(text)
	if err != nil {
		return err
	}
	// A block of either arm is as many prices.
	one := func(ctx context.Context, size int, next func() market.Tick) (drive.Workload, error) {
		return w.current.StoreBy(ctx, drive.Single, size, next)
	}
	pairs, err := w.hold(ctx, contest{
		name: fmt.Sprintf("gain of batches (%s)", text), size: size, sameTable: true,
		baseline: one, current: storing{w.current, drive.Unnest}.workload,
	})
	if err != nil {
		return err
	}
	w.ladder().gain(text, pairs)
	return nil
}

func serviceClimbs(ctx context.Context, text string) error {
	w := worldFrom(ctx)
	size, err := w.batches(text)
	if err != nil {
		return err
	}
	if w.service == nil {
		if err := w.start(ctx, w.current.DSN()); err != nil {
			return err
		}
	}
	direct := storing{w.current, drive.Methods(size)[0]} // one price is one statement as it is
	if size > 1 {
		direct.method = drive.Unnest
	}
	through := func(ctx context.Context, size int, next func() market.Tick) (drive.Workload, error) {
		return w.current.Through(ctx, w.market, size, next)
	}
	pairs, err := w.hold(ctx, contest{
		name: fmt.Sprintf("insert throughput (through the service, %s)", text), size: size, sameTable: true,
		baseline: direct.workload, current: through,
	})
	if err != nil {
		return err
	}
	w.ladder().through(text, pairs)
	return nil
}

// batches reads the size of a batch and insists on both sides.
func (w *world) batches(text string) (int, error) {
	size, err := number(text)
	if err != nil {
		return 0, err
	}
	if w.baseline == nil {
		return 0, errNoSides
	}
	return size, nil
}

// worker makes a workload of storing batches.
type worker func(ctx context.Context, size int, next func() market.Tick) (drive.Workload, error)

// storing is a worker: a side with a method.
type storing struct {
	side   *drive.Side
	method string
}

func (s storing) workload(ctx context.Context, size int, next func() market.Tick) (drive.Workload, error) {
	return s.side.StoreBy(ctx, s.method, size, next)
}

// contest is two workers and the name of what they are compared by.
type contest struct {
	name              string
	size              int
	baseline, current worker
	// sameTable says that they store into the same tables: then no price that
	// one of them stores may be offered by the other.
	sameTable bool
}

// hold has both workers store prices that are later than those that are there,
// and keeps the pairs.
func (w *world) hold(ctx context.Context, c contest) (measure.Pairs, error) {
	later := w.bench.opening().Add(time.Hour)
	next := w.generator(later).Next
	a, err := c.baseline(ctx, c.size, next)
	if err != nil {
		return measure.Pairs{}, err
	}
	if !c.sameTable {
		next = w.generator(later).Next
	}
	b, err := c.current(ctx, c.size, next)
	if err != nil {
		return measure.Pairs{}, err
	}
	objectives := w.bench.plan.gatesOn(w.record.ID, c.name)
	switch {
	case len(objectives) == 0:
		err = w.sketch(ctx, c, a, b)
	case !c.sameTable && slices.ContainsFunc(objectives, objective.Objective.Gating):
		err = w.compare(ctx, c.name, "prices/s", float64(c.size), writeBlock, a, b)
	default:
		err = w.compare(ctx, c.name, "prices/s", float64(c.size), measure.LeastBlock, a, b)
	}
	if err != nil {
		return measure.Pairs{}, err
	}
	return *w.measures[c.name].Pairs, nil
}

// sketched is how many blocks a bar of the ladder has that no objective reads.
const sketched = 8

// sketch measures what is only drawn: the same pairs, fewer of them, and hardly
// a run of the baseline against itself. No objective could pass on them.
func (w *world) sketch(ctx context.Context, c contest, baseline, current drive.Workload) error {
	pairs, err := experiment.Compare(ctx, experiment.Plan{
		Unit:         "prices/s",
		PerUnit:      float64(c.size),
		Warmup:       1,
		Looks:        []int{sketched},
		FitnessPairs: 1,
		Seed:         w.seed,
		Progress:     func(done, planned int) { w.bench.doing("%s: pair %d of %d", c.name, done, planned) },
	}, arm(baseline), arm(current))
	if err != nil {
		return fmt.Errorf("drawing %s: %w", c.name, err)
	}
	return w.measures.Add(measure.Set{c.name: {Unit: "× baseline", Pairs: &pairs}})
}
