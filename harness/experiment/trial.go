package experiment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// trial is one experiment under way.
type trial struct {
	plan              Plan
	baseline, current Arm
	on                machine
	coin              *rand.PCG // of the pairs that do not count

	units         int // of work in each block
	done, planned int // pairs
}

// dropped keeps the coin of warm-up and fitness apart from that of the pairs.
const dropped = 0x64726f70

// slack is how much shorter than MinBlock a block may come out, because two
// clocks do not agree to the last digit.
const slack = 0.01

// pair is two blocks that ran back to back.
type pair struct {
	baseline, current time.Duration
	units             int
	seen              [2]sight // of the baseline and of the other arm
}

func newTrial(plan Plan, baseline, current Arm, on machine) *trial {
	return &trial{
		plan:     plan,
		baseline: baseline,
		current:  current,
		on:       on,
		coin:     rand.NewPCG(plan.Seed, dropped),
		planned:  plan.FitnessPairs + slices.Max(plan.Looks) + 2*plan.Warmup,
	}
}

// run carries out the whole experiment.
func (t *trial) run(ctx context.Context) (measure.Pairs, error) {
	if err := t.calibrate(ctx); err != nil {
		return measure.Pairs{}, err
	}
	fitness, err := t.fitness(ctx)
	if err != nil {
		return measure.Pairs{}, err
	}
	pairs, err := t.compare(ctx, fitness, true)
	if err != nil {
		return pairs, err
	}
	if ran := len(pairs.Baseline); t.short(pairs) && ran < slices.Min(t.plan.Looks) {
		t.planned += t.plan.Warmup + ran
		if pairs, err = t.compare(ctx, fitness, false); err != nil {
			return pairs, err
		}
	}
	err = t.recheck(ctx, &pairs)
	return pairs, err
}

// short reports whether a block ended before MinBlock.
func (t *trial) short(pairs measure.Pairs) bool {
	return pairs.BlockSeconds < (1-slack)*t.plan.MinBlock.Seconds()
}

// fitness runs the baseline against itself, twice as often where that leaves the
// machine unfit at first.
func (t *trial) fitness(ctx context.Context) (*measure.Fitness, error) {
	if err := t.reset(ctx, "the fitness trial"); err != nil {
		return nil, err
	}
	if err := t.warmUp(ctx, t.baseline, "fitness"); err != nil {
		return nil, err
	}
	f := &measure.Fitness{}
	if err := t.known(ctx, f); err != nil || t.plan.Fit(*f) {
		return f, err
	}
	t.planned += t.plan.FitnessPairs
	return f, t.known(ctx, f)
}

// known adds FitnessPairs pairs to what is known of the machine.
func (t *trial) known(ctx context.Context, f *measure.Fitness) error {
	until := len(f.A) + t.plan.FitnessPairs
	for len(f.A) < until {
		p, err := t.pair(ctx, t.baseline, t.toss(), fmt.Sprintf("fitness pair %d of %d", len(f.A)+1, until))
		if err != nil {
			return err
		}
		f.A = append(f.A, t.figure(p.baseline, p.units))
		f.B = append(f.B, t.figure(p.current, p.units))
		t.lengthen(p)
	}
	return nil
}

