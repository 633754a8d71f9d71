package evidence

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
