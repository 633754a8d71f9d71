package objective

import (
	"fmt"
	"math"

	"github.com/signoff-dev/signoff/harness/measure"
)

// rounding is the relative error that logarithms leave on a ratio; a ratio
// within it of the limit is at the limit.
const rounding = 1e-12

// comparison is an experiment on the scale on which its target is read.
type comparison struct {
	objective Objective
	pairs     measure.Pairs
	// durations says that the scale is the ratio of durations, current to
	// baseline, instead of that of throughputs.
	durations bool
}

// judgePairs asks first whether the machine can measure it, then whether the
// whole interval lies on one side.
//
// The interval of each look has the level 1 − α/len(looks), so that all looks
// together cover the truth with 1 − α. A fail needs more: a one-sided exact p
// value of at most α ÷ 2 ÷ looks ÷ family, so that a run of family sound
// promises breaks one by chance in at most α/2 of runs and Holm's correction
// never takes a fail back. The p value of n pairs is at least 2⁻ⁿ: with α = 5 %
// and three looks, 10 pairs can fail in a family of at most 8, 20 pairs in one
// of at most 8,738, and 40 pairs in any; a larger family decides at a later look.
//
// A target that lets a loss through, such as "at least 95 % of baseline", passes
// like any other, so that noise never helps it. It fails only if the whole
// interval lies beyond the limit and beyond twice the noise of the machine as
// well, the half-width of the 95 % interval of the fitness check on the log scale:
// the margin of a regression is the larger of the two. In between it is
// inconclusive.
func (o Objective) judgePairs(j Judgement, p measure.Pairs, family int) Judgement {
	c := o.comparison(p)
	j.Samples, j.SampleUnit = int64(min(len(p.Baseline), len(p.Current))), "pairs"
	if len(p.Baseline) == 0 && len(p.Current) == 0 {
		return j.as(Inconclusive, "No pair was measured, and nothing observed is never a pass.")
	}
	if reason := c.unfit(); reason != "" {
		return j.as(Unfit, "%s", reason)
	}
	looks := float64(len(p.Looks))
	i, err := c.interval(1 - p.Alpha/looks)
	if err != nil {
		return j.as(Inconclusive, "Nothing can be said: %v.", err)
	}
	chance, err := c.chance()
	if err != nil {
		return j.as(Inconclusive, "Nothing can be said: %v.", err)
	}
	chance = min(1, chance*looks)
	j.Value, j.Low, j.High, j.P = &i.Estimate, &i.Low, &i.High, &chance
	bar, err := c.bar()
	if err != nil {
		return j.as(Inconclusive, "Nothing can be said: %v.", err)
	}
	if o.Advisory {
		family = 1
	}
	j = c.decide(j, bar, p.Alpha/2/float64(max(family, 1)))
	j.Headroom = o.headroom(j, o.worse(i.Low, i.High))
	return j
}

func (o Objective) comparison(p measure.Pairs) comparison {
	return comparison{o, p, p.LowerIsBetter && o.Bound == AtMost && o.Comparison != Faster}
}

// decide needs the interval and the probability in j; bar is the ratio beyond
// which a miss is proven, and allowed the largest probability that still is no
// chance.
func (c comparison) decide(j Judgement, bar, allowed float64) Judgement {
	o := c.objective
	write := figures(j.Limit, *j.Value, *j.Low, *j.High)
	lead := fmt.Sprintf("%s times as %s as the baseline; %s %s is %s",
		write(*j.Value), c.adjective(), o.Bound, write(j.Limit), o.word())
	worse, better := *j.Low, *j.High
	if o.Bound == AtMost {
		worse, better = better, worse
	}
	switch {
	case o.kept(worse, j.Limit):
		return j.as(Pass, "%s, and even the worse end of the interval, %s, keeps it.", lead, write(worse))
	case o.kept(better, j.Limit):
		return j.as(Inconclusive, "%s, but the interval from %s to %s holds values on both sides: %d pairs cannot decide.",
			lead, write(*j.Low), write(*j.High), j.Samples)
	case *j.P > allowed:
		return j.as(Inconclusive, "%s, and the whole interval from %s to %s misses it, but %d pairs show this by chance with a probability of %s, and %s is allowed.",
			lead, write(*j.Low), write(*j.High), j.Samples, figures(0, *j.P, allowed)(*j.P), figures(0, *j.P, allowed)(allowed))
	case o.kept(better, bar):
		return j.as(Inconclusive, "%s, and the whole interval from %s to %s misses it, but the machine was so restless that less than %s is no proof.",
			lead, write(*j.Low), write(*j.High), c.loss(bar))
	default:
		return j.as(Fail, "%s, and even the better end of the interval, %s, misses it.", lead, write(better))
	}
}

func (c comparison) adjective() string {
	if c.durations {
		return "long"
	}
	return "fast"
}

// interval is the confidence interval on the scale of c.
func (c comparison) interval(level float64) (measure.Interval, error) {
	i, err := c.pairs.Interval(level)
	if err != nil {
		return i, err
	}
	if c.durations {
		i.Estimate, i.Low, i.High = 1/i.Estimate, 1/i.High, 1/i.Low
	}
	i.Estimate, i.Low, i.High = c.settled(i.Estimate), c.settled(i.Low), c.settled(i.High)
	return i, nil
}

// settled is the limit for a ratio that only the rounding of logarithms keeps
// from it.
func (c comparison) settled(ratio float64) float64 {
	if limit := c.objective.Limit(); math.Abs(ratio-limit) <= rounding*limit {
		return limit
	}
	return ratio
}

// chance is the one-sided probability of figures this far on the bad side if
// the ratio were exactly the limit.
func (c comparison) chance() (float64, error) {
	limit := c.objective.Limit()
	switch {
	case c.durations: // at most so long is at least so fast
		return c.pairs.PValue(1/limit, measure.Below)
	case c.objective.Bound == AtMost:
		return c.pairs.PValue(limit, measure.Above)
	default:
		return c.pairs.PValue(limit, measure.Below)
	}
}

// Decided reports whether an experiment may stop at the look it has reached,
// because more pairs would not change what o is told: it passes, it fails, or
// the machine is unfit.
func Decided(o Objective, p measure.Pairs, family int) bool {
	switch o.Judge(measure.Value{Name: o.Measure, Pairs: &p}, family).Verdict {
	case Pass, Fail, Unfit:
		return true
	default:
		return false
	}
}