// compare runs the baseline against the current arm up to the look that
// decides. If it may, it gives up at a short block before the first look.
func (t *trial) compare(ctx context.Context, fitness *measure.Fitness, mayGiveUp bool) (measure.Pairs, error) {
	pairs := measure.Pairs{
		Unit:          t.plan.Unit,
		LowerIsBetter: t.plan.LowerIsBetter,
		Slices:        t.plan.Slices,
		WarmupPairs:   t.plan.Warmup,
		Seed:          t.plan.Seed,
		Looks:         slices.Clone(t.plan.Looks),
		Alpha:         t.plan.Alpha,
		Fitness:       fitness,
		BaselineArm:   t.baseline.Arm,
		CurrentArm:    t.current.Arm,
	}
	if err := t.reset(ctx, "the comparison"); err != nil {
		return pairs, err
	}
	if err := t.warmUp(ctx, t.current, "comparison"); err != nil {
		return pairs, err
	}
	last := slices.Max(t.plan.Looks)
	order := measure.Order(t.plan.Seed, last)
	watch := newWatch(t.baseline, t.current)
	for n := 1; n <= last; n++ {
		p, err := t.pair(ctx, t.current, order[n-1], fmt.Sprintf("pair %d of at most %d", n, last))
		if err != nil {
			return pairs, err
		}
		t.lengthen(p)
		pairs.Baseline = append(pairs.Baseline, t.figure(p.baseline, p.units))
		pairs.Current = append(pairs.Current, t.figure(p.current, p.units))
		pairs.First += order[n-1 : n]
		watch.note(n, p.seen)
		pairs.Server = watch.told()
		if block := min(p.baseline, p.current).Seconds(); n == 1 || block < pairs.BlockSeconds {
			pairs.BlockSeconds = block
		}
		if mayGiveUp && n < slices.Min(t.plan.Looks) && t.short(pairs) {
			return pairs, nil
		}
		if n < last && slices.Contains(t.plan.Looks, n) && t.plan.Decided(pairs) {
			t.plan.Progress(t.done, t.done)
			return pairs, nil
		}
	}
	return pairs, nil
}

// warmUp runs the pairs that are dropped. The state is fresh again, so that
// its blocks may be shorter than those of the calibration.
func (t *trial) warmUp(ctx context.Context, other Arm, of string) error {
	for i := range t.plan.Warmup {
		p, err := t.pair(ctx, other, t.toss(), fmt.Sprintf("%s warm-up pair %d of %d", of, i+1, t.plan.Warmup))
		if err != nil {
			return err
		}
		t.lengthen(p)
	}
	return nil
}

// lengthen makes the following blocks longer once those of p came close to the
// shortest that is allowed.
func (t *trial) lengthen(p pair) {
	if block := min(p.baseline, p.current); float64(block) < near*float64(t.plan.MinBlock) {
		t.units = max(t.units, grown(p.units, block, t.target()))
	}
}

// toss is the coin of the pairs that do not count.
func (t *trial) toss() byte { return "bc"[t.coin.Uint64()>>63] }

// pair runs a block of the baseline and one of the other arm, the baseline
// first if that is 'b'. The garbage of the harness is collected beforehand, so
// that neither block pays for what was left by an earlier one.
func (t *trial) pair(ctx context.Context, other Arm, first byte, where string) (pair, error) {
	t.on.collect()
	p := pair{units: t.units}
	type side struct {
		arm  Arm
		d    *time.Duration
		seen *sight
	}
	order := []side{{t.baseline, &p.baseline, &p.seen[0]}, {other, &p.current, &p.seen[1]}}
	if first == 'c' {
		slices.Reverse(order)
	}
	for _, n := range sliced(p.units, t.plan.Slices) {
		for _, s := range order {
			d, seen, err := t.observed(ctx, s.arm, n)
			if err != nil {
				return pair{}, fmt.Errorf("running arm %q in %s: %w", s.arm.Name, where, err)
			}
			*s.d += d
			s.seen.add(seen)
		}
		slices.Reverse(order)
	}
	t.done++
	t.plan.Progress(t.done, t.planned)
	return p, nil
}

// sliced splits the units of a block into at most so many slices of nearly equal
// size, none of them empty.
func sliced(units, most int) []int {
	n := min(units, most)
	parts := make([]int, n)
	for i := range parts {
		parts[i] = units*(i+1)/n - units*i/n
	}
	return parts
}

// reset gives both arms the state that a trial starts from.
func (t *trial) reset(ctx context.Context, before string) error {
	for _, arm := range []Arm{t.baseline, t.current} {
		if arm.Reset == nil {
			continue
		}
		if err := arm.Reset(ctx); err != nil {
			return fmt.Errorf("resetting arm %q before %s: %w", arm.Name, before, err)
		}
	}
	return nil
}

// figure turns the duration of a block into the unit of the plan.
func (t *trial) figure(d time.Duration, units int) float64 {
	if t.plan.LowerIsBetter {
		return measure.InMilliseconds(d) / float64(units)
	}
	return float64(units) * t.plan.PerUnit / d.Seconds()
}
