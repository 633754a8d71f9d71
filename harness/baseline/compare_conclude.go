package baseline

import (
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/objective"
)

// conclude follows the exit codes of a run: 1 when a gating change fails, 2 when
// nothing in the two runs gates, 3 when something stayed open. Profile pr lets
// what is open through, as long as something was decided.
func conclude(changes []Change, profile string) ComparisonResult {
	r := ComparisonResult{Counts: map[objective.Verdict]int{}}
	for _, v := range []objective.Verdict{objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit, objective.NotRun} {
		r.Counts[v] = 0
	}
	gating := 0
	var failed []string
	for _, c := range changes {
		if !c.Gating {
			continue
		}
		gating++
		r.Counts[c.Verdict]++
		if c.Verdict == objective.Fail {
			failed = append(failed, c.Scenario+" "+c.Measure)
		}
	}
	decided := r.Counts[objective.Pass] + r.Counts[objective.Fail]
	open := gating - decided
	switch {
	case len(failed) > 0:
		r.ExitCode, r.Reason = 1, fmt.Sprintf("%d of %s became slower: %s.", len(failed), measures(gating), strings.Join(failed, "; "))
	case gating == 0:
		r.ExitCode, r.Reason = nothingGates(changes)
	case decided == 0:
		r.ExitCode, r.Reason = 3, fmt.Sprintf("Nothing was decided: %s stayed open.", measures(gating))
	case open > 0:
		r.ExitCode, r.Reason = 3, fmt.Sprintf("Nothing is shown to be slower, but %d of %s stayed open.", open, measures(gating))
		if profile == "pr" {
			r.ExitCode = 0
			r.Reason += " WARNING: profile pr lets this through; a release does not."
		}
	default:
		r.Reason = fmt.Sprintf("None of %s became slower.", measures(gating))
	}
	return r
}

func measures(n int) string {
	if n == 1 {
		return "1 gating measure"
	}
	return fmt.Sprintf("%d gating measures", n)
}

// nothingGates tells runs that share nothing from runs that share only what
// does not decide by itself.
func nothingGates(changes []Change) (exitCode int, reason string) {
	shared, gates := 0, false
	for _, c := range changes {
		if c.Before != nil && c.After != nil {
			shared++
			gates = gates || c.Before.gates() && c.After.gates()
		}
	}
	switch {
	case shared == 0:
		return 2, "Nothing can be compared: the two runs have no measure in common."
	case gates:
		return 3, fmt.Sprintf("Nothing was decided: %s, and a count or a percentile of one run beside that of another is only shown; --all-gate lets them decide.", inCommon(shared))
	default:
		return 3, fmt.Sprintf("Nothing was decided: %s, and nothing that gates is promised about what they share.", inCommon(shared))
	}
}

func inCommon(n int) string {
	if n == 1 {
		return "the two runs have 1 measure in common"
	}
	return fmt.Sprintf("the two runs have %d measures in common", n)
}

// broken names the promises that the later run breaks and the earlier one kept,
// or was not held to: a figure that is no worse may break a limit that moved.
func broken(changes []Change) []string {
	var said []string
	for _, c := range changes {
		if c.Before == nil || c.After == nil || !c.After.breaks() {
			continue
		}
		was, is := c.Before.held(), c.After.held()
		switch {
		case was != is && was == "":
			said = append(said, fmt.Sprintf("%s %s: the later run breaks its promise, %s; the earlier run was held to none.", c.Scenario, c.Measure, is))
		case was != is:
			said = append(said, fmt.Sprintf("%s %s: the later run breaks its promise, %s; the earlier run was held to another, %s.", c.Scenario, c.Measure, is, was))
		case !c.Before.breaks():
			said = append(said, fmt.Sprintf("%s %s: the later run breaks its promise, %s; the earlier run did not.", c.Scenario, c.Measure, is))
		}
	}
	return said
}

// breaks reports whether the figure breaks a promise that gates.
func (f Figure) breaks() bool {
	for _, p := range f.Promises {
		if p.Gating && p.Verdict == objective.Fail {
			return true
		}
	}
	return false
}

// held are the targets that gate, as they are written.
func (f Figure) held() string {
	var all []string
	for _, p := range f.Promises {
		if p.Gating {
			all = append(all, p.Target)
		}
	}
	return strings.Join(all, " and ")
}
