package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// forest is a table of ratios to the baseline over one logarithmic axis.
type forest struct {
	Caption string
	Head    string // of the figures; empty for ratios
	Rows    []forestRow
	Axis    template.HTML
}

type forestRow struct {
	Name, Note string
	Plot       template.HTML
	Said       string // "1.62 × [1.55, 1.70]"
	Verdict    verdictMark
	Why        string

	estimate, low, high float64
	dots                []float64
	limits              []float64
	wishes              []float64
	planted             []float64 // where a slowdown must be found
	ink                 string    // of the interval: "", "-n" for the check, "-inconclusive", "-fail"
}

// trial is an experiment with the scenario that it belongs to.
type trial struct {
	scenario evidence.Scenario
	value    measure.Value
}

// forestOf lists every trial: first the machine against itself, then the result.
func forestOf(caption string, trials []trial) forest {
	var rows []forestRow
	for _, t := range trials {
		if row, ok := t.fitness(); ok {
			rows = append(rows, row)
		}
		if row, ok := t.result(); ok {
			rows = append(rows, row)
		}
	}
	return *forestOfRows(caption, rows)
}

// forestOfRows draws rows over one axis.
func forestOfRows(caption string, rows []forestRow) *forest {
	scale := logScaleOf(rows)
	for i := range rows {
		rows[i].Plot = rows[i].plot(scale)
	}
	return &forest{Caption: caption, Rows: rows, Axis: scale.axis(rows)}
}

// fitnessLevels are the confidences at which package objective asks whether a
// block differs from itself, the first that the pairs attain; the picture must
// not show another interval.
func fitnessLevels() []float64 { return []float64{.998, .99} }

// difference is how far a block differs from itself, and the level of that in
// per cent.
func difference(fit *measure.Fitness) (i measure.Interval, level string, err error) {
	for _, l := range fitnessLevels() {
		if i, err = fit.Interval(l); err == nil {
			return i, figure(100*l, "%"), nil
		}
	}
	return i, "", err
}

func (t trial) fitness() (forestRow, bool) {
	fit := t.value.Pairs.Fitness
	if fit == nil {
		return forestRow{}, false
	}
	i, level, err := difference(fit)
	if err != nil {
		return forestRow{}, false
	}
	row := forestRow{
		Name: t.value.Name + ", A/A", Note: fmt.Sprintf("baseline against itself, %d pairs, %s%s%%", len(fit.A), level, nbsp),
		estimate: i.Estimate, low: i.Low, high: i.High, ink: "-n",
		Verdict: verdictMark{Class: "pass", Word: "fit"}, Why: "contains 1",
	}
	for k := range min(len(fit.A), len(fit.B)) {
		row.dots = append(row.dots, fit.B[k]/fit.A[k])
	}
	if !i.Contains(1) {
		row.Verdict, row.Why = verdictMark{Class: "unfit", Word: "unfit"}, "excludes 1"
		return row.say(), true
	}
	for _, o := range t.objectives() {
		if verdictOf(o) == objective.Unfit { // for its width, or for what the arms differ in
			row.Verdict, row.Why = verdictMark{Class: "none", Word: "contains 1"}, ""
		}
	}
	return row.say(), true
}

func (t trial) result() (forestRow, bool) {
	p := *t.value.Pairs
	row := forestRow{Name: t.value.Name, Note: fmt.Sprintf("%s, %d pairs", t.scenario.ID, len(p.Baseline))}
	objectives := t.objectives()
	if len(objectives) == 0 {
		row.Verdict = verdictMark{Class: "none", Word: "not promised"}
		return row.measured(p, evidence.Objective{})
	}
	// The first row is the promise; others for the same measure are only lines.
	first := objectives[0]
	for _, o := range objectives {
		switch {
		case ofDurations(p, o) != ofDurations(p, first):
		case o.Gating:
			row.limits = append(row.limits, o.Limit)
		default:
			row.wishes = append(row.wishes, o.Limit)
		}
	}
	if ofDurations(p, first) {
		row.Note += ", ratio of durations"
	}
	row.Verdict = markOf(first)
	if v := verdictOf(first); v == objective.Inconclusive || v == objective.Fail && first.Gating {
		row.ink = "-" + class(v)
	}
	return row.measured(p, first)
}

// measured puts the figures of p on the scale of o into r: those that were
// judged, or those that would have been had the machine been fit.
func (r forestRow) measured(p measure.Pairs, o evidence.Objective) (forestRow, bool) {
	r.dots = ratios(p, o)
	switch {
	case o.Value != nil && o.Low != nil && o.High != nil:
		r.estimate, r.low, r.high = *o.Value, *o.Low, *o.High
	default:
		i, err := p.Interval(.95)
		if err != nil {
			return r, false
		}
		r.estimate, r.low, r.high, r.ink = i.Estimate, i.Low, i.High, "-n"
		if ofDurations(p, o) {
			r.estimate, r.low, r.high = 1/i.Estimate, 1/i.High, 1/i.Low
		}
	}
	return r.say(), true
}

