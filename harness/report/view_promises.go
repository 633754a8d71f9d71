package report

import (
	"fmt"
	"html/template"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// featureView is a feature with its promises, by rule.
type featureView struct {
	ID, Title, Narrative, File string
	Says                       string // "5 of 5 pass"
	Quiet                      bool   // everything passes: folded on a phone
	Rows                       int
	Rules                      []ruleView
	Notes                      []string
}

type ruleView struct {
	Title string
	Rows  []promiseRow
}

// promiseRow is one objective, or a scenario that has none.
type promiseRow struct {
	ID         string
	Mark       verdictMark
	Measure    string
	ScenarioID string
	Target     string
	Aside      string // "advisory, never gates"
	Told       told
	Bullet     template.HTML
	Why        string // where the page explains it
	Zero       bool   // "exactly 0": its picture says nothing that words do not
}

type promiseCounts struct{ Features, Rules, Promises, Wishes, Gating, Looks int }

func countsOf(run evidence.Run) promiseCounts {
	t := tallyOf(run)
	c := promiseCounts{Features: len(run.Features), Promises: t.promises, Wishes: t.wishes}
	for _, f := range run.Features {
		rules := map[string]bool{}
		for _, s := range f.Scenarios {
			rules[s.Rule] = true
			for _, v := range s.Measures {
				if v.Pairs != nil {
					c.Looks = max(c.Looks, len(v.Pairs.Looks))
				}
			}
		}
		delete(rules, "")
		c.Rules += len(rules)
	}
	return c
}

func featuresOf(run evidence.Run, concerns []concernView) []featureView {
	why := map[rowKey]string{}
	broken := map[string]string{}
	for _, c := range concerns {
		if c.key != (rowKey{}) {
			why[c.key] = c.ID
		} else {
			broken[c.ScenarioID] = c.ID
		}
	}
	var views []featureView
	number := 0
	for i, f := range run.Features {
		v := featureView{ID: fmt.Sprintf("f%d", i+1), Title: f.Title, Narrative: f.Narrative, File: base(f.URI)}
		for _, s := range f.Scenarios {
			for _, row := range rowsOf(s, &number) {
				key := rowKey{s.ID, row.line}
				switch {
				case why[key] != "":
					row.Why = why[key]
				case broken[s.ID] != "" && row.Mark.Class != "pass":
					row.Why = broken[s.ID]
				case s.Skipped != "":
					row.Why = "not-run"
				}
				v.add(s.Rule, row.promiseRow)
			}
			for _, n := range s.Notes {
				v.Notes = append(v.Notes, s.ID+": "+n)
			}
		}
		v.Says, v.Quiet = passes(f)
		views = append(views, v)
	}
	return views
}

func (v *featureView) add(rule string, row promiseRow) {
	if n := len(v.Rules); n == 0 || v.Rules[n-1].Title != rule {
		v.Rules = append(v.Rules, ruleView{Title: rule})
	}
	r := &v.Rules[len(v.Rules)-1]
	r.Rows = append(r.Rows, row)
	v.Rows++
}

type lineRow struct {
	promiseRow
	line int
}

func rowsOf(s evidence.Scenario, number *int) []lineRow {
	var rows []lineRow
	for _, o := range s.Objectives {
		*number++
		value := valueFor(s, o)
		t := tell(s, o, value)
		row := promiseRow{
			ID: fmt.Sprintf("o%d", *number), Mark: markOf(o), Measure: o.Measure, ScenarioID: s.ID, Target: o.Target, Told: t,
			Bullet: bullet(o, value, fmt.Sprintf("%s: %s; target %s; %s", o.Measure, t.figure(), o.Target, t.Headroom)),
			Zero:   o.Limit == 0,
		}
		switch {
		case s.Quarantined != "":
			row.Aside = "in quarantine, does not gate: " + s.Quarantined
		case !o.Gating:
			row.Aside = "advisory, never gates"
		}
		rows = append(rows, lineRow{row, o.Line})
	}
	if len(rows) > 0 {
		return rows
	}
	row := promiseRow{Mark: verdictMark{"none", "carried out"}, Measure: s.Title, ScenarioID: s.ID, Target: "states no objective", Zero: true}
	switch {
	case s.Broken != "":
		row.Mark = verdictMark{"broken", "broken"}
	case s.Skipped != "":
		row.Mark = verdictMark{"notrun", "not run"}
	}
	return []lineRow{{row, -1}}
}

// passes says how a feature went, and whether there is nothing to see.
func passes(f evidence.Feature) (string, bool) {
	t := tally{of: map[objective.Verdict]int{}}
	t.add(f)
	quiet := t.of[objective.Pass] == t.promises && t.missed == 0 && t.broken == 0
	if t.promises == 0 {
		return "no promise gates", quiet
	}
	return fmt.Sprintf("%d of %d pass", t.of[objective.Pass], t.promises), quiet
}
