package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// ComparisonText tells c on a terminal: a line for each measure with its change
// and verdict, then why some are not passes, and the plans that changed.
func ComparisonText(w io.Writer, c baseline.Comparison) error {
	var b strings.Builder
	var sides [][]string
	for _, side := range []struct {
		name string
		of   baseline.Side
	}{{"before", c.Before}, {"after", c.After}} {
		line := []string{side.name, side.of.Asked, runUnlessAsked(side.of), commitWords(side.of.Commit), "profile " + side.of.Profile, side.of.Environment.ID}
		if side.of.Against != nil {
			line = append(line, "against "+side.of.Against.String())
		}
		sides = append(sides, line)
	}
	b.WriteString(columns(sides) + "\n")
	lines := [][]string{{"no worse", "scenario", "measure", "before", "after", "change", "promise"}}
	same := 0
	for _, x := range c.Changes {
		if unmoved(x) {
			same++
			continue
		}
		lines = append(lines, []string{noWorse(x), x.Scenario, x.Measure, sideFigure(x.Before), sideFigure(x.After), changeSaid(x), promiseSaid(x)})
	}
	if same > 0 {
		lines = append(lines, []string{"not listed: " + plural(same, "figure", "figures") + " the same in both runs"})
	}
	b.WriteString(columns(lines) + "\n")
	for _, line := range slices.Concat(reasonsSaid(c.Changes), c.Notes, plansSaid(c.Plans)) {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "%s\n", c.Result.Reason)
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), nbsp, " "))
	return err
}

// unmoved reports whether a line about x would tell nobody anything: the same
// figure twice, the promise about it kept, and nothing rests on the difference.
func unmoved(x baseline.Change) bool {
	return !x.Gating && x.Verdict == objective.Pass && *x.Before.Value == *x.After.Value &&
		x.Before.Verdict == x.After.Verdict && x.After.Verdict != objective.Fail
}

// noWorse is the verdict on the change, in brackets where it decides nothing.
// Beside a promise that is broken there stands no pass.
func noWorse(x baseline.Change) string {
	verdict := string(x.Verdict)
	if x.Verdict == objective.Pass && x.After != nil && len(x.After.Promises) > 0 && x.After.Verdict == objective.Fail {
		verdict = "no worse"
	}
	if !x.Gating {
		verdict = "(" + verdict + ")"
	}
	return verdict
}

// promiseSaid is what became of the promise about a measure: "pass → fail".
func promiseSaid(x baseline.Change) string {
	said := func(f *baseline.Figure) string {
		if f == nil || len(f.Promises) == 0 {
			return ""
		}
		return string(f.Verdict)
	}
	was, is := said(x.Before), said(x.After)
	if was == is || was == "" || is == "" {
		return or(is, was)
	}
	return was + " → " + is
}

// reasonsSaid tells why changes that gate are not passes, and why figures must
// not be compared.
func reasonsSaid(changes []baseline.Change) []string {
	var all reasons
	for _, x := range changes {
		if x.Verdict != objective.Pass && (x.Gating || x.Verdict == objective.Unfit) {
			all.add(x.Scenario+" "+x.Measure, x.Reason)
		}
	}
	return all.said()
}

// plansSaid shows every plan that changed, line by line.
func plansSaid(plans []baseline.PlanChange) []string {
	var said []string
	for _, p := range plans {
		of := p.Scenario
		if p.Arm != "" {
			of += ", " + p.Arm
		}
		said = append(said, "", fmt.Sprintf("The plan of %s (%s) changed:", p.Name, of))
		for _, line := range p.Difference {
			said = append(said, "  "+strings.TrimRight(line[:1]+" "+line[1:], " "))
		}
	}
	if len(said) > 0 {
		said = append(said, "A plan that changed decides nothing by itself.", "")
	}
	return said
}

func sideFigure(f *baseline.Figure) string {
	if f == nil {
		return "–"
	}
	return historyFigure(f.Unit, f.Value, f.Low, f.High)
}

func changeSaid(x baseline.Change) string {
	switch {
	case x.Faster == nil, x.Low == nil && *x.Faster == 0:
		return "–"
	case x.Low == nil || x.High == nil:
		return shifted(x.Kind, *x.Faster)
	default:
		return shifted(x.Kind, *x.Faster) + " [" + signed(*x.Low) + "," + nbsp + signed(*x.High) + "]"
	}
}

// signed writes the ends of a change: +25, −3.1.
func signed(percent float64) string {
	decimals := 1
	if math.Abs(percent) >= 10 {
		decimals = 0
	}
	text := withDecimals(percent, decimals)
	if percent > 0 {
		text = "+" + text
	}
	return text
}

// runUnlessAsked is the id of a run that was asked for by another name.
func runUnlessAsked(s baseline.Side) string {
	if s.Asked == s.Run {
		return ""
	}
	return s.Run
}
