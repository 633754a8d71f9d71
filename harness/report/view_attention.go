package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// concernView is one thing that needs attention, as the page tells it.
type concernView struct {
	ID         string
	Mark       verdictMark
	Title      string
	Feature    string
	File       string
	ScenarioID string
	Lead       string
	Facts      []pairOfWords
	Drawing    template.HTML
	Forest     *forest // of an experiment that the machine was unfit for
	Table      figures
	Promise    []gherkinLine
	Steps      []evidence.Step // of a broken scenario, with their errors
	Notes      []string
	Next       string
	Command    string

	key rowKey
}

// rowKey names an objective within a run.
type rowKey struct {
	scenario string
	line     int
}

// gherkinLine is one line of a promise as written.
type gherkinLine struct {
	Indent  int // in characters, even and at most 12
	Keyword string
	Text    string
	Class   string // "mark" for the row that matters, "dim" for the others
}

func concernsOf(run evidence.Run) []concernView {
	var views []concernView
	for i, c := range attention(run) {
		v := concernView{
			ID: fmt.Sprintf("attn-%d", i+1), Mark: verdictMark{class(c.verdict), c.word()}, Title: capital(c.title), Feature: c.feature.Title,
			File: base(c.feature.URI), ScenarioID: c.scenario.ID, Lead: capital(sentence(c.reason)), Notes: c.scenario.Notes,
			Command: again(run, c.scenario),
		}
		if c.objective == nil {
			v.Mark = verdictMark{"broken", "broken"}
			v.Steps = c.scenario.Steps
			v.Next = "Nothing was proven in either direction. Mend what stands in the way, then run the scenario again:"
			v.Promise = promise(c.scenario.Gherkin, failedText(c.scenario))
		} else {
			v.judged(c, i)
		}
		views = append(views, v)
	}
	return views
}

// again is how to run one scenario of run alone.
func again(run evidence.Run, s evidence.Scenario) string {
	command := "signoff run --profile " + run.Profile
	if run.Against != nil {
		command += " --against " + run.Against.Ref
	}
	return command + " --tags @" + s.ID
}

// judged fills in what only an objective has.
func (v *concernView) judged(c concern, i int) {
	o := *c.objective
	value := valueFor(c.scenario, o)
	t := tell(c.scenario, o, value)
	v.key = rowKey{c.scenario.ID, o.Line}
	v.Facts = []pairOfWords{{Name: "Target", Value: o.Target}, {Name: "Measured", Value: t.Measured}}
	if strings.HasPrefix(t.Interval, "[") {
		v.Facts = append(v.Facts, pairOfWords{Name: "95 % interval", Value: t.Interval})
	}
	v.Facts = append(v.Facts, pairOfWords{Name: "Samples", Value: t.Samples})
	if t.Headroom != "" {
		v.Facts = append(v.Facts, pairOfWords{Name: "Against the limit", Value: t.Headroom})
	}
	dots, unit := dotsOf(value, o)
	v.Drawing = wide(fmt.Sprintf("w%d", i+1), o, value, dots, pictured(o, t, len(dots), unit))
	if c.verdict == objective.Unfit && value != nil && value.Pairs != nil {
		f := forestOf(o.Measure+": the machine against itself, and the result that it voids", []trial{{c.scenario, *value}})
		v.Forest = &f
	}
	if len(dots) > 0 {
		v.Table = figures{Head: []string{capital(unit), "Figure"}}
		for k, x := range dots {
			v.Table.Rows = append(v.Table.Rows, []string{count(int64(k + 1)), number(x)})
		}
	}
	v.Promise = promise(c.scenario.Gherkin, o.Measure, o.Target)
	v.Next = next(c.verdict, c.scenario)
}

// dotsOf are the single figures behind o, where there are any, and their name.
func dotsOf(v *measure.Value, o evidence.Objective) ([]float64, string) {
	switch {
	case v == nil:
		return nil, ""
	case v.Pairs != nil:
		return ratios(*v.Pairs, o), "pair"
	case v.Series != nil && v.Unit == o.Unit:
		return v.Series.Windows, "window"
	default:
		return nil, ""
	}
}

func pictured(o evidence.Objective, t told, dots int, unit string) string {
	says := fmt.Sprintf("Measured %s; target %s; %s.", t.figure(), o.Target, t.Headroom)
	if dots > 0 {
		says += fmt.Sprintf(" %d dots show one %s each.", dots, unit)
	}
	return says
}

// next is the shortest way on.
func next(v objective.Verdict, s evidence.Scenario) string {
	if s.Broken != "" {
		return "The scenario broke down besides. Mend that first, then run it again:"
	}
	switch v {
	case objective.Fail:
		return "Mend what made it miss the target, then run this scenario alone:"
	case objective.Unfit:
		return "Nothing is claimed about the promise. See what this machine can do with signoff doctor, quieten it or take another, then run this scenario alone:"
	case objective.Inconclusive:
		return "More observations or a quieter machine decide it. Run this scenario alone, or in a longer profile:"
	default:
		return "Nothing was observed, so nothing is claimed. Run this scenario alone:"
	}
}

// promise lays out Gherkin as written, with the lines that hold every one of
// the given texts marked.
func promise(text string, marked ...string) []gherkinLine {
	raw := strings.Split(strings.TrimRight(text, "\n \t"), "\n")
	margin := -1
	for _, line := range raw {
		if t := strings.TrimLeft(line, " \t"); t != "" && (margin < 0 || len(line)-len(t) < margin) {
			margin = len(line) - len(t)
		}
	}
	var lines []gherkinLine
	for _, line := range raw {
		t := strings.TrimSpace(line)
		if t == "" {
			lines = append(lines, gherkinLine{})
			continue
		}
		l := gherkinLine{Indent: min(12, (len(line)-len(strings.TrimLeft(line, " \t"))-margin)/2*2), Text: t}
		l.Keyword, l.Text = keyword(t)
		switch {
		case len(marked) > 0 && holdsAll(t, marked):
			l.Class = "mark"
		case strings.HasPrefix(t, "|"), strings.HasPrefix(t, "@"):
			l.Class = "dim"
		}
		lines = append(lines, l)
	}
	return lines
}

func holdsAll(text string, parts []string) bool {
	for _, p := range parts {
		if p == "" || !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// keyword cuts the Gherkin keyword off a line.
func keyword(line string) (string, string) {
	for _, k := range []string{"Feature:", "Rule:", "Background:", "Scenario Outline:", "Scenario:", "Examples:", "Given ", "When ", "Then ", "And ", "But ", "* "} {
		if strings.HasPrefix(line, k) {
			return strings.TrimSpace(k), strings.TrimSpace(line[len(k):])
		}
	}
	return "", line
}

// failedText is the text of the first step that did not pass.
func failedText(s evidence.Scenario) string {
	for _, step := range s.Steps {
		if step.Error != "" || step.Status == "failed" || step.Status == "undefined" {
			return step.Text
		}
	}
	return ""
}

// sentence ends text with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
