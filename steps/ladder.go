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
)

func ladderSteps() []Definition {
	yields := []Yield{{throughput(through, "$1"), "× baseline", Pairs}}
	for _, method := range drive.Methods(0) {
		yields = append(yields, Yield{throughput(method, "$1"), "× baseline", Pairs})
	}
	return []Definition{
		{
			Keyword: "When",
			Pattern: `^prices are stored in batches of ([\d,]+) by every method, and through the service$`,
			Example: "prices are stored in batches of 100 by every method, and through the service",
			Help: "Stores batches on both sides by every method in turn, in an order drawn anew for each round: a statement for each price in one transaction, waiting for each (transaction) or sent together (batch), or in a transaction of its own (single), one statement with a list of values (multi-row) or an array for each column (unnest), and COPY. " +
				"COPY cannot pass over prices that are there already, as the current system must: there it fills a table of the session, from which one statement stores what is new; the baseline takes it as it is. A single price is a batch of 1, which needs neither a transaction around it nor a list. " +
				"One client of the service takes turns with them, a request for each batch: the baseline of this comparison is one statement for each batch on the current side, and what is missing from 1 × baseline is what the request, its check and its answer take. What an objective names has an experiment of its own besides.",
			Yields: yields,
			Do:     climb,
		},
		{
			Keyword: "When",
			Pattern: `^the current system stores prices in batches of ([\d,]+) and one at a time$`,
			Example: "the current system stores prices in batches of 10 and one at a time",
			Help:    "Stores prices on the current side in interleaved pairs: the baseline of this comparison is a statement and a transaction for each price, and the other arm one statement for each batch. A pair takes as long as the slower arm: small batches show what there is to gain as well as large ones.",
			Yields:  []Yield{{"gain of batches ($1)", "× baseline", Pairs}},
			Do:      currentStoresInBatches,
		},
	}
}

func throughput(method, size string) string {
	return fmt.Sprintf("insert throughput (%s, %s)", method, size)
}

func climb(ctx context.Context, text string) error {
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
	contests := w.contests(size, text)
	rounds, err := w.takeTurns(ctx, size, contests)
	if err != nil {
		return err
	}
	for i, c := range contests {
		if err := w.settle(ctx, c, rounds.Pairs(c.arms(i))); err != nil {
			return err
		}
	}
	last := len(contests) - 1
	w.ladder().climb(text, drive.Methods(size), rounds, rounds.Pairs(contests[last].arms(last)))
	return nil
}

// contests are the methods, each on both sides, and at last the service against
// the method that is one statement for each batch.
func (w *world) contests(size int, text string) []contest {
	var contests []contest
	for _, method := range drive.Methods(size) {
		contests = append(contests, contest{
			name: throughput(method, text), size: size,
			baseline: storing{w.baseline, method}.workload, current: storing{w.current, method}.workload,
		})
	}
	return append(contests, contest{
		name: throughput(through, text), size: size, sameTable: true,
		baseline: contests[direct(size)].current,
		current: func(ctx context.Context, size int, next func() market.Tick) (drive.Workload, error) {
			return w.current.Through(ctx, w.market, size, next)
		},
	})
}

// direct is the place of the method that is one statement for each batch.
func direct(size int) int {
	if size == 1 {
		return slices.Index(drive.Methods(size), drive.Single)
	}
	return slices.Index(drive.Methods(size), drive.Unnest)
}

// arms are the places of both workers of the i-th contest in the turns.
func (c contest) arms(i int) (baseline, current int) {
	if c.sameTable {
		return 2*direct(c.size) + 1, 2 * i
	}
	return 2 * i, 2*i + 1
}

// takeTurns has all workers store in rounds: the first two arms are the
// baseline and the current side by the first method, and so on; the last is
// the service.
func (w *world) takeTurns(ctx context.Context, size int, contests []contest) (experiment.Rounds, error) {
	later := w.bench.opening().Add(time.Hour)
	// What was stored on a side by one method it must not be offered by another.
	before, after := w.generator(later).Next, w.generator(later).Next
	var arms []experiment.Arm
	enter := func(worker worker, next func() market.Tick) error {
		work, err := worker(ctx, size, next)
		arms = append(arms, arm(work))
		return err
	}
	for _, c := range contests {
		if !c.sameTable {
			if err := enter(c.baseline, before); err != nil {
				return experiment.Rounds{}, err
			}
		}
		if err := enter(c.current, after); err != nil {
			return experiment.Rounds{}, err
		}
	}
	return experiment.TakeTurns(ctx, experiment.Turns{
		Unit: "prices/s", PerUnit: float64(size), Seed: w.seed,
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
		return w.hold(ctx, c)
	}
	return w.measures.Add(measure.Set{c.name: {Unit: "× baseline", Pairs: &drawn}})
}

func currentStoresInBatches(ctx context.Context, text string) error {
	w := worldFrom(ctx)
	size, err := w.batches(text)
	if err != nil {
		return err
	}
	c := contest{
		name: fmt.Sprintf("gain of batches (%s)", text), size: size, sameTable: true,
		baseline: storing{w.current, drive.Single}.workload, current: storing{w.current, drive.Unnest}.workload,
	}
	if err := w.hold(ctx, c); err != nil {
		return err
	}
	w.ladder().gain(text, *w.measures[c.name].Pairs)
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
// in an experiment, and keeps its pairs.
func (w *world) hold(ctx context.Context, c contest) error {
	later := w.bench.opening().Add(time.Hour)
	next := w.generator(later).Next
	a, err := c.baseline(ctx, c.size, next)
	if err != nil {
		return err
	}
	if !c.sameTable {
		next = w.generator(later).Next
	}
	b, err := c.current(ctx, c.size, next)
	if err != nil {
		return err
	}
	return w.compare(ctx, c.name, "prices/s", float64(c.size), measure.LeastBlock, a, b)
}
