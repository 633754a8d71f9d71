package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
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
	// mirror is the ratio of throughputs beyond which it is faster: as far on
	// the good side as the margin of a regression is on the bad one.
	mirror float64
}

// What is said of a comparison. With several of them some interval excludes "no
// change" by chance in every tenth run or so: only what lies beyond the margin
// with its whole interval counts.
const (
	isSlower  = "slower"
	isFaster  = "faster"
	noChange  = "no change shown beyond the margin"
	unclaimed = "nothing is claimed"
)

// said is what the comparison shows.
func (c measuredChange) said() string {
	switch {
	case c.void():
		return unclaimed
	case c.verdict == objective.Fail && c.row.high < 1:
		return isSlower
	case c.row.low > c.mirror:
		return isFaster
	default:
		return noChange
	}
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
	found := map[string]int{}
	for _, c := range changes {
		rows = append(rows, c.row)
		found[c.said()]++
		if c.verdict == objective.Fail {
			part.Slower = append(part.Slower, slowerView{
				Name: c.trial.value.Name, ScenarioID: c.trial.scenario.ID, Mark: c.row.Verdict, Change: c.row.Said, Reason: c.reason,
				Queries: changedFor(c.trial, questions),
			})
		}
	}
	part.Forest = forestOfRows("This change against its base, the slowest first", rows)
	part.Forest.Head = "Change of throughput, 95" + nbsp + "% interval"
	part.Says = fmt.Sprintf("%s: %d slower, %d faster, %d with %s",
		plural(len(rows), "comparison", "comparisons"), found[isSlower], found[isFaster], found[noChange], noChange)
	if void := found[unclaimed]; void > 0 {
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
		c.verdict, c.reason, c.mirror = verdictOf(first), first.Reason, mirrorOf(*t.value.Pairs, first)
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
	c.row = row
	c.row.Why = c.said()
	return c, true
}

// noiseLevel is the confidence of the interval whose half-width is the noise of
// the machine in package objective; the good side must not be read otherwise.
const noiseLevel = .95

// mirrorOf turns the margin of a regression round: the larger of what the target
// of o lets through and twice the noise of the machine.
func mirrorOf(p measure.Pairs, o evidence.Objective) float64 {
	mirror := max(o.Limit, 1/o.Limit)
	if p.Fitness == nil {
		return mirror
	}
	if i, err := p.Fitness.Interval(noiseLevel); err == nil {
		mirror = max(mirror, i.High/i.Low)
	}
	return mirror
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
