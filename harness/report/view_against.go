package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// againstPart compares this version with the one that it would replace.
type againstPart struct {
	Ref, Sha, Subject string
	Says              string
	Slower            []slowerView
	Forest            *forest
}

// slowerView is a measure that got worse, with the plans that may say why.
type slowerView struct {
	Name, ScenarioID string
	Mark             verdictMark
	Change           string
	Reason           string
	Queries          []queryView
}

// measuredChange is one comparison of the two versions.
type measuredChange struct {
	row     forestRow
	trial   trial
	verdict objective.Verdict
	reason  string
}

// void reports whether c claims nothing, whatever its figures look like.
func (c measuredChange) void() bool {
	return c.verdict == objective.Unfit || c.verdict == objective.NotRun
}

func againstOf(run evidence.Run) *againstPart {
	if run.Against == nil {
		return nil
	}
	changes := changesOf(run)
	if len(changes) == 0 {
		return nil
	}
	a := run.Against
	part := &againstPart{Ref: a.Ref, Sha: short(a.Commit.SHA), Subject: a.Commit.Subject}
	questions := questionsOf(run)
	var rows []forestRow
	slower, faster, void := 0, 0, 0
	for _, c := range changes {
		rows = append(rows, c.row)
		switch {
		case c.void():
			void++
		case c.row.high < 1:
			slower++
		case c.row.low > 1:
			faster++
		}
		if c.verdict == objective.Fail {
			part.Slower = append(part.Slower, slowerView{
				Name: c.trial.value.Name, ScenarioID: c.trial.scenario.ID, Mark: c.row.Verdict, Change: c.row.Said, Reason: c.reason,
				Queries: changedFor(c.trial, questions),
			})
		}
	}
	part.Forest = forestOfRows("This change against its base, the slowest first", rows)
	part.Forest.Head = "Change of throughput, 95" + nbsp + "% interval"
	part.Says = fmt.Sprintf("%s: %d slower, %d faster, %d without a difference that shows",
		plural(len(rows), "comparison", "comparisons"), slower, faster, len(rows)-slower-faster-void)
	if void > 0 {
		part.Says += fmt.Sprintf(", %d not judged", void)
	}
	return part
}

// changesOf lists the comparisons of versions: what fails first, then what is
// open, in each the slowest first.
func changesOf(run evidence.Run) []measuredChange {
	var changes []measuredChange
	for _, f := range run.Features {
		if f.Tag != evidence.RegressionTag {
			continue
		}
		for _, s := range f.Scenarios {
			for _, v := range s.Measures {
				if v.Pairs == nil {
					continue
				}
				if c, ok := changeOf(trial{s, v}); ok {
					changes = append(changes, c)
				}
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b measuredChange) int {
		return cmp.Or(cmp.Compare(urgency(a.verdict), urgency(b.verdict)), cmp.Compare(a.row.estimate, b.row.estimate))
	})
	return changes
}

func urgency(v objective.Verdict) int {
	return slices.Index([]objective.Verdict{objective.Fail, objective.Inconclusive, objective.Unfit, objective.NotRun, objective.Pass}, v)
}

// changeOf reads a trial as a change of throughput in per cent.
func changeOf(t trial) (measuredChange, bool) {
	row, ok := t.result()
	c := measuredChange{trial: t, verdict: objective.NotRun}
	if objectives := t.objectives(); len(objectives) > 0 {
		first := objectives[0]
		c.verdict, c.reason = verdictOf(first), first.Reason
		if ofDurations(*t.value.Pairs, first) { // tell throughput all the same
			row.estimate, row.low, row.high = 1/row.estimate, 1/row.high, 1/row.low
			row.limits, row.wishes = nil, nil
			row.dots = ratios(*t.value.Pairs, evidence.Objective{})
		}
	}
	if !ok {
		row.Said = "too few pairs"
		c.row = row
		return c, false
	}
	row.Said = improvement(row.estimate) + " [" + improvement(row.low) + "," + nbsp + improvement(row.high) + "]"
	switch {
	case c.void():
		row.Why = "nothing is claimed"
	case row.high < 1:
		row.Why = "slower"
	case row.low > 1:
		row.Why = "faster"
	default:
		row.Why = "no difference shows"
	}
	c.row = row
	return c, true
}

// improvement writes a throughput ratio as "+12.3 %": ratio − 1.
func improvement(ratio float64) string {
	s := withDecimals((ratio-1)*100, 1)
	if !strings.HasPrefix(s, "−") && strings.Trim(s, "0.") != "" {
		s = "+" + s
	}
	return s + nbsp + "%"
}

// changedFor are the questions behind a measure whose plans changed: those that
// it names, or all of its scenario.
func changedFor(t trial, questions []queryView) []queryView {
	var named, others []queryView
	for _, q := range questions {
		switch {
		case q.ScenarioID != t.scenario.ID || len(q.Changes) == 0:
		case strings.Contains(strings.ToLower(t.value.Name), strings.ToLower(q.Name)):
			named = append(named, q)
		default:
			others = append(others, q)
		}
	}
	if len(named) > 0 {
		return named
	}
	if single := len(t.scenario.Measures) == 1; single {
		return others
	}
	return nil
}