// objectives are the rows that t was judged by, gating ones first.
func (t trial) objectives() []evidence.Objective {
	var gating, others []evidence.Objective
	for _, o := range t.scenario.Objectives {
		if row, ok := readRow(o); ok && row.Measure == t.value.Name && row.Relative() {
			if o.Gating {
				gating = append(gating, o)
			} else {
				others = append(others, o)
			}
		}
	}
	return append(gating, others...)
}

func (r forestRow) say() forestRow {
	s := alike("", r.estimate, r.low, r.high)
	if r.low > .9 && r.high < 1.1 { // hundredths would hide on which side of 1 it lies
		for i, x := range []float64{r.estimate, r.low, r.high} {
			s[i] = withDecimals(x, 3)
		}
	}
	r.Said = s[0] + nbsp + "× [" + s[1] + "," + nbsp + s[2] + "]"
	return r
}

// logScale puts ratios on an axis where twice and half are equally far from 1.
type logScale struct{ low, high float64 }

func logScaleOf(rows []forestRow) logScale {
	s := logScale{low: .9, high: 1.1}
	for _, r := range rows {
		for _, x := range slices.Concat(r.dots, r.limits, r.wishes, r.planted, []float64{r.low, r.high}) {
			if x > 0 && !math.IsInf(x, 0) {
				s.low, s.high = min(s.low, x), max(s.high, x)
			}
		}
	}
	pad := math.Pow(s.high/s.low, .05)
	return logScale{s.low / pad, s.high * pad}
}

func (s logScale) share(x float64) float64 { return math.Log(x/s.low) / math.Log(s.high/s.low) }
func (s logScale) at(x float64) string     { return pc(s.share(x) * 100) }

func (r forestRow) plot(s logScale) template.HTML {
	d := &drawing{}
	d.open("svg", "aria-hidden", "true")
	d.line("axis0", s.at(1), "0", s.at(1), "100%")
	for _, x := range r.limits {
		d.line("lim", s.at(x), "0", s.at(x), "100%")
	}
	for _, x := range r.wishes {
		d.line("wish", s.at(x), "0", s.at(x), "100%")
	}
	for _, x := range r.planted {
		d.line("markline", s.at(x), "0", s.at(x), "100%")
	}
	for i, x := range r.dots {
		d.dot("pd"+r.ink, s.at(x), px(33+float64(i*2%6)), 2)
	}
	d.line("ivl"+r.ink, s.at(r.low), "19", s.at(r.high), "19")
	d.line("ivl"+r.ink, s.at(r.low), "15", s.at(r.low), "23")
	d.line("ivl"+r.ink, s.at(r.high), "15", s.at(r.high), "23")
	d.dot("pt"+r.ink, s.at(r.estimate), "19", 4.5)
	return d.done()
}

// axis draws the shared axis with at most as many labels as have room.
func (s logScale) axis(rows []forestRow) template.HTML {
	d := &drawing{}
	d.open("svg", "aria-hidden", "true")
	d.line("axis0", "0", "0", "100%", "0")
	names := map[float64]string{1: "no change"}
	wanted := []float64{1}
	for _, r := range rows {
		for _, x := range r.limits {
			names[x] = "promise"
			wanted = append(wanted, x)
		}
		for _, x := range r.wishes {
			if names[x] == "" {
				names[x] = "wish"
			}
			wanted = append(wanted, x)
		}
		for _, x := range r.planted {
			names[x] = "planted"
			wanted = append(wanted, x)
		}
	}
	wanted = append(wanted, 2, .5, 4, 10, 3, 1.5, .8, .25, 1.25, 5, 6, 8, .1, 20, 50, 100, 1.1, .9)
	var taken, named []float64
	for _, x := range wanted {
		if x < s.low || x > s.high || crowded(s, x, taken, .12) {
			continue
		}
		taken = append(taken, x)
		at := s.at(x)
		d.line("axis0", at, "0", at, "4")
		d.text("mid", at, "17", number(x)+nbsp+"×")
		if names[x] != "" && !crowded(s, x, named, .17) {
			named = append(named, x)
			d.text("mid t-ink", at, "31", names[x])
		}
	}
	return d.done()
}

func crowded(s logScale, x float64, taken []float64, room float64) bool {
	for _, t := range taken {
		if math.Abs(s.share(t)-s.share(x)) < room {
			return true
		}
	}
	return false
}
