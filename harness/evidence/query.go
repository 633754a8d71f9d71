package evidence

import (
	"errors"
	"fmt"
)

// Query is a question of the service to its database, and how the server
// carried it out.
type Query struct {
	Scenario string `json:"scenario"` // its id
	Name     string `json:"name"`     // as the service calls it: "latest price"
	// Arm is the side of a comparison that it was asked on, "baseline" or
	// "current"; empty where there is only one.
	Arm string `json:"arm,omitempty"`
	SQL string `json:"sql"`
	// Plan is the plan for people, one node a line with its estimates.
	Plan string `json:"plan"`
	// Shape is what of the plan must not change unnoticed, one node a line:
	// no costs, no counts, and no names that only say which partition it is.
	Shape []string `json:"shape"`
}

// wrongQueries finds the queries of no scenario that ran, and those that say
// too little to be compared.
func wrongQueries(run *Run) []error {
	scenarios := scenariosOf(run)
	var found []error
	for i, q := range run.Queries {
		if err := ran(scenarios, q.Scenario, "a query"); err != nil {
			found = append(found, err)
			continue
		}
		if err := q.fault(); err != nil {
			found = append(found, fmt.Errorf("query %d, %q of %s: %w", i+1, q.Name, q.Scenario, err))
		}
	}
	return found
}

func (q Query) fault() error {
	switch q.Arm {
	case "", "baseline", "current":
	default:
		return fmt.Errorf("its arm is %q, neither baseline nor current nor empty", q.Arm)
	}
	switch {
	case q.Name == "":
		return errors.New("it has no name")
	case q.SQL == "":
		return errors.New("it has no SQL")
	case len(q.Shape) == 0:
		return errors.New("its plan has no shape")
	}
	return nil
}

// ran finds out whether what is recorded for a scenario can be: it exists, and
// was not skipped.
func ran(scenarios map[string]*Scenario, id, what string) error {
	s, known := scenarios[id]
	switch {
	case !known:
		return fmt.Errorf("%s is recorded for %q, and there is no such scenario", what, id)
	case s.Skipped != "":
		return fmt.Errorf("%s is recorded for %s, which was skipped", what, id)
	}
	return nil
}
