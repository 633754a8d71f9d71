package baseline

import (
	"fmt"
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// Query is how the server carried out a query of the service.
type Query struct {
	Scenario string `json:"scenario"`      // its id
	Name     string `json:"name"`          // as the service calls it: "latest price"
	Arm      string `json:"arm,omitempty"` // "baseline" or "current", where it was asked on both
	// Shape is what of the plan must not change unnoticed, one step a line.
	Shape []string `json:"shape"`
}

// PlanChange is a query that the server carries out otherwise than before. It
// is a finding and no verdict: another plan may well be the better one.
type PlanChange struct {
	Scenario string `json:"scenario"`
	Name     string `json:"name"`
	Arm      string `json:"arm,omitempty"`
	// Difference is the plan, one step a line behind its sign: '-' was there
	// before, '+' is there now, and ' ' is in both.
	Difference []string `json:"difference"`
}

func queriesOf(run evidence.Run) []Query {
	var all []Query
	for _, q := range run.Queries {
		all = append(all, Query{Scenario: q.Scenario, Name: q.Name, Arm: q.Arm, Shape: q.Shape})
	}
	return all
}

// asked tells queries apart: a scenario may ask one more than once.
type asked struct {
	scenario, name, arm string
	nth                 int
}

// plans are the shapes of e by query, and the queries in their order.
func (e Entry) plans() (shapes map[asked][]string, order []asked) {
	shapes = map[asked][]string{}
	for _, q := range e.Queries {
		k := asked{q.Scenario, q.Name, q.Arm, 0}
		for shapes[k] != nil {
			k.nth++
		}
		shapes[k] = append([]string{}, q.Shape...)
		order = append(order, k)
	}
	return shapes, order
}

// PlanChanges are the queries of both runs whose plans differ, in the order of
// the later one. A query that only one of them asked is left out.
func PlanChanges(before, after Entry) []PlanChange {
	was, _ := before.plans()
	is, order := after.plans()
	var changes []PlanChange
	for _, k := range order {
		if was[k] == nil {
			continue
		}
		difference := plan.Diff(was[k], is[k])
		if !plan.Changed(difference) {
			continue
		}
		c := PlanChange{Scenario: k.scenario, Name: k.name, Arm: k.arm}
		for _, line := range difference {
			c.Difference = append(c.Difference, string(line.Sign)+line.Line)
		}
		changes = append(changes, c)
	}
	return changes
}

// SincePlans finds the newest run before e that can be compared with it and
// asked one of its queries, and the plans that changed since. Entries are oldest
// first. It is false without such a run.
func SincePlans(entries []Entry, e Entry) (Entry, []PlanChange, bool) {
	_, asks := e.plans()
	for _, earlier := range slices.Backward(entries) {
		if !earlier.Started.Before(e.Started) || earlier.Service != e.Service || earlier.Profile != e.Profile ||
			earlier.Environment.ID != e.Environment.ID || !earlier.comparesLike(e) {
			continue
		}
		there, _ := earlier.plans()
		if slices.ContainsFunc(asks, func(k asked) bool { return there[k] != nil }) {
			return earlier, PlanChanges(earlier, e), true
		}
	}
	return Entry{}, nil, false
}

// planNotes says which queries have no plan to compare with.
func planNotes(before, after Entry) []string {
	was, asked := before.plans()
	is, asks := after.plans()
	var said []string
	switch {
	case len(was) == 0 && len(is) == 0:
		return nil
	case len(was) == 0:
		return []string{"The earlier run kept no plans, so that no change of one can be shown."}
	case len(is) == 0:
		return []string{"The later run kept no plans, so that no change of one can be shown."}
	}
	gone, come := 0, 0
	for _, k := range asked {
		if is[k] == nil {
			gone++
		}
	}
	for _, k := range asks {
		if was[k] == nil {
			come++
		}
	}
	for side, n := range map[string]int{"earlier": gone, "later": come} {
		if n > 0 {
			said = append(said, fmt.Sprintf("Only the %s run holds the plans of %s.", side, queries(n)))
		}
	}
	slices.Sort(said)
	return said
}

func queries(n int) string {
	if n == 1 {
		return "1 query"
	}
	return fmt.Sprintf("%d queries", n)
}
