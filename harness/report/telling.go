package report

import (
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// told is an objective put into words, the same on the page and in the summary.
type told struct {
	Measured string // "1.62 × baseline", "0 of 148,220", "not measured"
	Interval string // "[1.55, 1.70]", "counted", "largest of 1,820", or nothing
	Headroom string // "19 % to spare"
	Samples  string // "20 pairs"
}

// figure joins what was measured with its interval or with how it was taken.
func (t told) figure() string {
	switch {
	case t.Interval == "":
		return t.Measured
	case strings.HasPrefix(t.Interval, "["):
		return t.Measured + " " + t.Interval
	default:
		return t.Measured + ", " + t.Interval
	}
}

// tell puts o into words; v is the measure it was judged on, if there is one.
func tell(s evidence.Scenario, o evidence.Objective, v *measure.Value) told {
	t := told{Samples: strings.ReplaceAll(quantity(count(o.Samples), o.SampleUnit), "1"+nbsp+"pairs", "1"+nbsp+"pair")}
	if o.Value == nil {
		t.Measured, t.Headroom = whyNot(s, o)
		return t
	}
	t.Measured = quantity(figure(*o.Value, o.Unit), o.Unit)
	switch {
	case o.Low != nil && o.High != nil:
		all := alike(o.Unit, *o.Value, *o.Low, *o.High)
		t.Measured = quantity(all[0], o.Unit)
		t.Interval = "[" + all[1] + "," + nbsp + all[2] + "]"
	case v != nil && v.Share != nil && o.Unit != "%":
		t.Measured = count(v.Share.Hits) + " of" + nbsp + count(v.Share.Of)
		t.Interval = "counted"
	case v != nil && v.Amount != nil && v.Amount.Says != "":
		t.Interval = v.Amount.Says
	case v != nil && v.Series != nil:
		t.Interval = "worst window"
	default:
		t.Interval = "counted"
	}
	t.Headroom = against(o, v)
	return t
}

// whyNot says in a few words what stands in place of a figure, and why.
func whyNot(s evidence.Scenario, o evidence.Objective) (instead, why string) {
	switch verdictOf(o) {
	case objective.Unfit:
		return "not judged", "void: machine or settings"
	case objective.Inconclusive:
		return "too few", "too little to decide"
	}
	switch {
	case s.Skipped != "":
		return "not measured", "not meant to run in this profile"
	case s.Broken != "":
		return "not measured", "the scenario could not be carried out"
	default:
		return "not measured", "nothing was observed"
	}
}

// against tells a judged figure and its limit apart in a few words.
func against(o evidence.Objective, v *measure.Value) string {
	b := boundOf(o)
	switch verdictOf(o) {
	case objective.Unfit:
		return "void: machine or settings"
	case objective.Inconclusive:
		if o.Low != nil && o.High != nil && *o.Low <= o.Limit && o.Limit <= *o.High {
			return "the limit lies inside the interval"
		}
		return "too little to decide"
	}
	if b == objective.Exactly {
		return exact(o)
	}
	if missing, allowed, ok := missed(o, v); ok {
		return count(missing) + " missing, " + count(allowed) + " allowed"
	}
	return toSpare(o, b)
}

func exact(o evidence.Objective) string {
	off := *o.Value - o.Limit
	switch {
	case off == 0 && o.Limit == 0:
		return "none allowed, none seen"
	case off == 0:
		return "exactly as promised"
	case o.Limit == 0:
		return "none allowed, " + number(*o.Value) + " seen"
	case off > 0:
		return number(off) + " too many"
	default:
		return number(-off) + " too few"
	}
}

// toSpare counts from the end of the interval that is kinder to nobody: the
// worse one for what holds, the better one for what does not.
func toSpare(o evidence.Objective, b objective.Bound) string {
	low, high := *o.Value, *o.Value
	if o.Low != nil && o.High != nil {
		low, high = *o.Low, *o.High
	}
	if o.Limit == 0 {
		return ""
	}
	atLeast := ""
	if low != high {
		atLeast = "at least" + nbsp
	}
	switch {
	case b == objective.AtLeast && verdictOf(o) == objective.Pass && low >= 2*o.Limit:
		return number(low/o.Limit) + " times the target"
	case b == objective.AtLeast && verdictOf(o) == objective.Pass:
		return rounded(low/o.Limit-1) + " to spare"
	case b == objective.AtLeast:
		return "short by " + atLeast + rounded(1-high/o.Limit)
	case b == objective.AtMost && verdictOf(o) == objective.Pass && high <= o.Limit/20:
		return rounded(high/o.Limit) + " of what is allowed"
	case b == objective.AtMost && verdictOf(o) == objective.Pass:
		return rounded(1-high/o.Limit) + " to spare"
	case b == objective.AtMost:
		return "over by " + atLeast + rounded(low/o.Limit-1)
	default:
		return ""
	}
}

// missed turns a share that is promised to be nearly whole inside out: what
// matters in 99.99 % is the rest.
func missed(o evidence.Objective, v *measure.Value) (missing, allowed int64, ok bool) {
	if v == nil || v.Share == nil || o.Unit != "%" || boundOf(o) != objective.AtLeast || o.Limit < 90 || o.Limit >= 100 {
		return 0, 0, false
	}
	of := v.Share.Of
	return of - v.Share.Hits, int64(float64(of)*(100-o.Limit)/100 + 1e-6), true
}
