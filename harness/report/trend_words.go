package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// shifted puts an improvement in per cent into words: "12 % slower".
func shifted(kind baseline.Kind, percent float64) string {
	better, worse := "faster", "slower"
	if kind == baseline.Share || kind == baseline.Amount {
		better, worse = "better", "worse"
	}
	word := better
	if percent < 0 {
		word = worse
	}
	return plainPercent(math.Abs(percent)) + " " + word
}

func plainPercent(p float64) string {
	switch {
	case p == 0:
		return "0" + nbsp + "%"
	case p < 0.05:
		return "less than 0.1" + nbsp + "%"
	case p < 10:
		return withDecimals(p, 1) + nbsp + "%"
	default:
		return withDecimals(p, 0) + nbsp + "%"
	}
}

// shiftWords is what a change point says, in few words.
func shiftWords(s baseline.Series, c baseline.Shift) string {
	if c.Faster != nil {
		return shifted(s.Kind, *c.Faster)
	}
	said := alike(s.Unit, c.Before, c.After)
	return said[0] + " → " + said[1]
}

// historyFigure is a figure of the history with its interval, if it has one.
func historyFigure(unit string, value, low, high *float64) string {
	switch {
	case value == nil:
		return "–"
	case low == nil || high == nil:
		return quantity(figure(*value, unit), shortUnit(unit))
	}
	all := alike(unit, *value, *low, *high)
	return quantity(all[0], shortUnit(unit)) + " [" + all[1] + "," + nbsp + all[2] + "]"
}

// HistoryFigure puts a figure of the history into words for one line of a
// terminal.
func HistoryFigure(f baseline.Figure) string {
	return strings.ReplaceAll(historyFigure(f.Unit, f.Value, f.Low, f.High), nbsp, " ")
}

// shortUnit is a unit where there is little room.
func shortUnit(unit string) string {
	if unit == objective.Ratio {
		return "×"
	}
	return unit
}

// limitOf is a promise where there is little room: "at least 1.3 ×".
func limitOf(p baseline.Promise, unit string) string {
	return string(p.Bound) + nbsp + quantity(figure(p.Limit, unit), shortUnit(unit))
}

// commitWords names a commit as people do; a dirty tree has a star.
func commitWords(c baseline.Commit) string {
	if c.SHA == "" {
		return "no commit"
	}
	if c.Dirty {
		return short(c.SHA) + "*"
	}
	return short(c.SHA)
}

// gatingOf are the promises of s that gate, or all if none does.
func gatingOf(s baseline.Series) []baseline.Promise {
	var gating []baseline.Promise
	for _, p := range s.Promises {
		if p.Gating {
			gating = append(gating, p)
		}
	}
	if len(gating) == 0 {
		return s.Promises
	}
	return gating
}

func targetsSaid(s baseline.Series) string {
	var said []string
	for _, p := range gatingOf(s) {
		said = append(said, limitOf(p, s.Unit))
	}
	if len(said) == 0 {
		return "no promise"
	}
	return strings.Join(said, ", ")
}

// constant reports whether every figure of s is the same.
func constant(s baseline.Series) bool {
	var first *float64
	for _, p := range s.Points {
		switch {
		case p.Value == nil:
		case first == nil:
			first = p.Value
		case *first != *p.Value:
			return false
		}
	}
	return first != nil
}

// latest is the newest point of s.
func latest(s baseline.Series) baseline.Point { return s.Points[len(s.Points)-1] }

// shiftTally counts the promises whose newest change is for the worse and for
// the better.
func shiftTally(t baseline.Trend) (worse, better int) {
	for _, s := range t.Series {
		for _, c := range s.Shifts {
			if c.Worse {
				worse++
			} else {
				better++
			}
		}
	}
	return worse, better
}

func trendHeadline(t baseline.Trend) string {
	worse, better := shiftTally(t)
	measures := fmt.Sprintf("%s over %s", plural(len(t.Series), "measure", "measures"), plural(len(t.Runs), "run", "runs"))
	switch {
	case worse == 0 && better == 0:
		return measures + ": no change stands out"
	case better == 0:
		return fmt.Sprintf("%s: %s for the worse", measures, plural(worse, "change", "changes"))
	case worse == 0:
		return fmt.Sprintf("%s: %s for the better", measures, plural(better, "change", "changes"))
	default:
		return fmt.Sprintf("%s: %s for the worse, %d for the better", measures, plural(worse, "change", "changes"), better)
	}
}

// againstSaid is the version that every run compared with, or empty.
func againstSaid(t baseline.Trend) string {
	if t.Against == nil {
		return ""
	}
	return "compared with " + t.Against.String()
}
