package objective

import (
	"fmt"
	"math"

	"github.com/signoff-dev/signoff/harness/measure"
)

// beyondNeeded is how many observations must lie beyond a percentile before
// anything is said about it.
const beyondNeeded = 10

// shownLevel is the level of intervals that are shown beside a counted figure.
const shownLevel = 0.95

// Judge gives the verdict of o on what was measured. family is the number of
// gating relative objectives planned in the run, at least 1: they share its
// budget of false alarms. An advisory objective raises no alarm and is judged
// alone.
//
// A value without a shape is "not run", and so is one that can never answer o
// (see Check). A shape that holds no observation is inconclusive, never a pass.
func (o Objective) Judge(v measure.Value, family int) Judgement {
	j := Judgement{Unit: o.Unit, Limit: o.Limit()}
	if v.Share == nil && v.Amount == nil && v.Series == nil && v.Histogram == nil && v.Pairs == nil {
		return j.as(NotRun, "%q was not measured, so nothing is claimed.", o.Measure)
	}
	if err := o.Check(v); err != nil {
		return j.as(NotRun, "%v.", err)
	}
	switch {
	case v.Pairs != nil:
		return o.judgePairs(j, *v.Pairs, family)
	case v.Histogram != nil && o.Percentile != 0:
		return o.judgePercentile(j, v.Histogram)
	case v.Histogram != nil:
		return o.judgeExtreme(j, v.Histogram)
	case v.Share != nil:
		return o.judgeShare(j, *v.Share)
	case v.Amount != nil:
		return o.judgeAmount(j, *v.Amount, v.Unit)
	default:
		return o.judgeSeries(j, *v.Series, v.Unit)
	}
}

// judgePercentile compares the quantile on its worse side with the limit
// and shows the interval between order statistics.
func (o Objective) judgePercentile(j Judgement, h *measure.Histogram) Judgement {
	q := o.Percentile / 100
	j.Samples = h.Count()
	beyond, side := h.Beyond(q), "beyond"
	if o.Bound == AtLeast {
		beyond, side = h.Count()-h.Beyond(q), "up to"
	}
	if beyond < beyondNeeded {
		return j.as(Inconclusive, "Only %s of %s observations lie %s p%s; nothing is said about it with fewer than %d.",
			count(beyond), count(h.Count()), side, plain(o.Percentile), beyondNeeded)
	}
	at := h.Quantile(q)
	if o.Bound == AtLeast {
		at = h.QuantileFloor(q)
	}
	value := convert(measure.InMilliseconds(at), measure.Milliseconds, o.Unit)
	worst := value
	if i, ok := h.QuantileInterval(q, shownLevel); ok {
		low := convert(i.Low, measure.Milliseconds, o.Unit)
		high := convert(i.High, measure.Milliseconds, o.Unit)
		j.Low, j.High = &low, &high
		worst = o.worse(low, high)
	}
	return o.decide(j, value, worst, fmt.Sprintf("p%s of %s observations", plain(o.Percentile), count(j.Samples)))
}

// judgeExtreme holds every single observation to the limit.
func (o Objective) judgeExtreme(j Judgement, h *measure.Histogram) Judgement {
	j.Samples = h.Count()
	if h.Count() == 0 {
		return j.as(Inconclusive, "Nothing was observed, and that is never a pass.")
	}
	shortest := convert(measure.InMilliseconds(h.Min()), measure.Milliseconds, o.Unit)
	longest := convert(measure.InMilliseconds(h.Max()), measure.Milliseconds, o.Unit)
	value, which := o.worse(shortest, longest), "longest"
	if value != longest {
		which = "shortest"
	}
	return o.decide(j, value, value, fmt.Sprintf("the %s of %s", which, count(j.Samples)))
}

func (o Objective) judgeShare(j Judgement, s measure.Share) Judgement {
	j.Samples = max(s.Of, 0)
	u, _ := unitNamed(o.Unit)
	asShare := u.kind == "share"
	switch {
	case s.Of == 0:
		return j.as(Inconclusive, "Nothing was observed, and that is never a pass.")
	case s.Of < 0 || s.Hits < 0 || asShare && s.Hits > s.Of:
		return j.as(Inconclusive, "A count of %s out of %s contradicts itself.", count(s.Hits), count(s.Of))
	}
	what := fmt.Sprintf("%s of %s", count(s.Hits), count(s.Of))
	if !asShare {
		return o.decide(j, float64(s.Hits), float64(s.Hits), "counted among "+count(s.Of))
	}
	whole := convert(100, "%", o.Unit)
	value := whole * float64(s.Hits) / float64(s.Of)
	if i, ok := s.Interval(shownLevel); ok {
		low, high := whole*i.Low, whole*i.High
		j.Low, j.High = &low, &high
	}
	return o.decide(j, value, value, what)
}

