package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// ComparisonText tells c on a terminal: a line for each measure with its change
// and verdict, then why some are not passes.
func ComparisonText(w io.Writer, c baseline.Comparison) error {
	var b strings.Builder
	var sides [][]string
	for _, side := range []struct {
		name string
		of   baseline.Side
	}{{"before", c.Before}, {"after", c.After}} {
		sides = append(sides, []string{side.name, side.of.Asked, runUnlessAsked(side.of), commitWords(side.of.Commit), "profile " + side.of.Profile, side.of.Environment.ID})
	}
	b.WriteString(columns(sides) + "\n")
	lines := [][]string{{"verdict", "promise", "measure", "before", "after", "change"}}
	var why, reasons []string
	for _, x := range c.Changes {
		verdict := string(x.Verdict)
		if !x.Gating {
			verdict = "(" + verdict + ")"
		}
		lines = append(lines, []string{verdict, x.Scenario, x.Measure, sideFigure(x.Before), sideFigure(x.After), changeSaid(x)})
		if x.Gating && x.Verdict != objective.Pass {
			why = append(why, fmt.Sprintf("%s %s: %s", x.Scenario, x.Measure, x.Reason))
			reasons = append(reasons, x.Reason)
		}
	}
	b.WriteString(columns(lines))
	b.WriteString("\n")
	if oneReason(reasons) {
		why = reasons[:1]
	}
	for _, line := range append(why, c.Notes...) {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "%s\n", c.Result.Reason)
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), nbsp, " "))
	return err
}

// oneReason reports whether several lines would all say the same.
func oneReason(reasons []string) bool {
	for _, r := range reasons {
		if r != reasons[0] {
			return false
		}
	}
	return len(reasons) > 1
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
	text := number(percent)
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
