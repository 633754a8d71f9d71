package evidence

// Passage is a way through the versions of the schema, taken while the market
// traded. It is there for people: what gates are the measures of its scenario.
type Passage struct {
	Scenario string        `json:"scenario"` // its id
	Title    string        `json:"title"`
	Steps    []PassageStep `json:"steps"`
}

// PassageStep is one step of a migration as it was seen from outside.
type PassageStep struct {
	From int64  `json:"from"` // version of the schema before it
	To   int64  `json:"to"`   // and after it
	Name string `json:"name"` // of the migration that was put on or taken off: "float8"
	// Seconds from the operator's command to its end.
	Seconds float64 `json:"seconds"`
	// ExclusiveMS is how long locks that stop writers were held, in sum.
	ExclusiveMS float64 `json:"exclusive_ms"`
	// StallMS is the longest pause between two acknowledgements.
	StallMS float64 `json:"stall_ms"`
	// Acknowledged prices were stored meanwhile.
	Acknowledged int64 `json:"acknowledged"`
	// Killed is what was killed in the middle of the step: "server" or
	// "migrator"; empty for nothing.
	Killed string `json:"killed,omitempty"`
	// Lost are the acknowledged prices that were not found after the step. They
	// are counted only where a kill was followed by a check.
	Lost int64 `json:"lost"`
}

// wrongPassages finds the passages that name no scenario that ran. A scenario
// may have several, and one that broke may have come some of the way.
func wrongPassages(run *Run) []error {
	scenarios := scenariosOf(run)
	var found []error
	for _, p := range run.Passages {
		if err := ran(scenarios, p.Scenario, "a passage"); err != nil {
			found = append(found, err)
		}
	}
	return found
}
