package report

import (
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// queriesPart are the questions of the service to its database.
type queriesPart struct {
	Says    string
	Changed []queryView // with their difference
	Others  []queryView
}

// queryView is one question, on one side or on both.
type queryView struct {
	Name, ScenarioID string
	Says             string // what became of the plan; empty where there is nothing to compare
	Plan             string // of a question that was asked on one side alone
	Changes          []changeView
	Sides            []querySide
}

// querySide is the question as one side asked it.
type querySide struct{ Class, Name, SQL, Plan string }

// changeView is a line of a difference: what it is, as a sign and in a word.
type changeView struct{ Class, Sign, Word, Line string }

// question names a query of the run.
type question struct{ scenario, name string }

func queriesOf(run evidence.Run) *queriesPart {
	if len(run.Queries) == 0 {
		return nil
	}
	part := &queriesPart{}
	for _, v := range questionsOf(run) {
		if len(v.Changes) > 0 {
			part.Changed = append(part.Changed, v)
		} else {
			part.Others = append(part.Others, v)
		}
	}
	part.Says = plural(len(part.Changed)+len(part.Others), "query", "queries")
	switch compared := slices.ContainsFunc(run.Queries, func(q evidence.Query) bool { return q.Arm == "baseline" }); {
	case len(part.Changed) > 0:
		part.Says += ", " + plural(len(part.Changed), "plan", "plans") + " changed"
	case compared:
		part.Says += ", no plan changed"
	}
	return part
}

// questionsOf lists the queries of run in their order, both sides together.
func questionsOf(run evidence.Run) []queryView {
	var order []question
	asked := map[question][]evidence.Query{}
	for _, q := range run.Queries {
		key := question{q.Scenario, q.Name}
		if asked[key] == nil {
			order = append(order, key)
		}
		asked[key] = append(asked[key], q)
	}
	views := make([]queryView, 0, len(order))
	for _, key := range order {
		views = append(views, questionOf(key, asked[key]))
	}
	return views
}

func questionOf(key question, asked []evidence.Query) queryView {
	v := queryView{Name: key.name, ScenarioID: key.scenario}
	var before, after *evidence.Query
	for i := range asked {
		side := querySide{Class: "cur", Name: asked[i].Arm, SQL: asked[i].SQL, Plan: strings.TrimRight(asked[i].Plan, "\n")}
		switch asked[i].Arm {
		case "baseline":
			before, side.Class = &asked[i], "base"
		case "current":
			after = &asked[i]
		default:
			v.Plan, side.Plan = side.Plan, ""
		}
		v.Sides = append(v.Sides, side)
	}
	switch {
	case before != nil && after != nil:
		v.compare(*before, *after)
	case after != nil:
		v.Says = "asked by the current version alone"
	case before != nil:
		v.Says = "asked by the baseline alone"
	}
	return v
}

// compare tells the two plans apart by what must not change unnoticed.
func (v *queryView) compare(before, after evidence.Query) {
	changes := plan.Diff(before.Shape, after.Shape)
	sql := ""
	if before.SQL != after.SQL {
		sql = "; its SQL is another"
	}
	if !plan.Changed(changes) {
		v.Says = "the same plan on both sides" + sql
		return
	}
	v.Says = "the plan changed" + sql
	for _, c := range changes {
		switch c.Sign {
		case '-':
			v.Changes = append(v.Changes, changeView{"gone", "−", "before", c.Line})
		case '+':
			v.Changes = append(v.Changes, changeView{"come", "+", "now", c.Line})
		default:
			v.Changes = append(v.Changes, changeView{"", "\u00a0", "", c.Line})
		}
	}
}
