package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// mostSame is how many members of a kind are shown before the others are
// counted.
const mostSame = 3

// Lines tells the plan to people, one step a line and indented, with its rows:
// those expected and, if the query was carried out, those that came. Members
// that differ in nothing but their partition are counted after the third.
func (n Node) Lines() []string { return n.lines("") }

func (n Node) lines(indent string) []string {
	all := []string{indent + n.headline() + "  (" + n.rows() + ")"}
	for _, c := range n.Conditions {
		all = append(all, indent+"    "+c.Kind+": "+oneLine(c.Text))
	}
	if n.Removed > 0 {
		all = append(all, fmt.Sprintf("%s    Partitions left out at the start: %d", indent, n.Removed))
	}
	below := indent + "  "
	for i := 0; i < len(n.Children); {
		same := n.alike(i)
		shown := same
		if same > mostSame {
			shown = mostSame - 1
		}
		for _, child := range n.Children[i : i+shown] {
			all = append(all, child.lines(below)...)
		}
		if shown < same {
			all = append(all, below+rest(n.Children[i+shown:i+same]))
		}
		i += same
	}
	return all
}

// alike is how many children from the i-th on have the same shape and fate.
func (n Node) alike(i int) int {
	first := strings.Join(n.Children[i].Shape(), "\n")
	same := 1
	for _, next := range n.Children[i+1:] {
		if next.happened() != n.Children[i].happened() || strings.Join(next.Shape(), "\n") != first {
			break
		}
		same++
	}
	return same
}

// rest tells of members that are not shown.
func rest(nodes []Node) string {
	var sum Node
	for _, n := range nodes {
		sum.Estimated += n.Estimated
		if n.Actual == nil {
			continue
		}
		if sum.Actual == nil {
			sum.Actual = &Actual{}
		}
		sum.Actual.Loops = max(sum.Actual.Loops, n.Actual.Loops)
		sum.Actual.Rows += n.Actual.Rows
	}
	return fmt.Sprintf("and %d more like it  (%s together)", len(nodes), sum.rows())
}

// headline is what a step does to what.
func (n Node) headline() string {
	var b strings.Builder
	switch {
	case n.Name != "":
		b.WriteString(n.Name + ": ")
	case n.Role == "InitPlan" || n.Role == "SubPlan":
		b.WriteString(n.Role + ": ")
	}
	b.WriteString(n.Type)
	if n.Detail != "" {
		b.WriteString(" " + n.Detail)
	}
	if n.Index != "" {
		b.WriteString(" using " + n.Index)
	}
	if n.Relation != "" {
		b.WriteString(" on " + n.Relation)
	}
	return oneLine(b.String())
}

func (n Node) rows() string {
	expected := "about " + figure(n.Estimated) + " rows expected"
	switch {
	case n.Actual == nil:
		return expected
	case n.Actual.Loops == 0:
		return expected + ", never carried out"
	case n.Actual.Loops == 1:
		return expected + ", " + figure(n.Actual.Rows) + " came"
	}
	return expected + ", " + figure(n.Actual.Rows) + " came, each of " + figure(n.Actual.Loops) + " times"
}

func figure(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// oneLine keeps a text of the server on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
