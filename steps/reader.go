package steps

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v26"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// reader turns feature files into the plan and collects every problem.
type reader struct {
	book     phrasebook
	plan     *Plan
	seen     map[string]string // where each scenario id was first used
	problems []error
}

func (r *reader) problem(uri string, line int, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s:%d: %w", uri, line, fmt.Errorf(format, args...)))
}

func (r *reader) read(uri string, raw []byte) {
	ids := (&messages.Incrementing{}).NewId
	document, err := gherkin.ParseGherkinDocument(bytes.NewReader(raw), ids)
	if err != nil {
		line, said := firstParseError(err)
		r.problem(uri, line, "%s", said)
		return
	}
	if document.Feature == nil {
		r.problem(uri, 1, "the file holds no Feature; write one, or remove the file")
		return
	}
	f := document.Feature
	feature := evidence.Feature{
		URI: uri, SHA256: digest(raw), Title: f.Name, Narrative: paragraph(f.Description), Tag: capability(f.Tags),
	}
	if feature.Tag == "" || len(f.Tags) != 1 {
		r.problem(uri, int(f.Location.Line), "the feature needs one capability tag of its own, such as @stream, and no other: profile, id and @quarantine belong to its scenarios")
	}
	s := newSheet(uri, raw, f)
	pickles := gherkin.Pickles(*document, uri, ids)
	if len(pickles) == 0 {
		r.problem(uri, int(f.Location.Line), "the feature holds no scenario with steps; write one, or remove the file")
		return
	}
	r.findEmpty(s, f)
	for _, p := range pickles {
		feature.Scenarios = append(feature.Scenarios, r.scenario(s, p))
	}
	r.plan.Features = append(r.plan.Features, feature)
	r.plan.contents[uri] = raw
}

// parserLine finds the place in what the Gherkin parser says.
var parserLine = regexp.MustCompile(`\((\d+):\d+\): (.*)`)

func firstParseError(err error) (int, string) {
	found := parserLine.FindStringSubmatch(err.Error())
	if found == nil {
		return 1, "this is no readable Gherkin"
	}
	var line int
	_, _ = fmt.Sscan(found[1], &line)
	return line, "this is no readable Gherkin: " + found[2]
}

// quarantine is the tag of a scenario that is reported and never gates.
const quarantine = "@quarantine"

func capability(tags []*messages.Tag) string {
	for _, t := range tags {
		if t.Name != quarantine && profileTag([]string{t.Name}) == "" && !scenarioID.MatchString(t.Name) {
			return t.Name
		}
	}
	return ""
}

func paragraph(text string) string { return strings.Join(strings.Fields(text), " ") }

// findEmpty reports scenarios without steps: they have no pickle, and would
// pass unseen.
func (r *reader) findEmpty(s sheet, f *messages.Feature) {
	eachScenario(f, func(_ string, sc *messages.Scenario) {
		if len(sc.Steps) == 0 {
			r.problem(s.uri, int(sc.Location.Line), "the scenario %q has no steps", sc.Name)
		}
	})
}

func (r *reader) scenario(s sheet, p *messages.Pickle) evidence.Scenario {
	node := p.AstNodeIds[0]
	out := evidence.Scenario{Title: p.Name, Rule: s.rules[node], Line: s.line[node], Gherkin: s.text(node)}
	var ids, profiles []string
	for _, t := range p.Tags {
		out.Tags = append(out.Tags, t.Name)
		if found := scenarioID.FindStringSubmatch(t.Name); found != nil {
			ids = append(ids, found[1])
		}
		if profileTag([]string{t.Name}) != "" {
			profiles = append(profiles, t.Name)
		}
		if t.Name == quarantine {
			out.Quarantined = r.reason(s, node)
		}
	}
	if len(ids) != 1 {
		r.problem(s.uri, out.Line, "the scenario %q needs exactly one id tag such as @SLO-STREAM-01, and has %d", p.Name, len(ids))
		return out
	}
	if len(profiles) != 1 {
		r.problem(s.uri, out.Line, "the scenario %q needs exactly one of @pr, @nightly and @release, and has %d", p.Name, len(profiles))
	}
	out.ID = ids[0]
	if first, taken := r.seen[out.ID]; taken {
		r.problem(s.uri, out.Line, "the id @%s is already used at %s; an id is the key of a scenario's evidence and stands once", out.ID, first)
	}
	r.seen[out.ID] = fmt.Sprintf("%s:%d", s.uri, out.Line)
	r.steps(s, p, &out)
	return out
}

