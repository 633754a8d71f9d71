package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/baseline/changepoint"
	"github.com/signoff-dev/signoff/harness/objective"
)

// TrendText tells t on a terminal: a line for each measure with a picture of
// block letters, the newest figure and its limit, and below it every change.
func TrendText(w io.Writer, t baseline.Trend) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s, profile %s, environment %s (%s)\n", trendHeadline(t), or(t.Service, "a service"), t.Profile, t.Environment.ID, t.Environment.Says)
	if t.Against != nil {
		b.WriteString(againstSaid(t) + "\n")
	}
	first, last := t.Runs[0], t.Runs[len(t.Runs)-1]
	fmt.Fprintf(&b, "from %s (%s) to %s (%s)\n", first.Started.Format("2 January 2006"), commitWords(first.Commit), last.Started.Format("2 January 2006"), commitWords(last.Commit))
	lines, remarks := trendLines(t)
	b.WriteString(columns(lines))
	remarks = append(remarks, t.LeftOut...)
	for _, f := range t.Faults {
		remarks = append(remarks, "not read: "+f.String())
	}
	if worse, better := shiftTally(t); worse+better > 0 {
		remarks = append(remarks, adviceOn(t))
	}
	if len(remarks) > 0 {
		b.WriteString("\n" + strings.Join(remarks, "\n") + "\n")
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), nbsp, " "))
	return err
}

// trendLines are the lines of a trend, in cells; a line of one cell is no part
// of the table.
func trendLines(t baseline.Trend) (lines [][]string, remarks []string) {
	scenario := ""
	var notes reasons
	for _, s := range t.Series {
		if s.Scenario != scenario {
			scenario = s.Scenario
			lines = append(lines, []string{"\n" + s.Scenario + "  " + s.Title})
		}
		at := latest(s)
		lines = append(lines, []string{"  " + s.Measure, sparkline(s, len(t.Runs), 40), historyFigure(s.Unit, at.Value, at.Low, at.High), targetsSaid(s), verdictSaid(at.Verdict, s)})
		for _, c := range s.Shifts {
			lines = append(lines, []string{"    " + arrow(c) + ", " + shiftSentence(t, s, c)})
		}
		if s.Note != "" {
			notes.add(s.Scenario+" "+s.Measure, s.Note)
		}
	}
	return lines, notes.said()
}

// columns sets the lines that have cells in columns.
func columns(lines [][]string) string {
	var widths []int
	for _, cells := range lines {
		for i, cell := range cells {
			if len(cells) == 1 {
				break
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, cells := range lines {
		line := cells[0]
		if len(cells) > 1 {
			line = ""
			for i, cell := range cells {
				line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// adviceOn is what a reader of change points must know.
func adviceOn(t baseline.Trend) string {
	const advice = "A change is advice, not a verdict: it says that the figures before and after differ by more than chance (E-divisive, 1 in 100 series without any change shows one)."
	looked := 0
	for _, s := range t.Series {
		if !constant(s) && withFigures(s) >= changepoint.LeastFigures {
			looked++
		}
	}
	if looked < 50 {
		return advice
	}
	return fmt.Sprintf("%s Of %d series, as here, chance alone moves about %s: the smaller p, the surer.", advice, looked, number(math.Round(float64(looked)/10)/10))
}

func withFigures(s baseline.Series) int {
	n := 0
	for _, p := range s.Points {
		if p.Value != nil {
			n++
		}
	}
	return n
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// verdictSaid is empty where nothing was promised.
func verdictSaid(v objective.Verdict, s baseline.Series) string {
	if len(s.Promises) == 0 {
		return ""
	}
	return string(v)
}

func arrow(c baseline.Shift) string {
	if c.Worse {
		return "▼ worse"
	}
	return "▲ better"
}

// shiftSentence tells a change with its commit: where to look for the cause.
func shiftSentence(t baseline.Trend, s baseline.Series, c baseline.Shift) string {
	at := t.Runs[c.At]
	said := alike(s.Unit, c.Before, c.After)
	text := fmt.Sprintf("%s → %s", said[0], quantity(said[1], shortUnit(s.Unit)))
	if c.Faster != nil {
		text = shifted(s.Kind, *c.Faster) + ": " + text
	}
	return fmt.Sprintf("%s since %s of %s (the run before: %s), p %s", text, commitWords(at.Commit), at.Started.Format("2 Jan"), runBefore(t, c), number(c.P))
}

// runBefore names the commit before a change. Where it is the same one, no
// commit is to blame.
func runBefore(t baseline.Trend, c baseline.Shift) string {
	at, before := t.Runs[c.At].Commit, t.Runs[c.At-1].Commit
	if at.SHA != "" && at.SHA == before.SHA && !at.Dirty && !before.Dirty {
		return "the same commit, so that it is not the cause"
	}
	return commitWords(before)
}

// sparkline draws the figures of s from the lowest to the highest; a run
// without a figure is a dot. Where there are more runs than room, only the newest
// are drawn.
func sparkline(s baseline.Series, runs, room int) string {
	letters := []rune("▁▂▃▄▅▆▇█")
	var figures []float64
	for _, p := range s.Points {
		if p.Value != nil {
			figures = append(figures, *p.Value)
		}
	}
	if len(figures) == 0 {
		return strings.Repeat("·", min(runs, room))
	}
	low, high := slices.Min(figures), slices.Max(figures)
	line := []rune(strings.Repeat("·", runs))
	for _, p := range s.Points {
		if p.Value == nil {
			continue
		}
		height := 3
		if high > low {
			height = int((*p.Value - low) / (high - low) * float64(len(letters)-1) * 1.0000001)
		}
		line[p.Run] = letters[min(height, len(letters)-1)]
	}
	if len(line) > room {
		line = line[len(line)-room:]
	}
	return string(line)
}
