package plan

import (
	"regexp"
	"slices"
	"strings"
)

// Shape is what of a plan must not change unnoticed, one step a line: what is
// done, to which table, by which index, under which conditions. It has no
// costs, no counts and no values, and partitions of one table have one name,
// ticks_p*: a plan of tomorrow, over one day more, has the same shape. Members
// that differ in nothing else are told once.
func (n Node) Shape() []string { return n.shape("") }

func (n Node) shape(indent string) []string {
	line := indent + general(n.headline())
	for _, c := range n.Conditions {
		line += " | " + c.Kind + ": " + general(oneLine(c.Text))
	}
	all := []string{line}
	var before []string
	for _, child := range n.Children {
		lines := child.shape(indent + "  ")
		if n.gathers() && slices.Equal(lines, before) {
			continue
		}
		all = append(all, lines...)
		before = lines
	}
	return all
}

// gathers reports whether the step puts the rows of its members together.
func (n Node) gathers() bool { return n.Type == "Append" || n.Type == "Merge Append" }

var (
	// partitionName is a partition by day or year, also as the beginning of
	// the name of its index: ticks_p20261123, bars_p2026_pkey.
	partitionName = regexp.MustCompile(`\b([a-z][a-z0-9_]*?)_p\d{4,8}(\b|_)`)
	// numberedAlias is what conditions call the members of a table: ticks_1.
	numberedAlias = regexp.MustCompile(`\b([a-z][a-z0-9_]*?)_\d+\.`)
	// outcome is the result of a plan beside the tree: $0, (InitPlan 1).col1.
	outcome = regexp.MustCompile(`\((?:Init|Sub)Plan \d+\)\.col\d+|\$\d+`)
	// numberedPlan is the name of a plan beside the tree.
	numberedPlan = regexp.MustCompile(`\b(InitPlan|SubPlan) \d+(?: \(returns[^)]*\))?`)
	// literal is a value: a text with its type, or a number.
	literal = regexp.MustCompile(`'(?:[^']|'')*'(?:::[a-z][a-z0-9_ ]*(?:\[\])?)?|\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b(?:::[a-z][a-z0-9_ ]*)?`)
)

// general leaves out of a text of the plan what differs from day to day.
func general(text string) string {
	text = partitionName.ReplaceAllString(text, "${1}_p*${2}")
	text = numberedAlias.ReplaceAllString(text, "$1.")
	text = outcome.ReplaceAllString(text, "?")
	text = numberedPlan.ReplaceAllString(text, "$1")
	return strings.TrimSpace(literal.ReplaceAllString(text, "?"))
}
