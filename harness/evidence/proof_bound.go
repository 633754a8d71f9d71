package evidence

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// SeedOf is the seed of a part of a run: of a scenario by its id, or of a proof
// by its name. Each has one of its own, so that adding one does not change the
// data of the others. It is the 64-bit FNV-1a hash of "SEED/NAME", so that
// anyone can tell from a record which run a part belongs to.
func SeedOf(run uint64, name string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s", run, name) // a hash never fails
	return h.Sum64()
}

// strayProofs finds the proofs that were not carried out in run, as far as a
// record can show it: one with the seed of another run or on another server, or
// two with the same figures.
func strayProofs(run *Run) []error {
	var found []error
	durability := recordedDurability(run)
	for i, p := range run.Proofs {
		for _, other := range run.Proofs[:i] {
			if what := shared(p.Pairs, other.Pairs); p.Name != other.Name && what != "" {
				found = append(found, fmt.Errorf("the proofs %q and %q have the same figures of %s: one of them was not measured", other.Name, p.Name, what))
			}
		}
		if err := p.stray(run.Seed, durability); err != nil {
			found = append(found, fmt.Errorf("the proof %q is not of this run: %w", p.Name, err))
		}
	}
	return found
}

func (p Proof) stray(seed uint64, durability []recorded) error {
	if of := SeedOf(seed, p.Name); p.Pairs.Seed != of {
		return fmt.Errorf("its seed is %d, and the seed %d of the run gives it %d", p.Pairs.Seed, seed, of)
	}
	for _, arm := range []measure.Arm{p.Pairs.BaselineArm, p.Pairs.CurrentArm} {
		if arm.Settings[measure.ServerSetting] == measure.NoServer {
			return errors.New("it ran without a server, and what a run compares is stored in one")
		}
		for _, r := range durability {
			if was := arm.Settings[r.setting]; was != r.value {
				return fmt.Errorf("it ran with %s %q, and %q of scenario %s with %q", r.setting, was, r.measure, r.scenario, r.value)
			}
		}
	}
	return nil
}

// recorded is a durability setting that an experiment of a scenario ran with.
type recorded struct{ scenario, measure, setting, value string }

// recordedDurability are the durability settings of the experiments of run
// that tell of a server. Those whose arms differ are left out: they are unfit
// by themselves, and no proof could be like both.
func recordedDurability(run *Run) []recorded {
	var found []recorded
	for _, feature := range run.Features {
		for _, s := range feature.Scenarios {
			for _, v := range s.Measures {
				if v.Pairs == nil {
					continue
				}
				baseline, current := v.Pairs.BaselineArm.Settings, v.Pairs.CurrentArm.Settings
				for _, setting := range objective.Durability() {
					if value, told := baseline[setting]; told && value == current[setting] {
						found = append(found, recorded{s.ID, v.Name, setting, value})
					}
				}
			}
		}
	}
	return found
}

// shared names the figures that are the same in two experiments, as far as both
// go, or nothing. Two that were measured never agree to the last digit.
func shared(one, other measure.Pairs) string {
	fitness := func(p measure.Pairs) measure.Fitness {
		if p.Fitness == nil {
			return measure.Fitness{}
		}
		return *p.Fitness
	}
	for _, s := range []struct {
		what       string
		one, other []float64
	}{
		{"the baseline", one.Baseline, other.Baseline},
		{"the current arm", one.Current, other.Current},
		{"the block against itself", fitness(one).A, fitness(other).A},
		{"the block against itself", fitness(one).B, fitness(other).B},
	} {
		if n := min(len(s.one), len(s.other)); n > 0 && slices.Equal(s.one[:n], s.other[:n]) {
			return s.what
		}
	}
	return ""
}
