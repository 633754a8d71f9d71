// Package objective reads the rows of an objective table and judges what was
// measured against them: the grammar of a target, the rule that turns figures
// into a verdict, and the correction for many promises in one run.
//
// Everything is pure: equal measures give equal verdicts, today and in the hands
// of whoever verifies the report. The package refuses to know how anything was
// measured, what Gherkin is, and which verdict blocks a release.
package objective

import (
	"fmt"
	"strconv"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Bound is the direction of a promise.
type Bound string

// The three bounds.
const (
	AtMost  Bound = "at most"
	AtLeast Bound = "at least"
	Exactly Bound = "exactly"
)

// Comparison is how a relative target names its ratio. The zero value is none:
// the target is absolute.
type Comparison string

// The three comparisons with the baseline.
const (
	Faster Comparison = "% faster than baseline" // throughput ratio − 1, in per cent
	Times  Comparison = "× baseline"             // ratio
	Of     Comparison = "% of baseline"          // ratio, in per cent
)

// Ratio is the unit in which every relative target is judged.
const Ratio = "× baseline"

// Objective is one row of an objective table.
//
// A relative target bounds the throughput ratio, current to baseline, with one
// exception: where the measure is a duration and the target says "at most … ×
// baseline" or "at most … % of baseline", it bounds the ratio of the durations,
// because that is what a reader expects of "duration · at most 105 % of
// baseline". So on a duration "at least" speaks of how fast and "at most" of how
// long; "faster than baseline" always speaks of how fast.
type Objective struct {
	// Measure is the name of the measure without its percentile.
	Measure string
	// Percentile is 99 for p99 and 0 where the row names none.
	Percentile float64
	Bound      Bound
	// Advisory says that the target is a wish ("should be"), which is shown
	// and never gates.
	Advisory bool
	// Number is the figure as written: 30 in "30 % faster than baseline".
	Number float64
	// Unit is the unit of an absolute target and Ratio for a relative one.
	Unit       string
	Comparison Comparison
}

// Gating reports whether the objective decides about a release.
func (o Objective) Gating() bool { return !o.Advisory }

// Relative reports whether the target compares with the baseline.
func (o Objective) Relative() bool { return o.Comparison != "" }

// Name is the measure as the row names it, with its percentile.
func (o Objective) Name() string {
	if o.Percentile == 0 {
		return o.Measure
	}
	return o.Measure + ", p" + plain(o.Percentile)
}

// String is the target in its plainest form; parsing it gives o again.
func (o Objective) String() string {
	text := string(o.Bound) + " " + plain(o.Number)
	if o.Advisory {
		text = "should be " + text
	}
	switch {
	case o.Relative():
		return text + " " + string(o.Comparison)
	case o.Unit != "":
		return text + " " + o.Unit
	}
	return text
}

// Limit is the target on the scale on which it is judged: 1.3 for "30 % faster
// than baseline", 1.05 for "105 % of baseline", 250 for "250 ms".
func (o Objective) Limit() float64 {
	switch o.Comparison {
	case Faster:
		return (100 + o.Number) / 100
	case Of:
		return o.Number / 100
	default:
		return o.Number
	}
}

// Check reports why v can never answer o, whatever its figures: a percentile of
// something that is no distribution, a comparison of something that was not
// compared, or a unit that cannot be converted. The error says what to write
// instead.
func (o Objective) Check(v measure.Value) error {
	switch {
	case o.Relative() && v.Pairs == nil:
		return fmt.Errorf("%q is not compared with a baseline, so %q cannot be judged: write an absolute target%s",
			o.Measure, o, inUnit(v.Unit))
	case o.Relative() && o.Percentile != 0:
		return fmt.Errorf("%q cannot be judged: an experiment compares whole blocks and has no percentiles: write %q",
			o.Name(), o.Measure)
	case o.Relative():
		return nil
	case v.Pairs != nil:
		return fmt.Errorf("%q is compared with a baseline, so %q cannot be judged: write a target such as \"at least 2 × baseline\"",
			o.Measure, o)
	case o.Percentile != 0 && v.Histogram == nil:
		return fmt.Errorf("%q is one figure and no distribution, so it has no p%s: write %q",
			o.Measure, plain(o.Percentile), o.Measure)
	case !convertible(v.Unit, o.Unit):
		return fmt.Errorf("%q is measured %s, so %q cannot be judged: write the target%s",
			o.Measure, unitName(v.Unit), o, inUnit(v.Unit))
	}
	return nil
}

// plain writes x without exponent, separators or needless zeros.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
