package evidence

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Proof is an experiment of the run whose answer is known beforehand: an arm
// against itself, or against the same work with a slowdown planted. A run whose
// proofs do not come out as they must is not fit to compare anything.
type Proof struct {
	// Name is IdenticalArms or PlantedSlowdown.
	Name string `json:"name"`
	// Planted is how much longer the current arm was made to take, in per
	// cent; 0 for identical arms.
	Planted float64 `json:"planted_percent"`
	// Pairs are what was measured.
	Pairs measure.Pairs `json:"pairs"`
	// Must is what the comparison has to say, in words for people.
	Must string `json:"must"`
	// Said is the judgement of the pairs; Held says that it is what it must be.
	Said objective.Judgement `json:"said"`
	Held bool                `json:"held"`
}

// The two proofs of a run that compares.
const (
	IdenticalArms   = "identical arms"
	PlantedSlowdown = "planted slowdown"
)

// Planted is how much longer the current arm of PlantedSlowdown takes, in per
// cent.
const Planted = 20

// ProofMargin is how far, in per cent, an arm may be from another one before a
// proof calls it slower or faster. It is no promise of the product, and so it
// stands in no feature: it belongs to the instrument. It is the smallest loss
// that a comparison of two versions ever calls one, so that a run which passes
// its proofs can tell what its promises ask it to tell, and it lies well inside
// the slowdown that is planted.
const ProofMargin = 5

// notSlower is the objective that a proof is judged by, as a regression is.
func notSlower() objective.Objective {
	return objective.Objective{
		Measure: "throughput", Bound: objective.AtLeast, Number: 100 - ProofMargin, Unit: objective.Ratio, Comparison: objective.Of,
	}
}

// faster is what no pair of identical arms may be called.
func faster() objective.Objective {
	return objective.Objective{
		Measure: "throughput", Bound: objective.AtLeast, Number: ProofMargin, Unit: objective.Ratio, Comparison: objective.Faster,
	}
}

// family of a proof: it shares its error with nothing, being no promise.
const alone = 1

// Decided reports whether the experiment of a proof may stop at the look that
// it has reached.
func (p Proof) Decided() bool { return objective.Decided(notSlower(), p.Pairs, alone) }

// Fit reports whether a fitness check shows a machine on which a proof can be
// carried out.
func (p Proof) Fit(f measure.Fitness) bool {
	return objective.Fit(notSlower(), measure.Pairs{Fitness: &f})
}

// Judged is the proof with what must be said of it, what its pairs say, and
// whether they are the same. Pairs that are unfit show nothing, and a proof that
// shows nothing does not hold: identical arms hold only if they pass, or stay
// open on a machine that is fit.
func (p Proof) Judged() Proof {
	value := measure.Value{Name: notSlower().Measure, Pairs: &p.Pairs}
	p.Said = notSlower().Judge(value, alone)
	if !p.shown() {
		p.Said.Reason += " So nothing was shown."
	}
	if p.Name == PlantedSlowdown {
		p.Must = fmt.Sprintf("%q must fail", notSlower())
		p.Held = p.Said.Verdict == objective.Fail
		return p
	}
	p.Must = fmt.Sprintf("%q must not fail, and %q must not pass, on a machine that is fit to measure it", notSlower(), faster())
	p.Held = p.shown() && p.Said.Verdict != objective.Fail && !p.calledFaster()
	return p
}

// shown reports whether the pairs of a judged proof show anything. An unfit
// experiment raises no alarm, but neither could it have raised one.
func (p Proof) shown() bool { return p.Said.Verdict != objective.Unfit && p.Said.Low != nil }

// calledFaster reports whether the whole interval of a judged proof lies where
// an arm is called faster. The interval is asked and not the verdict of that
// objective: it allows the machine less spread, and an unfit one would hide the
// alarm.
func (p Proof) calledFaster() bool { return *p.Said.Low >= faster().Limit() }

