package measure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// mostPairs bounds an experiment, so that a forged record cannot keep a
// verifier busy for hours.
const mostPairs = 400

// mostRatio is beyond any difference between two arms; logarithms stay exact
// enough below it.
const mostRatio = 1e12

// Side is a direction in which data can depart from a limit.
type Side string

// The two sides of a limit.
const (
	Below Side = "below"
	Above Side = "above"
)

// Validate reports everything that keeps p from being the record of an
// experiment: figures that are not positive, arms of different length, an order
// that does not match, looks that do not grow, a stop between two looks, or a
// server that was observed in other pairs.
func (p Pairs) Validate() error {
	var problems []error
	fault := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	n := len(p.Baseline)
	if len(p.Current) != n {
		fault("%d figures of the baseline and %d of the current arm are no pairs", n, len(p.Current))
	}
	if max(n, len(p.Current)) > mostPairs {
		fault("%d pairs are more than %d", max(n, len(p.Current)), mostPairs)
	}
	if !finite(p.Baseline...) || !finite(p.Current...) {
		fault("a figure is not a positive number")
	}
	if len(p.First) != n || strings.Trim(p.First, "bc") != "" {
		fault("the order %q does not name b or c for each of %d pairs", p.First, n)
	}
	if !(p.Alpha > 0 && p.Alpha < 1) {
		fault("alpha %v is no probability of error", p.Alpha)
	}
	if p.Slices < 0 {
		fault("%d slices of a block are impossible", p.Slices)
	}
	if p.WarmupPairs < 0 {
		fault("%d warm-up pairs are impossible", p.WarmupPairs)
	}
	if !(p.BlockSeconds >= 0) || math.IsInf(p.BlockSeconds, 0) {
		fault("blocks of %v s are impossible", p.BlockSeconds)
	}
	if err := p.validateLooks(); err != nil {
		problems = append(problems, err)
	}
	if p.Fitness != nil {
		if err := p.Fitness.validate(); err != nil {
			problems = append(problems, err)
		}
	}
	if p.Server != nil {
		if err := p.Server.validate(n); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (p Pairs) validateLooks() error {
	if len(p.Looks) == 0 {
		return errors.New("no look was planned")
	}
	before := 0
	for _, look := range p.Looks {
		if look <= before || look > mostPairs {
			return fmt.Errorf("the looks %v do not grow from 1 to at most %d", p.Looks, mostPairs)
		}
		before = look
	}
	if !slices.Contains(p.Looks, len(p.Baseline)) {
		return fmt.Errorf("%d pairs are none of the looks %v that were planned", len(p.Baseline), p.Looks)
	}
	return nil
}

// Ratios are the throughput ratios of the pairs, current to baseline: 1.3 is
// 30 % faster. Where the figures are durations that is baseline ÷ current.
func (p Pairs) Ratios() ([]float64, error) {
	if p.LowerIsBetter {
		return ratios(p.Baseline, p.Current)
	}
	return ratios(p.Current, p.Baseline)
}

// Interval is the Hodges–Lehmann estimate of the throughput ratio with its
// exact Wilcoxon signed-rank interval (Hollander and Wolfe, Nonparametric
// Statistical Methods, 1973, sections 3.2 and 3.3), both taken on logarithms. The
// level of the result is the one attained, at least the one asked for. Ties make
// it cover more, never less. It needs enough pairs to attain the level at all:
// 6 for 95 %, 8 for 99 %.
func (p Pairs) Interval(level float64) (Interval, error) {
	r, err := p.Ratios()
	if err != nil {
		return Interval{}, err
	}
	return interval(r, level)
}

// PValue is the exact one-sided probability of data this far below, or above,
// limit if the true throughput ratio were exactly limit: the signed-rank test,
// conditional on the ties and zeros of the data.
func (p Pairs) PValue(limit float64, side Side) (float64, error) {
	r, err := p.Ratios()
	if err != nil {
		return 0, err
	}
	if !finite(limit) {
		return 0, fmt.Errorf("testing against a ratio of %v", limit)
	}
	d := logs(r)
	for i := range d {
		d[i] -= math.Log(limit)
	}
	if side == Below {
		return rankSigned(d).atMost(), nil
	}
	return rankSigned(d).atLeast(), nil
}

// Interval is the ratio of B to A, as Pairs.Interval. A fit machine finds no
// difference between a thing and itself: the interval holds 1.
func (f Fitness) Interval(level float64) (Interval, error) {
	r, err := ratios(f.B, f.A)
	if err != nil {
		return Interval{}, fmt.Errorf("comparing a block with itself: %w", err)
	}
	return interval(r, level)
}

func (f Fitness) validate() error {
	if len(f.A) != len(f.B) || len(f.A) > mostPairs || !finite(f.A...) || !finite(f.B...) {
		return fmt.Errorf("the fitness check of %d and %d figures is not pairs of positive numbers", len(f.A), len(f.B))
	}
	return nil
}

func interval(ratios []float64, level float64) (Interval, error) {
	if !(level > 0 && level < 1) {
		return Interval{}, fmt.Errorf("level %v lies outside 0 to 1", level)
	}
	n := len(ratios)
	k, attained := walshRank(n, level)
	if k == 0 {
		return Interval{}, fmt.Errorf("%d pairs are too few for an interval at the %.4g %% level", n, 100*level)
	}
	w := walshAverages(logs(ratios))
	return Interval{
		Estimate: math.Exp(median(w)),
		Low:      math.Exp(w[k-1]),
		High:     math.Exp(w[len(w)-k]),
		Level:    attained,
	}, nil
}

// ratios divides pairwise.
func ratios(over, under []float64) ([]float64, error) {
	if len(over) != len(under) {
		return nil, fmt.Errorf("%d and %d figures are no pairs", len(over), len(under))
	}
	if len(over) > mostPairs {
		return nil, fmt.Errorf("%d pairs are more than %d", len(over), mostPairs)
	}
	r := make([]float64, len(over))
	for i := range over {
		r[i] = over[i] / under[i]
		if !finite(over[i], under[i], r[i]) || r[i] > mostRatio || r[i] < 1/mostRatio {
			return nil, fmt.Errorf("pair %d, %v and %v, has no ratio", i+1, over[i], under[i])
		}
	}
	return r, nil
}

func logs(x []float64) []float64 {
	l := make([]float64, len(x))
	for i := range x {
		l[i] = math.Log(x[i])
	}
	return l
}
