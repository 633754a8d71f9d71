package experiment

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Turns is what is fixed before several arms take turns.
type Turns struct {
	// Unit is the unit of the rates, such as "rows/s".
	Unit string
	// PerUnit is what one unit of work counts for in a rate; 0 is 1.
	PerUnit float64
	// MinBlock is the least duration of a block that calibration aims beyond;
	// 0 is measure.LeastBlock.
	MinBlock time.Duration
	// Rounds is how many blocks each arm has; 0 is 8.
	Rounds int
	// Seed decides the order of the arms in each round.
	Seed uint64
	// Reset restores the state before the first round, and before the
	// calibration that precedes it; those of the arms are not called. It may be nil.
	Reset func(ctx context.Context) error
	// Progress is told how many rounds are over. It may be nil.
	Progress func(done, planned int)
}

// Rounds are the rates that arms reached by turns.
type Rounds struct {
	// Rates holds a rate a second for each round, arm by arm.
	Rates [][]float64
	// Orders holds, round by round, the arms in the order in which they ran.
	Orders [][]int

	plan     Turns
	arms     []Arm
	shortest []time.Duration // block of each arm
}

// shuffled keeps the order of turns apart from the coins of pairs.
const shuffled = 0x7475726e

// TakeTurns has every arm do one block in each round, in an order that is drawn
// anew for each, so that a machine that becomes busier meets all alike: what two
// arms did in one round can be compared. Each arm has blocks of its own length
// in units of work, which calibration finds. No verdict rests on them, because
// no arm was compared with itself and the number of rounds is not a look.
func TakeTurns(ctx context.Context, plan Turns, arms ...Arm) (Rounds, error) {
	plan = plan.withDefaults()
	if err := plan.check(arms); err != nil {
		return Rounds{}, fmt.Errorf("planning turns: %w", err)
	}
	t := &trial{plan: Plan{MinBlock: plan.MinBlock}, on: thisMachine()}
	units := make([]int, len(arms))
	if err := plan.Reset(ctx); err != nil {
		return Rounds{}, fmt.Errorf("restoring the state before the calibration: %w", err)
	}
	for i, arm := range arms {
		var err error
		if units[i], err = t.enough(ctx, arm); err != nil {
			return Rounds{}, fmt.Errorf("calibrating arm %q: %w", arm.Name, err)
		}
	}
	if err := plan.Reset(ctx); err != nil {
		return Rounds{}, fmt.Errorf("restoring the state before the first round: %w", err)
	}
	rounds := Rounds{plan: plan, arms: arms, Rates: make([][]float64, len(arms)), shortest: make([]time.Duration, len(arms))}
	order := rand.New(rand.NewPCG(plan.Seed, shuffled)) //nolint:gosec // anyone must be able to draw the same order again
	for n := range plan.Rounds {
		turns := order.Perm(len(arms))
		rounds.Orders = append(rounds.Orders, turns)
		t.on.collect()
		for _, i := range turns {
			d, err := t.block(ctx, arms[i], units[i])
			if err != nil {
				return Rounds{}, fmt.Errorf("round %d of %d, arm %q: %w", n+1, plan.Rounds, arms[i].Name, err)
			}
			if n == 0 || d < rounds.shortest[i] {
				rounds.shortest[i] = d
			}
			rounds.Rates[i] = append(rounds.Rates[i], float64(units[i])*plan.PerUnit/d.Seconds())
		}
		plan.Progress(n+1, plan.Rounds)
	}
	return rounds, nil
}

// enough finds the units of work of a block of one arm.
func (t *trial) enough(ctx context.Context, arm Arm) (int, error) {
	for n, run := 1, 0; ; {
		d, err := t.block(ctx, arm, n)
		if err != nil {
			return 0, err
		}
		run += n
		switch {
		case d < t.target() && n >= most:
			return 0, fmt.Errorf("%d units of work take only %v", n, d)
		case d < t.target():
			n = grown(n, d, t.target())
		case run > switchover:
			return n, nil
		}
	}
}

func (p Turns) withDefaults() Turns {
	if p.PerUnit == 0 {
		p.PerUnit = 1
	}
	if p.MinBlock == 0 {
		p.MinBlock = measure.LeastBlock
	}
	if p.Rounds == 0 {
		p.Rounds = 8
	}
	if p.Reset == nil {
		p.Reset = func(context.Context) error { return nil }
	}
	if p.Progress == nil {
		p.Progress = func(int, int) {}
	}
	return p
}

func (p Turns) check(arms []Arm) error {
	var problems []error
	if p.Unit == "" {
		problems = append(problems, errors.New("no unit is given"))
	}
	if !(p.PerUnit > 0) || p.MinBlock < 0 || p.Rounds < 0 {
		problems = append(problems, fmt.Errorf("%v per unit of work, blocks of at least %v, %d rounds: want none below 0",
			p.PerUnit, p.MinBlock, p.Rounds))
	}
	if len(arms) < 2 {
		problems = append(problems, fmt.Errorf("%d arms: want two or more", len(arms)))
	}
	for i, arm := range arms {
		if arm.Name == "" || arm.Run == nil {
			problems = append(problems, fmt.Errorf("arm %d has no name or nothing to run", i+1))
		}
	}
	return errors.Join(problems...)
}

// Pairs are the rates of two of the arms, by their places, as the pairs of a
// comparison whose baseline was never run against itself.
func (r Rounds) Pairs(baseline, current int) measure.Pairs {
	p := measure.Pairs{
		Unit: r.plan.Unit, Seed: r.plan.Seed, Looks: []int{r.plan.Rounds}, Alpha: measure.Alpha,
		Baseline: r.Rates[baseline], Current: r.Rates[current],
		BaselineArm: r.arms[baseline].Arm, CurrentArm: r.arms[current].Arm,
		BlockSeconds: min(r.shortest[baseline], r.shortest[current]).Seconds(),
	}
	for _, turns := range r.Orders {
		first := "b"
		if slices.Index(turns, current) < slices.Index(turns, baseline) {
			first = "c"
		}
		p.First += first
	}
	return p
}
