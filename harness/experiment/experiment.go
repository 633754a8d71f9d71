// Package experiment compares two ways to do the same work, a baseline and a
// current one, in blocks that run back to back within one run, so that a slow
// machine or a noisy neighbour meets both alike.
//
// Each pair is one block of either arm, of the same number of units of work; a
// coin from a recorded seed says which arm goes first. Where a plan asks for it,
// the blocks of a pair are split into slices that alternate. Before the result counts, the baseline runs against itself: a
// machine on which that shows a difference is not fit to show one between the
// arms.
//
// How often verdicts that rest on it are right was counted, on identical twins
// and on planted slowdowns; CALIBRATION.md holds the table, and `make calibrate`
// makes it again.
//
// The package refuses to know SQL, Postgres, statistics and verdicts.
package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Arm is one of the two ways to do the work.
type Arm struct {
	// Arm is what the evidence keeps of it; its name must be given.
	measure.Arm
	// Run does n units of work and returns how long they took, measured as
	// close to the work as it can be. It is called by one goroutine at a time.
	Run func(ctx context.Context, n int) (time.Duration, error)
	// Reset restores the state that a trial starts from. It may be nil.
	Reset func(ctx context.Context) error
	// Observe reads what the server tells of itself. It is called right before
	// and right after each block, outside of what is timed, around blocks that do
	// not count as well, so that all meet the same server. It may be nil.
	Observe func(ctx context.Context) (measure.Reading, error)
	// Recheck reads the settings of the arm again, after the last block. It may
	// be nil, and what it returns as well where the server does not tell.
	Recheck func(ctx context.Context) (map[string]string, error)
}

// Plan is what is fixed before the first block runs.
type Plan struct {
	// Unit is the unit of the figures, such as "rows/s" or "ms".
	Unit string
	// PerUnit is what one unit of work counts for in a rate, such as the rows
	// of a batch; 0 is 1. It has no effect when LowerIsBetter.
	PerUnit float64
	// LowerIsBetter makes the figures milliseconds per unit of work instead
	// of rates a second.
	LowerIsBetter bool
	// MinBlock is the least duration of a block; 0 is measure.LeastBlock, and
	// no verdict rests on less.
	MinBlock time.Duration
	// Slices is into how many slices a block is split at most, each of at least
	// one unit of work; 0 is 1, and no verdict rests on others than 1 and
	// measure.Slices. The slices of both arms alternate within the pair (b c, c b,
	// b c …), so that what disturbs the machine for some tens of milliseconds meets
	// both; the figure of a block is taken over all its slices. Arms that leave
	// work behind when Run returns, or that begin with several clients at once,
	// must not be sliced: a slice is short, and the other arm would pay.
	Slices int
	// Warmup is the number of pairs that are dropped after each Reset; 0 is 2.
	Warmup int
	// Looks are the numbers of pairs after which the experiment may stop, in
	// rising order; the last is its length. Empty is measure.Looks, and no
	// verdict rests on others.
	Looks []int
	// Alpha is the two-sided error that all looks spend together; 0 is
	// measure.Alpha, and no verdict rests on another.
	Alpha float64
	// FitnessPairs is the number of pairs of the baseline against itself; 0 is 10.
	FitnessPairs int
	// Fit reports whether these pairs show a machine that is fit. It is asked
	// once; if it says no, as many pairs again are run and all of them count, so
	// that a moment's disturbance in one pair does not void an experiment. Nil
	// is always fit.
	Fit func(measure.Fitness) bool
	// Seed decides which arm goes first in each pair: see measure.Order.
	Seed uint64
	// Decided reports whether the pairs so far suffice. It is asked at each
	// look but the last; nil never stops early.
	Decided func(measure.Pairs) bool
	// Progress is told how many pairs have run, those of the fitness trial
	// and of the warm-up included, and how many there will be at most. It may be nil.
	Progress func(done, planned int)
}

// withDefaults fills in what the plan leaves open.
func (p Plan) withDefaults() Plan {
	if p.PerUnit == 0 {
		p.PerUnit = 1
	}
	if p.MinBlock == 0 {
		p.MinBlock = measure.LeastBlock
	}
	if p.Slices == 0 {
		p.Slices = 1
	}
	if p.Warmup == 0 {
		p.Warmup = 2
	}
	if len(p.Looks) == 0 {
		p.Looks = measure.Looks()
	}
	if p.Alpha == 0 {
		p.Alpha = measure.Alpha
	}
	if p.FitnessPairs == 0 {
		p.FitnessPairs = 10
	}
	if p.Fit == nil {
		p.Fit = func(measure.Fitness) bool { return true }
	}
	if p.Decided == nil {
		p.Decided = func(measure.Pairs) bool { return false }
	}
	if p.Progress == nil {
		p.Progress = func(int, int) {}
	}
	return p
}

// check reports everything that is wrong with the plan and its arms at once.
func (p Plan) check(baseline, current Arm) error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if p.Unit == "" {
		wrong("no unit is given")
	}
	if math.IsNaN(p.PerUnit) || math.IsInf(p.PerUnit, 0) || p.PerUnit < 0 {
		wrong("%v per unit of work: want a number above 0", p.PerUnit)
	}
	if p.MinBlock < 0 || p.Slices < 0 || p.Warmup < 0 || p.FitnessPairs < 0 {
		wrong("blocks of at least %v in %d slices, %d pairs of warm-up and %d of fitness: want none below 0",
			p.MinBlock, p.Slices, p.Warmup, p.FitnessPairs)
	}
	for i, look := range p.Looks {
		if look < 1 || i > 0 && look <= p.Looks[i-1] {
			wrong("looks at %v pairs: want rising numbers above 0", p.Looks)
			break
		}
	}
	if !(p.Alpha >= 0 && p.Alpha < 1) {
		wrong("alpha %v: want a number between 0 and 1", p.Alpha)
	}
	for i, arm := range []Arm{baseline, current} {
		side := [...]string{"baseline", "current"}[i]
		if arm.Name == "" {
			wrong("the %s arm has no name", side)
		}
		if arm.Run == nil {
			wrong("the %s arm %q has nothing to run", side, arm.Name)
		}
	}
	return errors.Join(problems...)
}

// Compare runs the experiment and returns its raw pairs. It finds the number
// of units with which a block of the faster arm lasts at least MinBlock (the
// same for both arms), resets the arms, runs the baseline against itself,
// resets them again, and runs the pairs until the last look or until Decided
// says at an earlier one that they suffice.
//
// Blocks grow while the arms become quicker. One that ends before MinBlock in
// spite of that voids the pairs before it: the comparison begins again with
// longer blocks, once, and only as long as no look was taken, because a second
// chance after a look would be another look. Otherwise BlockSeconds tells how
// short it was, and who judges the pairs calls them unfit.
//
// An error names the arm and the pair it happened in. It is also an error when
// the machine was suspended or its clock was set during a block.
func Compare(ctx context.Context, plan Plan, baseline, current Arm) (measure.Pairs, error) {
	return compare(ctx, plan, baseline, current, thisMachine())
}

func compare(ctx context.Context, plan Plan, baseline, current Arm, on machine) (measure.Pairs, error) {
	if err := plan.check(baseline, current); err != nil {
		return measure.Pairs{}, fmt.Errorf("planning an experiment: %w", err)
	}
	t := newTrial(plan.withDefaults(), baseline, current, on)
	pairs, err := t.run(ctx)
	if err != nil {
		return measure.Pairs{}, fmt.Errorf("comparing %q with %q: %w", current.Name, baseline.Name, err)
	}
	return pairs, nil
}
