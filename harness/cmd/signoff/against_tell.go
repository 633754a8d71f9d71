package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure/plan"
	"github.com/signoff-dev/signoff/harness/objective"
)

// shownChanges is how many lines of the difference between two plans are told
// in the end; the report has them all.
const shownChanges = 8

// slower tells which queries became slower than in the version compared with,
// and what changed in how the server carries them out.
func slower(run evidence.Run) []string {
	if run.Against == nil {
		return nil
	}
	var told, unsuspected []string
	slow := slowMeasures(run)
	for _, name := range queryNames(run) {
		changes := planChanges(run, name)
		changed := plan.Changed(changes)
		i := slices.IndexFunc(slow, func(measure string) bool { return strings.HasSuffix(measure, " "+name) })
		switch {
		case i < 0 && changed:
			unsuspected = append(unsuspected, name)
		case i >= 0 && changed:
			told = append(told, fmt.Sprintf("slower     %s; the plan of the query %q changed:", slow[i], name))
			told = append(told, brief(changes)...)
		case i >= 0:
			told = append(told, fmt.Sprintf("slower     %s; the plan of the query %q is the same", slow[i], name))
		}
	}
	if len(unsuspected) > 0 {
		told = append(told, "other plan "+strings.Join(unsuspected, ", ")+"; not shown to be slower, see the report")
	}
	return told
}

// slowMeasures are the measures on which an objective failed.
func slowMeasures(run evidence.Run) []string {
	var slow []string
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			for _, o := range s.Objectives {
				if o.Verdict == objective.Fail {
					slow = append(slow, o.Measure)
				}
			}
		}
	}
	return slow
}

// queryNames are the names of the queries of the tested version, in order.
func queryNames(run evidence.Run) []string {
	var names []string
	for _, q := range run.Queries {
		if q.Arm == "current" && !slices.Contains(names, q.Name) {
			names = append(names, q.Name)
		}
	}
	return names
}

// planChanges is what became of the plan of a query, empty if one of the
// versions does not have it.
func planChanges(run evidence.Run, name string) []plan.Change {
	of := func(arm string) []string {
		i := slices.IndexFunc(run.Queries, func(q evidence.Query) bool { return q.Name == name && q.Arm == arm })
		if i < 0 {
			return nil
		}
		return run.Queries[i].Shape
	}
	before, after := of("baseline"), of("current")
	if before == nil || after == nil {
		return nil
	}
	return plan.Diff(before, after)
}

// brief are the lines that changed, in a form that fits a terminal.
func brief(changes []plan.Change) []string {
	const width = 140
	var lines []string
	for _, c := range changes {
		if c.Sign == ' ' {
			continue
		}
		line := []rune("           " + string(c.Sign) + " " + strings.TrimSpace(c.Line))
		if len(line) > width {
			line = append(line[:width-1], '…')
		}
		lines = append(lines, string(line))
	}
	if n := len(lines); n > shownChanges {
		lines = append(lines[:shownChanges], fmt.Sprintf("           … and %d lines more, see the report", n-shownChanges))
	}
	return lines
}
