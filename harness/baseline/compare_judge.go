package baseline

import (
	"fmt"
	"math"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// judge compares two figures that may be set beside each other.
func (t Terms) judge(c *Change) {
	was, is := c.Before, c.After
	c.Margin = max(t.Margin, leastMargin)
	c.Noise = c.Margin
	for _, f := range []*Figure{was, is} {
		if f.Noise != nil {
			c.Noise = max(c.Noise, 200**f.Noise)
		}
	}
	switch {
	case was.Verdict == objective.Unfit || is.Verdict == objective.Unfit:
		c.Verdict, c.Reason = objective.Unfit, "The machine was not fit in "+which(was.Verdict == objective.Unfit, is.Verdict == objective.Unfit)+"."+why(was, is)
	case was.Value == nil || is.Value == nil:
		c.Verdict, c.Reason = objective.Inconclusive, "There is no figure in "+which(was.Value == nil, is.Value == nil)+"."+why(was, is)
	case !alike(was.Experiment, is.Experiment):
		c.Verdict, c.Reason = objective.Unfit, "The experiments divide by different things: the baseline arm, its settings or its rows are not the same."
	case c.Kind == Share || c.Kind == Amount || c.Kind == Window || c.Kind == Extreme:
		c.counted()
	default:
		c.interval()
	}
}

func which(first, second bool) string {
	switch {
	case first && second:
		return "either run"
	case first:
		return "the earlier run"
	default:
		return "the later run"
	}
}

// why repeats what the runs said of figures that they do not have, the later
// one first.
func why(was, is *Figure) string {
	for _, f := range []*Figure{is, was} {
		if f.Value == nil && f.Reason != "" {
			return " " + f.Reason
		}
	}
	return ""
}

// faster is the throughput ratio of two figures.
func (c *Change) faster(was, is float64) (float64, bool) {
	if !(was > 0 && is > 0) || c.After.Better == "" {
		return 0, false
	}
	if c.After.Better == Less {
		return was / is, true
	}
	return is / was, true
}

func percent(ratio float64) *float64 {
	p := 100 * (ratio - 1)
	return &p
}

// interval compares figures that have one.
func (c *Change) interval() {
	was, is := c.Before, c.After
	ratio, ok := c.faster(*was.Value, *is.Value)
	if !ok || was.Low == nil || is.Low == nil {
		c.Verdict, c.Reason = objective.Inconclusive, "A figure without an interval cannot show a change."
		return
	}
	low, lowOK := c.faster(*was.High, *is.Low)
	high, highOK := c.faster(*was.Low, *is.High)
	if c.After.Better == Less {
		low, lowOK = c.faster(*was.Low, *is.High)
		high, highOK = c.faster(*was.High, *is.Low)
	}
	c.Faster = percent(ratio)
	if !lowOK || !highOK {
		c.Verdict, c.Reason = objective.Inconclusive, "An interval reaches down to nothing, so that no ratio can be formed."
		return
	}
	c.Low, c.High = percent(low), percent(high)
	allowed, certain := 1-c.Margin/100, 1-c.Noise/100
	switch span := fmt.Sprintf("from %s to %s", change(*c.Low), change(*c.High)); {
	case low >= allowed:
		c.Verdict, c.Reason = objective.Pass, fmt.Sprintf("The change lies %s; up to %s slower is let through.", span, amount(c.Margin))
	case high < certain:
		c.Verdict, c.Reason = objective.Fail, fmt.Sprintf("The change lies %s, and up to %s slower is let through.", span, amount(c.Margin))
	case high < allowed:
		c.Verdict, c.Reason = objective.Inconclusive, fmt.Sprintf("The change lies %s, but the machine was so restless that less than %s slower is no proof.", span, amount(c.Noise))
	default:
		c.Verdict, c.Reason = objective.Inconclusive, fmt.Sprintf("The change lies %s: this does not tell whether it is within the %s that are let through.", span, amount(c.Margin))
	}
}

// counted compares figures that were counted or taken once. What was counted is
// a fact, but one fact in each run is no trend: only a count that is no worse
// passes, and only one that is worse beyond both intervals fails.
func (c *Change) counted() {
	was, is := c.Before, c.After
	if ratio, ok := c.faster(*was.Value, *is.Value); ok {
		c.Faster = percent(ratio)
	}
	better := func(x, y float64) bool {
		if is.Better == Less {
			return x < y
		}
		return x > y
	}
	switch {
	case *was.Value == *is.Value:
		c.Verdict, c.Reason = objective.Pass, "The figure is the same."
	case is.Better == "":
		c.Verdict, c.Reason = objective.Inconclusive, "Nobody has said which side is good."
	case c.Kind == Share && better(*is.Value, *was.Value):
		c.Verdict, c.Reason = objective.Pass, "It is better than before."
	case is.apart(*was):
		c.Verdict, c.Reason = objective.Fail, "It is worse than before, and the intervals do not meet."
	default:
		c.Verdict, c.Reason = objective.Inconclusive, "One figure from each run cannot show a change."
	}
}

// countedLevel is the level of the interval of a count.
const countedLevel = 0.95

// apart reports whether f is worse than was, and their intervals do not meet. A
// count has the interval of its share (Clopper and Pearson 1934).
func (f *Figure) apart(was Figure) bool {
	ends := func(f Figure) (low, high float64, ok bool) {
		if f.Low != nil && f.High != nil {
			return *f.Low, *f.High, true
		}
		if f.Kind != Share || f.Unit != "" {
			return 0, 0, false
		}
		i, ok := measure.Share{Hits: int64(*f.Value), Of: f.Samples}.Interval(countedLevel)
		return i.Low, i.High, ok
	}
	low, high, ok := ends(*f)
	wasLow, wasHigh, wasOK := ends(was)
	return ok && wasOK && (f.Better == Less && low > wasHigh || f.Better == More && high < wasLow)
}

// change writes an improvement for people: "4.2 % faster", "12 % slower".
func change(p float64) string {
	if p < 0 {
		return amount(-p) + " slower"
	}
	return amount(p) + " faster"
}

func amount(p float64) string {
	text := fmt.Sprintf("%.1f", p)
	if p >= 10 || p == math.Trunc(p) {
		text = fmt.Sprintf("%.0f", p)
	}
	return text + " %"
}

// alike compares digests; where one is not known nothing is held against it.
func alike(a, b string) bool { return a == "" || b == "" || a == b }
