package evidence

import (
	"fmt"
	"math"
	"strconv"

	"github.com/signoff-dev/signoff/harness/objective"
)

// tolerance is the relative difference up to which two figures are equal: far
// above what another processor's rounding can do, far below what a reader sees.
const tolerance = 1e-9

// Difference is one thing that a record says and its evidence does not.
type Difference struct {
	// Scenario and Measure name the objective, Line its place in the feature;
	// all are empty for the result of the run as a whole.
	Scenario string `json:"scenario,omitempty"`
	Measure  string `json:"measure,omitempty"`
	Line     int    `json:"line,omitempty"`
	// Row is the position of the objective in the record, from 0; -1 for the
	// run as a whole.
	Row int `json:"row"`
	// Field is what differs, such as "verdict" or "low".
	Field    string `json:"field"`
	Stored   string `json:"stored"`
	Computed string `json:"computed"`
}

// Rejudge judges a copy of run from nothing but its features, measures, pairs of
// proofs and scenario states, and returns every difference to what run says:
// family, budget, gating, verdict, value, low, high, unit, limit, samples, p and
// headroom of each objective, what each proof said and whether it held, and
// counts, outcome and exit code of the run.
// Figures are equal within a relative difference of 1e-9. The reasons are
// prose, and not compared. It fails where Judge fails, which is no less a sign
// that the record cannot be trusted.
func Rejudge(run Run) ([]Difference, error) {
	again := unjudged(run)
	if err := Judge(&again); err != nil {
		return nil, err
	}
	var found []Difference
	index := 0
	for f, feature := range run.Features {
		for s, scenario := range feature.Scenarios {
			for o, stored := range scenario.Objectives {
				computed := again.Features[f].Scenarios[s].Objectives[o]
				for _, d := range compare(stored, computed) {
					d.Scenario, d.Measure, d.Line, d.Row = scenario.ID, stored.Measure, stored.Line, index
					found = append(found, d)
				}
				index++
			}
		}
	}
	for i, stored := range run.Proofs {
		found = append(found, compareProofs(stored, again.Proofs[i])...)
	}
	return append(found, compareRuns(run, again)...), nil
}

// unjudged copies run as deep as Judge writes, without any judgement.
func unjudged(run Run) Run {
	run.Family, run.Alpha, run.Result = 0, 0, Result{}
	features := make([]Feature, len(run.Features))
	for f, feature := range run.Features {
		scenarios := make([]Scenario, len(feature.Scenarios))
		for s, scenario := range feature.Scenarios {
			objectives := make([]Objective, len(scenario.Objectives))
			for o, stated := range scenario.Objectives {
				objectives[o] = Objective{Measure: stated.Measure, Target: stated.Target, Line: stated.Line}
			}
			scenario.Objectives = objectives
			scenarios[s] = scenario
		}
		feature.Scenarios = scenarios
		features[f] = feature
	}
	run.Features = features
	proofs := make([]Proof, len(run.Proofs))
	for i, p := range run.Proofs {
		proofs[i] = Proof{Name: p.Name, Planted: p.Planted, Pairs: p.Pairs}
	}
	run.Proofs = proofs
	return run
}

func compare(stored, computed Objective) []Difference {
	var d differences
	d.text("gating", strconv.FormatBool(stored.Gating), strconv.FormatBool(computed.Gating))
	d.judgement(stored.Judgement, computed.Judgement)
	return d
}

// compareProofs finds what a proof says of its pairs and they do not.
func compareProofs(stored, computed Proof) []Difference {
	var d differences
	d.text("held", strconv.FormatBool(stored.Held), strconv.FormatBool(computed.Held))
	d.judgement(stored.Said, computed.Said)
	for i := range d {
		d[i].Row, d[i].Field = -1, fmt.Sprintf("proof %q, %s", stored.Name, d[i].Field)
	}
	return d
}

func (d *differences) judgement(stored, computed objective.Judgement) {
	d.text("verdict", string(stored.Verdict), string(computed.Verdict))
	d.figure("value", stored.Value, computed.Value)
	d.figure("low", stored.Low, computed.Low)
	d.figure("high", stored.High, computed.High)
	d.text("unit", stored.Unit, computed.Unit)
	d.figure("limit", &stored.Limit, &computed.Limit)
	d.text("samples", strconv.FormatInt(stored.Samples, 10), strconv.FormatInt(computed.Samples, 10))
	d.text("sample unit", stored.SampleUnit, computed.SampleUnit)
	d.figure("p", stored.P, computed.P)
	d.figure("headroom", stored.Headroom, computed.Headroom)
}

func compareRuns(stored, computed Run) []Difference {
	var d differences
	d.text("family", strconv.Itoa(stored.Family), strconv.Itoa(computed.Family))
	d.figure("alpha", &stored.Alpha, &computed.Alpha)
	d.text("outcome", stored.Result.Outcome, computed.Result.Outcome)
	d.text("exit code", strconv.Itoa(stored.Result.ExitCode), strconv.Itoa(computed.Result.ExitCode))
	for _, v := range Verdicts() {
		d.text(fmt.Sprintf("count of %q", v), verdictCount(stored.Result.Counts, v), verdictCount(computed.Result.Counts, v))
	}
	if extra := len(stored.Result.Counts) - len(computed.Result.Counts); extra > 0 {
		d.text("counts", fmt.Sprintf("%d verdicts", len(stored.Result.Counts)), fmt.Sprintf("%d verdicts", len(computed.Result.Counts)))
	}
	for i := range d {
		d[i].Row = -1
	}
	return d
}

func verdictCount(counts map[objective.Verdict]int, v objective.Verdict) string {
	n, there := counts[v]
	if !there {
		return "absent"
	}
	return strconv.Itoa(n)
}

// differences collects what is not equal.
type differences []Difference

func (d *differences) text(field, stored, computed string) {
	if stored != computed {
		*d = append(*d, Difference{Field: field, Stored: stored, Computed: computed})
	}
}

func (d *differences) figure(field string, stored, computed *float64) {
	if !same(stored, computed) {
		*d = append(*d, Difference{Field: field, Stored: figure(stored), Computed: figure(computed)})
	}
}

func same(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b || math.Abs(*a-*b) <= tolerance*max(math.Abs(*a), math.Abs(*b))
}

func figure(f *float64) string {
	if f == nil {
		return "absent"
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}
