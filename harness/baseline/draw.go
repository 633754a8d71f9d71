package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// fitnessLevel is the confidence at which package objective asks whether a
// block differs from itself.
const fitnessLevel = 0.99

// EntryOf draws the entry of a judged run: the figure of every measure, with
// every promise that was made about it.
func EntryOf(run evidence.Run) Entry {
	e := Entry{
		Format: Format, Run: run.ID, Started: run.Started.UTC(), Service: run.Service,
		Commit:      Commit{SHA: run.Commit.SHA, Subject: run.Commit.Subject, Branch: run.Commit.Branch, Dirty: run.Commit.Dirty},
		Profile:     run.Profile,
		Narrowing:   run.Narrowing(),
		Environment: Environment{ID: run.Environment.ID, Says: environmentSays(run.Environment)},
		Against:     againstOf(run),
		Outcome:     run.Result.Outcome,
		Queries:     queriesOf(run),
	}
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			if s.Skipped == "" {
				e.Scenarios = append(e.Scenarios, Scenario{ID: s.ID, Title: s.Title, Situation: situation(s), Figures: figuresOf(s)})
			}
		}
	}
	return e
}

func environmentSays(e fingerprint.Environment) string {
	major, _, _ := strings.Cut(e.Server.Version, ".")
	var said []string
	for _, part := range []string{
		e.Host.CPU, fmt.Sprintf("%d cores", e.Host.Cores), fmt.Sprintf("%d GiB", (e.Host.Memory+1<<29)>>30), e.Host.OS,
		strings.TrimSpace(e.Server.Provider + " Postgres " + major),
	} {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, ", ")
}

// situation is a digest of what a scenario does. The tables of its steps are
// left out: they hold the limits, and a limit may change without the load.
func situation(s evidence.Scenario) string {
	var text strings.Builder
	for _, step := range s.Steps {
		text.WriteString(strings.TrimSpace(step.Keyword) + " " + step.Text + "\n")
	}
	if text.Len() == 0 {
		return "" // it broke before its first step
	}
	return digest(text.String())
}

// experiment is a digest of the arm that the ratios of p divide by.
func experiment(p measure.Pairs) string {
	arm := p.BaselineArm
	arm.Plan = "" // how the server carries it out is a finding, not the experiment
	text, err := json.Marshal(arm)
	if err != nil {
		return "" // cannot happen: text and numbers only
	}
	return digest(string(text))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// figuresOf are the figures of s: those that something is promised about in the
// order of the promises, and then those that were only measured.
func figuresOf(s evidence.Scenario) []Figure {
	var figures []Figure
	byKey := map[string]int{}
	spoken := map[string]bool{}
	for _, stated := range s.Objectives {
		row, err := objective.Parse(stated.Measure, stated.Target)
		if err != nil {
			continue // a judged run has no such row
		}
		v := valueOf(s, row.Measure)
		f := figureOf(row, v, stated.Judgement)
		key := f.Measure + "\x00" + f.Unit
		spoken[f.Measure] = true
		at, there := byKey[key]
		if !there {
			at = len(figures)
			byKey[key] = at
			figures = append(figures, f)
		}
		figures[at].add(promiseOf(row, v, stated))
	}
	for _, v := range s.Measures {
		for _, row := range unasked(v) {
			if f := figureOf(row, v, row.Judge(v, 1)); !spoken[f.Measure] && (f.Value != nil || f.Kind == Ratio) {
				if f.Verdict != objective.Unfit {
					f.Verdict = objective.NotRun // nothing was promised, so that nothing was judged
				}
				if v.Histogram == nil && v.Pairs == nil && row.Bound == objective.AtMost {
					f.Better = "" // nobody said which side is good
				}
				figures = append(figures, f)
			}
		}
	}
	return figures
}

func valueOf(s evidence.Scenario, name string) measure.Value {
	for _, v := range s.Measures {
		if v.Name == name {
			return v
		}
	}
	return measure.Value{Name: name}
}

// figureOf is what j says about v on the scale of the history: ratios are
// throughput ratios, whichever way the promise was put.
func figureOf(row objective.Objective, v measure.Value, j objective.Judgement) Figure {
	f := Figure{
		Measure: row.Name(), Unit: row.Unit, Kind: kindOf(row, v), Better: More,
		Value: j.Value, Low: j.Low, High: j.High, Samples: j.Samples, SampleUnit: j.SampleUnit, Verdict: j.Verdict,
	}
	if row.Bound == objective.AtMost || row.Bound == objective.Exactly && row.Number == 0 {
		f.Better = Less
	}
	if f.Value == nil {
		f.Low, f.High, f.Reason = nil, nil, j.Reason
	}
	if v.Pairs == nil {
		return f
	}
	f.Better, f.Experiment = More, experiment(*v.Pairs)
	if f.Value != nil {
		f.Value, f.Low, f.High = nil, nil, nil
		if i, err := v.Pairs.Interval(1 - v.Pairs.Alpha/float64(len(v.Pairs.Looks))); err == nil {
			f.Value, f.Low, f.High = &i.Estimate, &i.Low, &i.High
		}
	}
	if v.Pairs.Fitness != nil {
		if i, err := v.Pairs.Fitness.Interval(fitnessLevel); err == nil {
			noise := math.Sqrt(i.High/i.Low) - 1
			f.Noise = &noise
		}
	}
	return f
}

func kindOf(row objective.Objective, v measure.Value) Kind {
	switch {
	case row.Relative():
		return Ratio
	case row.Percentile != 0:
		return Percentile
	case v.Histogram != nil:
		return Extreme
	case v.Series != nil:
		return Window
	case v.Share != nil:
		return Share
	default:
		return Amount
	}
}

func promiseOf(row objective.Objective, v measure.Value, stated evidence.Objective) Promise {
	p := Promise{
		Target: stated.Target, Bound: row.Bound, Limit: row.Limit(), Gating: stated.Gating,
		Verdict: stated.Verdict, Headroom: stated.Headroom,
	}
	ofDurations := v.Pairs != nil && v.Pairs.LowerIsBetter && row.Bound == objective.AtMost && row.Comparison != objective.Faster
	if ofDurations && p.Limit > 0 { // at most so long is at least so fast
		p.Bound, p.Limit = objective.AtLeast, 1/p.Limit
	}
	return p
}

// add notes one more promise about the figure.
func (f *Figure) add(p Promise) {
	f.Promises = append(f.Promises, p)
	order := []objective.Verdict{objective.Fail, objective.Unfit, objective.NotRun, objective.Inconclusive, objective.Pass}
	gravest := p
	for _, other := range f.Promises {
		if other.Gating == gravest.Gating && slices.Index(order, other.Verdict) < slices.Index(order, gravest.Verdict) || other.Gating && !gravest.Gating {
			gravest = other
		}
	}
	f.Verdict = gravest.Verdict
}

// unasked are the questions that the history asks of a measure by itself.
func unasked(v measure.Value) []objective.Objective {
	row := objective.Objective{Measure: v.Name, Bound: objective.AtMost, Advisory: true, Number: math.MaxFloat32, Unit: v.Unit}
	switch {
	case v.Pairs != nil:
		row.Bound, row.Number, row.Unit, row.Comparison = objective.AtLeast, 1, objective.Ratio, objective.Times
	case v.Histogram != nil:
		median, tail := row, row
		median.Percentile, tail.Percentile = 50, 99
		return []objective.Objective{median, tail}
	case v.Series != nil && (v.Unit == "a second" || v.Unit == "a minute"):
		row.Bound, row.Number = objective.AtLeast, 0
	}
	return []objective.Objective{row}
}