// reason reads why a scenario is in quarantine from the comment above its tags.
func (r *reader) reason(s sheet, node string) string {
	above := s.title[node] - 2
	if above >= 0 {
		line := strings.TrimSpace(s.lines[above])
		if comment, ok := strings.CutPrefix(line, "#"); ok && quarantineDate.MatchString(comment) {
			return strings.TrimSpace(comment)
		}
	}
	r.problem(s.uri, s.line[node], "@quarantine needs a comment above the tags that gives a date such as 2026-01-31 and the reason")
	return "without a reason"
}

var quarantineDate = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)

func (r *reader) steps(s sheet, p *messages.Pickle, out *evidence.Scenario) {
	yields := map[string]Yield{}
	var tables []*messages.PickleStep
	for _, st := range p.Steps {
		line := s.line[st.AstNodeIds[0]]
		r.plan.places[out.ID] = append(r.plan.places[out.ID], place{s.word[st.AstNodeIds[0]], line})
		found := r.book.find(st.Text)
		switch {
		case len(found) == 0:
			r.problem(s.uri, line, "no step understands %q%s", st.Text, r.suggest(st.Text))
		case len(found) > 1:
			r.problem(s.uri, line, "%q fits %d steps: %q and %q", st.Text, len(found), found[0].definition.Example, found[1].definition.Example)
		default:
			if err := found[0].checkAmounts(); err != nil {
				r.problem(s.uri, line, "%w", err)
			}
			for _, y := range found[0].yields {
				yields[y.Measure] = y
			}
		}
		if st.Text == objectivesSentence {
			tables = append(tables, st)
		}
	}
	if len(tables) == 0 {
		r.problem(s.uri, out.Line, "the scenario %q promises nothing; end it with %q and a table of measures and targets", out.Title, "Then "+objectivesSentence)
	}
	for _, st := range tables {
		r.table(s, st, yields, out)
	}
}

func (r *reader) suggest(text string) string {
	near := r.book.nearest(text, 3)
	if len(near) == 0 {
		return "; see features/STEPS.md for the sentences that exist"
	}
	return "; sentences that exist are, for example:\n    " + strings.Join(near, "\n    ")
}

func (r *reader) table(s sheet, st *messages.PickleStep, yields map[string]Yield, out *evidence.Scenario) {
	line := s.line[st.AstNodeIds[0]]
	if st.Argument == nil || st.Argument.DataTable == nil || len(st.Argument.DataTable.Rows) < 2 {
		r.problem(s.uri, line, "the objectives need a table with the columns measure and target and at least one row")
		return
	}
	rows, lines := st.Argument.DataTable.Rows, s.rows[st.AstNodeIds[0]]
	if h := rows[0].Cells; len(h) != 2 || h[0].Value != "measure" || h[1].Value != "target" {
		r.problem(s.uri, lines[0], "the columns of the objectives are measure and target")
		return
	}
	for i, cells := range rows[1:] {
		at := lines[i+1]
		measure, target := cells.Cells[0].Value, cells.Cells[1].Value
		parsed, err := objective.Parse(measure, target)
		if err != nil {
			r.problem(s.uri, at, "%w", err)
			continue
		}
		yield, known := yields[parsed.Measure]
		if !known {
			r.problem(s.uri, at, "no step of this scenario measures %q; its steps measure %s", parsed.Measure, list(yields))
			continue
		}
		if err := parsed.Check(yield.empty()); err != nil {
			r.problem(s.uri, at, "%w", err)
			continue
		}
		r.plan.rows[out.ID] = append(r.plan.rows[out.ID], row{Objective: parsed, measure: measure, target: target, line: at})
		out.Objectives = append(out.Objectives, evidence.Objective{
			Measure: measure, Target: target, Line: at, Gating: parsed.Gating() && out.Quarantined == "",
		})
	}
}

func list(yields map[string]Yield) string {
	names := make([]string, 0, len(yields))
	for name := range yields {
		names = append(names, fmt.Sprintf("%q", name))
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
