// Package plan reads how Postgres carries a query out, as EXPLAIN (FORMAT
// JSON) tells it, with ANALYZE or without, of Postgres 15 to 18. From a plan
// it derives what people read (Lines), what must not change unnoticed (Shape)
// and the figures that a promise can be made on: which partitions were read
// and how, and how wrong the rows were estimated.
//
// The package refuses to know connections, limits, and which queries there
// are. It knows of names only how partitions are told from each other.
package plan

// Node is one step of a plan and what it stands on.
type Node struct {
	// Type is what Postgres calls the step: "Index Scan", "Append".
	Type string
	// Role is how the step belongs to the one above: "Outer", "Member",
	// "InitPlan"; empty at the top.
	Role string
	// Name is that of a plan beside the tree, such as "InitPlan 1".
	Name string
	// Detail is what belongs to the type: "Backward", "Left", "Hashed", "Insert".
	Detail string
	// Relation is the table or partition that is read or written, Alias what
	// the conditions call it, and Index what it is found by.
	Relation, Alias, Index string
	// Conditions are in the order in which people want them.
	Conditions []Condition
	// Estimated is the number of rows expected each time the step is carried
	// out.
	Estimated float64
	// Actual is what happened; nil if the query was only planned.
	Actual *Actual
	// Removed counts the partitions below that were left out before the first
	// row was asked for ("Subplans Removed").
	Removed int
	// Buffers is what was read to carry out this step and all below, if the
	// plan tells it.
	Buffers *Buffers
	// Children are the steps that this one stands on, in order.
	Children []Node
}

// Condition is what rows were held to, or how they are put in order.
type Condition struct {
	Kind string // as Postgres says: "Index Cond", "Filter", "Sort Key"
	Text string
}

// Actual is what happened at a step.
type Actual struct {
	// Rows is the mean number of rows of all Loops; Postgres 15 to 17 round it.
	Rows float64
	// Loops is how often the step was carried out; zero is never.
	Loops float64
	// Discarded is the mean number of rows that were read and did not meet the
	// filter or had to be checked again.
	Discarded float64
}

// Buffers counts pages of 8 KB.
type Buffers struct{ Hit, Read int64 }

// Each visits n and every step below, those above first, until visit says
// that the steps below one need not be seen.
func (n Node) Each(visit func(Node) bool) {
	if !visit(n) {
		return
	}
	for _, child := range n.Children {
		child.Each(visit)
	}
}

// happened reports whether the step was carried out, or would be as far as
// the plan can tell.
func (n Node) happened() bool { return n.Actual == nil || n.Actual.Loops > 0 }

// scans reports whether the step reads a table: not one that writes it, and
// not one that only looks into an index for another.
func (n Node) scans() bool { return n.Relation != "" && n.Type != "ModifyTable" }
