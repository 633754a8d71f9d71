package report

import (
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// verdicts in the order in which a page lists them.
func verdicts() []objective.Verdict {
	return []objective.Verdict{objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit, objective.NotRun}
}

// tally counts promises. A promise is an objective that gates; "should be" and
// quarantined objectives are shown and counted apart, because a page that
// calls a missed wish a broken promise cries wolf.
type tally struct {
	of       map[objective.Verdict]int // promises by verdict
	promises int
	wishes   int // objectives that do not gate
	missed   int // of these, failed
	broken   int // scenarios that could not be carried out
	skipped  int // promises of scenarios that were not meant to run
}

func tallyOf(run evidence.Run) tally {
	t := tally{of: map[objective.Verdict]int{}}
	for _, f := range run.Features {
		t.add(f)
	}
	return t
}

func (t *tally) add(f evidence.Feature) {
	for _, s := range f.Scenarios {
		if s.Broken != "" && s.Skipped == "" && s.Quarantined == "" {
			t.broken++
		}
		for _, o := range s.Objectives {
			switch {
			case o.Gating:
				t.promises++
				t.of[verdictOf(o)]++
				if s.Skipped != "" && verdictOf(o) == objective.NotRun {
					t.skipped++
				}
			case o.Verdict == objective.Fail:
				t.wishes++
				t.missed++
			default:
				t.wishes++
			}
		}
	}
}

// meant counts the promises that run had to keep: a release leaves none out,
// other profiles only what they were meant to judge.
func (t tally) meant(run evidence.Run) int {
	if run.Profile == "release" {
		return t.promises
	}
	return t.promises - t.skipped
}

// undecided counts the promises that nobody can call kept or broken although
// they were meant to be judged.
func (t tally) undecided() int {
	return t.of[objective.Inconclusive] + t.of[objective.Unfit] + t.of[objective.NotRun] - t.skipped
}

// verdictOf reads a missing verdict as "not run": nothing is claimed.
func verdictOf(o evidence.Objective) objective.Verdict {
	switch o.Verdict {
	case objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit:
		return o.Verdict
	default:
		return objective.NotRun
	}
}