// Compares reports whether a gating relative objective is meant to be judged in
// run, so that it has to prove first that it can.
func Compares(run Run) bool {
	rows, _ := readRows(&run)
	return comparing(rows)
}

func comparing(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.gating() && r.meant() && r.parsed.Relative() })
}

// wrongProofs finds the proofs that are missing, and those that are no
// experiment as every run carries it out, or not one of this run: one that was
// made easier, or on a quieter day, proves nothing.
func wrongProofs(run *Run, rows []row) []error {
	var found []error
	seen := map[string]bool{}
	for _, p := range run.Proofs {
		if seen[p.Name] {
			found = append(found, fmt.Errorf("the proof %q is recorded twice", p.Name))
		}
		seen[p.Name] = true
		if err := p.fault(); err != nil {
			found = append(found, fmt.Errorf("the proof %q is none: %w", p.Name, err))
		}
	}
	for _, name := range []string{IdenticalArms, PlantedSlowdown} {
		if comparing(rows) && !seen[name] {
			found = append(found, fmt.Errorf("run %s compares and holds no proof %q: nobody knows whether it could tell a difference", run.ID, name))
		}
	}
	return append(found, strayProofs(run)...)
}

func (p Proof) fault() error {
	planted, known := map[string]float64{IdenticalArms: 0, PlantedSlowdown: Planted}[p.Name]
	switch {
	case !known:
		return fmt.Errorf("it is neither %q nor %q", IdenticalArms, PlantedSlowdown)
	case p.Planted != planted:
		return fmt.Errorf("%v %% were planted, not %v %%", p.Planted, planted)
	case len(p.Pairs.Baseline) == 0:
		return errors.New("no pair was measured")
	case !slices.Equal(p.Pairs.Looks, measure.Looks()):
		return fmt.Errorf("it was to look after %v pairs, and every experiment looks after %v", p.Pairs.Looks, measure.Looks())
	case p.Pairs.Alpha != measure.Alpha:
		return fmt.Errorf("it allowed itself an error of %v, and every experiment has %v", p.Pairs.Alpha, measure.Alpha)
	case p.Pairs.First != measure.Order(p.Pairs.Seed, len(p.Pairs.First)):
		return fmt.Errorf("the order of its pairs is not that of the seed %d", p.Pairs.Seed)
	case p.Pairs.Fitness == nil:
		return errors.New("there is no run of the block against itself")
	}
	return p.Pairs.Validate()
}

// proved judges the proofs of run, and says in half a sentence which of them
// did not hold; that is empty if all did.
func proved(proofs []Proof) (judged []Proof, doubt string) {
	var missed []string
	for _, p := range proofs {
		p = p.Judged()
		judged = append(judged, p)
		if !p.Held {
			missed = append(missed, fmt.Sprintf("the proof %q did not hold, as %s", p.Name, p.missed()))
		}
	}
	return judged, few(missed)
}

// missed says in half a sentence what came of a proof that did not hold, and
// why it shows nothing if it does not.
func (p Proof) missed() string {
	switch {
	case !p.shown():
		return fmt.Sprintf("%q is %s: %s", notSlower(), p.Said.Verdict, strings.TrimSuffix(p.Said.Reason, "."))
	case p.Name == PlantedSlowdown:
		return fmt.Sprintf("%q is %s and must fail", notSlower(), p.Said.Verdict)
	case p.Said.Verdict == objective.Fail:
		return fmt.Sprintf("%q fails and must not", notSlower())
	default:
		return fmt.Sprintf("%q passes and must not", faster())
	}
}

// doubted is the judgement of a comparison by a run that could not prove that
// it can compare. What was not run stays so.
func doubted(j objective.Judgement, doubt string) objective.Judgement {
	if j.Verdict == objective.NotRun {
		return j
	}
	return objective.Judgement{
		Verdict: objective.Unfit, Unit: j.Unit, Limit: j.Limit, Samples: j.Samples, SampleUnit: j.SampleUnit,
		Reason: "This run is not fit to compare: " + doubt + ".",
	}
}