func (o Objective) judgeAmount(j Judgement, a measure.Amount, unit string) Judgement {
	j.Samples = max(a.Of, 0)
	switch {
	case a.Of <= 0:
		return j.as(Inconclusive, "Nothing was observed, and that is never a pass.")
	case !usable(a.Value):
		return j.as(Inconclusive, "The figure taken over %s observations is no number.", count(a.Of))
	}
	value := convert(a.Value, unit, o.Unit)
	what := a.Says
	if what == "" {
		what = "over " + count(a.Of)
	}
	return o.decide(j, value, value, what)
}

func (o Objective) judgeSeries(j Judgement, s measure.Series, unit string) Judgement {
	j.Samples, j.SampleUnit = int64(len(s.Windows)), "windows"
	if len(s.Windows) == 0 {
		return j.as(Inconclusive, "Nothing was observed, and that is never a pass.")
	}
	lowest, highest := math.Inf(1), math.Inf(-1)
	for i, w := range s.Windows {
		if !usable(w) {
			return j.as(Inconclusive, "The figure of window %d of %d is no number.", i+1, len(s.Windows))
		}
		w = convert(w, unit, o.Unit)
		lowest, highest = min(lowest, w), max(highest, w)
	}
	value, which := o.worse(lowest, highest), "highest"
	if value != highest {
		which = "lowest"
	}
	return o.decide(j, value, value, fmt.Sprintf("the %s of %s windows", which, count(j.Samples)))
}

// decide compares a counted figure with the limit; what says how it was taken
// and worst is the end that headroom is measured from.
func (o Objective) decide(j Judgement, value, worst float64, what string) Judgement {
	j.Value = &value
	shown := []float64{value}
	if u, _ := unitNamed(o.Unit); u.kind == "share" {
		// A share that is not quite all must not look like all.
		shown = append(shown, convert(100, "%", o.Unit))
	}
	write := figures(j.Limit, shown...)
	measured := fmt.Sprintf("%s (%s)", with(write(value), o.Unit), what)
	limit := with(write(j.Limit), o.Unit)
	word := o.word()
	if o.kept(value, j.Limit) {
		j = j.as(Pass, "%s; %s %s is %s.", measured, o.Bound, limit, word)
	} else {
		j = j.as(Fail, "%s, %s the %s that is %s.", measured, departure(value, j.Limit), limit, word)
	}
	j.Headroom = o.headroom(j, worst)
	return j
}

// word is what a target is called: a promise gates, a wish does not.
func (o Objective) word() string {
	if o.Advisory {
		return "hoped for"
	}
	return "promised"
}

func departure(value, limit float64) string {
	if value > limit {
		return "more than"
	}
	return "less than"
}

// kept reports whether a figure is on the good side; the limit itself is.
func (o Objective) kept(value, limit float64) bool {
	switch o.Bound {
	case AtMost:
		return value <= limit
	case AtLeast:
		return value >= limit
	default:
		return value == limit
	}
}

// worse is the end that an honest reader looks at first.
func (o Objective) worse(low, high float64) float64 {
	switch o.Bound {
	case AtMost:
		return high
	case AtLeast:
		return low
	default:
		if math.Abs(low-o.Limit()) > math.Abs(high-o.Limit()) {
			return low
		}
		return high
	}
}

// headroom is how far worst lies on the good side, as a fraction of the limit.
// A limit of zero and an exact one have none. A figure that passes while its
// shown interval reaches over the limit has nothing to spare.
func (o Objective) headroom(j Judgement, worst float64) *float64 {
	if j.Limit == 0 || o.Bound == Exactly {
		return nil
	}
	room := (worst - j.Limit) / j.Limit
	if o.Bound == AtMost {
		room = -room
	}
	if j.Verdict == Pass {
		room = max(room, 0)
	}
	return &room
}

// as gives j that verdict and reason.
func (j Judgement) as(v Verdict, format string, args ...any) Judgement {
	j.Verdict, j.Reason = v, fmt.Sprintf(format, args...)
	return j
}

func usable(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
