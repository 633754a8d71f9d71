package report

import (
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// concern is one thing that a reader must look at: a promise that does not
// hold or could not be decided, or a scenario that could not be carried out.
type concern struct {
	verdict   objective.Verdict
	title     string
	reason    string
	feature   evidence.Feature
	scenario  evidence.Scenario
	objective *evidence.Objective // nil for a broken scenario
}

// word is the verdict, or what stands in its place.
func (c concern) word() string {
	if c.objective == nil {
		return "broken"
	}
	return string(c.verdict)
}

// attention lists concerns: broken promises first, then scenarios that could
// not be carried out, then what nobody can decide; in each, as written.
func attention(run evidence.Run) []concern {
	var fails, broken, open []concern
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			if s.Broken != "" {
				broken = append(broken, concern{objective.NotRun, s.Title, s.Broken, f, s, nil})
			}
			for _, o := range s.Objectives {
				c := concern{verdictOf(o), o.Measure, o.Reason, f, s, &o}
				switch {
				case !o.Gating || c.verdict == objective.Pass:
				case c.verdict == objective.Fail:
					fails = append(fails, c)
				case c.verdict == objective.NotRun && (s.Broken != "" || s.Skipped != ""):
				default:
					open = append(open, c)
				}
			}
		}
	}
	return append(append(fails, broken...), open...)
}
