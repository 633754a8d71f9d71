package evidence

import (
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/objective"
)

// The outcomes of a run.
const (
	Passed = "PASSED" // every gating objective passed
	Failed = "FAILED" // at least one gating objective failed
	Warned = "WARNED" // nothing failed, but something gating stayed open or was not asked for
	Broken = "BROKEN" // a scenario or a check could not do its work, or nothing was decided
)

// The exit codes that go with the outcomes.
const (
	ExitPassed = 0 // every gating objective passed, or what is open may be in this profile
	ExitFailed = 1 // at least one gating objective failed
	ExitBroken = 2 // the harness could not do its work
	ExitOpen   = 3 // nothing failed, but something gating stayed open
)

// profile is how strict a run is.
type profile struct {
	// tags are those of the scenarios that run in it.
	tags []string
	// openPasses: what stays open is shown loudly and does not block.
	openPasses bool
	// skippedGates: what was left out stays open; see Run.Needs.
	skippedGates bool
}

func profileOf(name string) (profile, error) {
	switch name {
	case "pr":
		return profile{tags: []string{"@pr"}, openPasses: true}, nil
	case "nightly":
		return profile{tags: []string{"@pr", "@nightly"}}, nil
	case "release":
		return profile{tags: []string{"@pr", "@nightly", "@release"}, skippedGates: true}, nil
	}
	return profile{}, fmt.Errorf("profile %q is none of pr, nightly, release", name)
}

// conclude turns the judged rows into the result of the run. In order:
//
// A gating fail is FAILED with exit code 1, even if a scenario is broken too: a
// broken promise is proven and stays so, whatever else could not be carried
// out; the reason names both. Else a broken scenario, one that was meant to run
// and did not measure what it promises, or a run in which no gating objective
// is a pass or a fail, is BROKEN with exit code 2: it can never be taken for a
// pass. Else a gating objective that is inconclusive or unfit makes it WARNED
// with exit code 3, which profile pr lowers to 0. What was not selected is not
// run and blocks nothing, except in release, which needs everything; a run that
// was asked for a part of its profile by tags or ids is never PASSED. A run that
// compares with another version can be: it answers another question than the
// profile does, and says which. A self-test that did not
// go red makes the run BROKEN, as its checks see nothing. Quarantined scenarios
// and "should be" never block.
func conclude(run *Run, rows []row, doubt string) Result {
	strict, _ := profileOf(run.Profile) // Judge has refused any other
	t := tallyOf(run, rows)
	result := Result{Counts: t.counts}
	unproven := unproven(run)
	switch {
	case len(t.failed) > 0:
		result.Outcome, result.ExitCode = Failed, ExitFailed
		result.Reason = fmt.Sprintf("%d of %d gating objectives failed: %s.", len(t.failed), t.gating, few(t.failed))
		if unproven != "" {
			result.Reason += " Besides, " + unproven + "."
		}
	case unproven != "":
		result.Outcome, result.ExitCode = Broken, ExitBroken
		result.Reason = "The run proves nothing: " + unproven + "."
	case t.decided == 0:
		result.Outcome, result.ExitCode = Broken, ExitBroken
		result.Reason = "Nothing was decided: no gating objective passed or failed."
	case len(t.open) > 0:
		result.Outcome, result.ExitCode = Warned, ExitOpen
		result.Reason = fmt.Sprintf("Nothing failed, but %d of %d gating objectives stayed open: %s.", len(t.open), t.gating, few(t.open))
		if strict.openPasses {
			result.ExitCode = ExitPassed
			result.Reason += " WARNING: profile " + run.Profile + " lets this through; a release does not."
		}
	default:
		result.Outcome, result.ExitCode = Passed, ExitPassed
		result.Reason = fmt.Sprintf("All %d gating objectives passed.", t.gating)
	}
	if doubt != "" {
		result.Reason += " The run is not fit to compare: " + doubt + "."
	}
	if run.Narrowed() {
		if result.Outcome == Passed && run.limited() {
			result.Outcome = Warned
		}
		result.Reason += " These are only part of the promises: " + run.Narrowing() + "."
	}
	if run.SameProgram() {
		result.Reason += " Both programs are one and the same: nothing was changed between them."
	}
	return result
}

// tally is what became of the objectives of a run.
type tally struct {
	counts          map[objective.Verdict]int
	gating, decided int
	failed, open    []string
}

func tallyOf(run *Run, rows []row) tally {
	t := tally{counts: make(map[objective.Verdict]int, len(Verdicts()))}
	for _, v := range Verdicts() {
		t.counts[v] = 0
	}
	for _, r := range rows {
		verdict := r.stated.Verdict
		t.counts[verdict]++
		if !r.gating() || !run.Needs(*r.feature, *r.scenario) {
			continue
		}
		t.gating++
		if Decided(verdict) {
			t.decided++
		}
		name := r.scenario.ID + " " + r.stated.Measure
		switch verdict {
		case objective.Pass:
		case objective.Fail:
			t.failed = append(t.failed, name)
		default:
			t.open = append(t.open, fmt.Sprintf("%s (%s)", name, verdict))
		}
	}
	return t
}

// unproven says in half a sentence what keeps a run from proving anything, or
// "" if nothing does.
func unproven(run *Run) string {
	var said []string
	if broken := brokenScenarios(run); len(broken) > 0 {
		said = append(said, fmt.Sprintf("%s could not be carried out: %s", count(len(broken), "scenario"), few(broken)))
	}
	var blind []string
	for _, t := range run.SelfTests {
		if !t.Red {
			blind = append(blind, t.Broke)
		}
	}
	if len(blind) > 0 {
		said = append(said, fmt.Sprintf("%s did not notice what was broken on purpose: %s", count(len(blind), "self-test"), few(blind)))
	}
	return strings.Join(said, "; ")
}

// brokenScenarios names the scenarios that were meant to run, are not in
// quarantine and could not be carried out.
func brokenScenarios(run *Run) []string {
	var names []string
	for f := range run.Features {
		for s := range run.Features[f].Scenarios {
			scenario := &run.Features[f].Scenarios[s]
			if scenario.Skipped != "" || scenario.Quarantined != "" {
				continue
			}
			if why := brokenBy(scenario); why != "" {
				names = append(names, fmt.Sprintf("%s (%s)", scenario.ID, why))
			}
		}
	}
	return names
}

// brokenBy says why a scenario proves nothing, or "" if it does. A promise that
// was not measured is no promise that stayed open: the scenario was to measure
// it. A step that did not pass needs a gating objective that did not pass
// either; otherwise something else went wrong, and a table full of passes would
// hide it.
func brokenBy(s *Scenario) string {
	if s.Broken != "" {
		return firstLine(s.Broken)
	}
	explained := false
	for _, o := range s.Objectives {
		if o.Gating && o.Verdict == objective.NotRun {
			return "it did not measure " + o.Measure
		}
		explained = explained || o.Gating && o.Verdict != objective.Pass
	}
	for _, step := range s.Steps {
		switch step.Status {
		case StepPassed:
			continue
		case StepFailed, StepPending, StepSkipped:
			if explained {
				continue
			}
		}
		return fmt.Sprintf("step %q is %s", strings.TrimSpace(step.Keyword)+" "+step.Text, step.Status)
	}
	return ""
}

// Decided reports whether a verdict says that a promise was kept or broken.
func Decided(v objective.Verdict) bool { return v == objective.Pass || v == objective.Fail }

// few joins at most three names and counts the rest.
func few(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:most], "; "), len(names)-most)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
