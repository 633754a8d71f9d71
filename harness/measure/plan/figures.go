package plan

import "strings"

// Read is the tables and partitions that were read, each once, in the order of
// the plan. Of a query that was only planned, it is those that would be.
func (n Node) Read() []string {
	var names []string
	seen := map[string]bool{}
	n.Each(func(n Node) bool {
		if !n.happened() {
			return false
		}
		if n.scans() && !seen[n.Relation] {
			seen[n.Relation] = true
			names = append(names, n.Relation)
		}
		return true
	})
	return names
}

// PartitionsRead is how many partitions of the table were read, the one for
// rows without another among them.
func (n Node) PartitionsRead(table string) int {
	read := 0
	for _, name := range n.Read() {
		if strings.HasPrefix(name, table+"_") {
			read++
		}
	}
	return read
}

// SequentialScans counts the steps that read all of a table row by row.
func (n Node) SequentialScans() int {
	return n.count(func(n Node) bool { return n.Type == "Seq Scan" || n.Type == "Sample Scan" })
}

// IndexScans counts the steps that find their rows by an index.
func (n Node) IndexScans() int {
	return n.count(func(n Node) bool {
		return n.scans() && strings.Contains(n.Type, "Index") || n.Type == "Bitmap Heap Scan"
	})
}

// Scans counts the steps that read a table.
func (n Node) Scans() int { return n.count(Node.scans) }

func (n Node) count(is func(Node) bool) int {
	counted := 0
	n.Each(func(n Node) bool {
		if n.happened() && is(n) {
			counted++
		}
		return n.happened()
	})
	return counted
}

// Estimate is how wrong the rows of a step were expected.
type Estimate struct {
	// Factor is how many times more or fewer rows came than were expected, at
	// least 1.
	Factor float64
	// Step is what the step does, and Expected and Came are its rows, of all
	// the times that it was carried out.
	Step           string
	Expected, Came float64
}

// Misjudged is the step whose rows were estimated worst. Numbers below floor
// count as floor: whether one row comes or three changes no plan. The parts of
// a partitioned table are judged together, by the step that gathers them.
// Left out is what cannot be compared: steps that were never carried out,
// those that a limit was expected to break off, and those that depend on a
// limit that was not known when the plan was made. It is false if nothing is
// left or the query was only planned.
func (n Node) Misjudged(floor float64) (worst Estimate, judged bool) {
	n.judge(false, false, func(n Node) {
		loops := n.Actual.Loops
		e := Estimate{Step: n.headline(), Expected: n.Estimated * loops, Came: n.Actual.Rows * loops}
		expected, came := max(e.Expected, floor, 1), max(e.Came, floor, 1)
		e.Factor = max(expected/came, came/expected)
		if !judged || e.Factor > worst.Factor {
			worst, judged = e, true
		}
	})
	return worst, judged
}

// judge visits what can be compared, and reports whether the estimate of the
// step stands on nothing.
func (n Node) judge(cut, member bool, visit func(Node)) (baseless bool) {
	if n.Actual == nil || n.Actual.Loops == 0 {
		return false
	}
	for _, child := range n.Children {
		beside := child.Role == "InitPlan" || child.Role == "SubPlan"
		below := !beside && (n.limits(child) && !n.unknown() || cut && !n.swallows())
		depends := child.judge(below, n.gathers() && child.Role == "Member", visit)
		baseless = baseless || depends && !beside || !beside && n.limits(child) && n.unknown()
	}
	if !cut && !member && !baseless {
		visit(n)
	}
	return baseless
}

// limits reports whether the step was expected to break its input off.
func (n Node) limits(child Node) bool { return n.Type == "Limit" && n.Estimated < child.Estimated }

// unknown reports whether more came through a limit than the plan knew of:
// then its estimate is a tenth of its input, by convention.
func (n Node) unknown() bool { return n.Actual.Rows > n.Estimated }

// swallows reports whether the step takes in all rows before it gives one.
func (n Node) swallows() bool {
	switch n.Type {
	case "Sort", "Hash":
		return true
	case "Aggregate":
		return !strings.Contains(n.Detail, "Sorted")
	}
	return false
}
