package seal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// checkEvidence judges every objective of run again and compares.
func (v *Verification) checkEvidence(run evidence.Run) {
	for _, feature := range run.Features {
		for _, scenario := range feature.Scenarios {
			v.Of += len(scenario.Objectives)
		}
	}
	differences, err := evidence.Rejudge(run)
	if err != nil {
		v.deny(NotJudgeable, "evidence", oneLine(err))
		return
	}
	places, said := []int{}, make(map[int][]evidence.Difference)
	for _, d := range differences {
		if said[d.Row] == nil {
			places = append(places, d.Row)
		}
		said[d.Row] = append(said[d.Row], d)
	}
	v.Recomputed = v.Of
	for _, row := range places {
		if row >= 0 {
			v.Recomputed--
		}
		v.deny(VerdictDiffers, place(said[row][0]), stated(said[row]))
	}
}

// stated says in one sentence what a record says and its evidence does not.
func stated(differences []evidence.Difference) string {
	texts := make([]string, len(differences))
	for i, d := range differences {
		texts[i] = fmt.Sprintf("%s is stated as %s, the evidence gives %s", d.Field, d.Stored, d.Computed)
	}
	return strings.Join(texts, "; ")
}

// checkOutcome denies what the run itself does not allow, judged from the
// stated verdicts; checkEvidence has compared those with the evidence.
func (v *Verification) checkOutcome(run evidence.Run) {
	decided, skipped := 0, 0
	for _, feature := range run.Features {
		for _, scenario := range feature.Scenarios {
			left := scenario.Skipped != ""
			if left {
				skipped += len(scenario.Objectives)
			}
			for _, o := range scenario.Objectives {
				if o.Gating && !left && evidence.Decided(o.Verdict) {
					decided++
				}
				v.checkObjective(run, feature, scenario, o)
			}
			if scenario.Broken != "" && scenario.Quarantined == "" && !left {
				v.deny(RunBroken, scenario.ID, "the scenario could not be carried out: "+scenario.Broken)
			}
		}
	}
	for _, t := range run.SelfTests {
		if !t.Red {
			v.deny(RunBroken, "self-test", "the harness did not notice what was broken on purpose: "+t.Broke)
		}
	}
	if decided == 0 {
		v.deny(NothingJudged, "result", "no gating objective passed or failed, so nothing is proven")
	}
	if skipped > 0 {
		v.note(LeftOut, "result", fmt.Sprintf("%d of %d objectives were not meant to run: %s", skipped, v.Of, limitedTo(run)))
	}
	if run.Narrowed() {
		v.note(Narrowed, "result", "only part of what profile "+run.Profile+" runs was asked for: "+run.Narrowing())
	}
	v.noteComparison(run)
	v.checkResult(run.Result)
}

// noteComparison keeps a run that compared two programs from being taken for one
// that proves promises.
func (v *Verification) noteComparison(run evidence.Run) {
	if run.Against == nil {
		return
	}
	v.note(Compared, "result", fmt.Sprintf("the run compared with %s (commit %s, program with SHA-256 %s) and proves no other promise of the features",
		run.Against.Ref, run.Against.Commit.SHA, run.Against.Program.SHA256))
	if run.SameProgram() {
		v.note(SameProgram, "result", "both programs are one and the same: nothing was changed between them, and nothing is shown about a change")
	}
}

// checkObjective denies a gating objective that failed, one that was to be
// measured and was not, and one that stayed open in a run that does not let
// this through.
func (v *Verification) checkObjective(run evidence.Run, f evidence.Feature, s evidence.Scenario, o evidence.Objective) {
	if !o.Gating || !run.Needs(f, s) || s.Broken != "" || o.Verdict == objective.Pass {
		return
	}
	detail := fmt.Sprintf("%s is %s; promised %s", o.Measure, measured(o), o.Target)
	switch {
	case o.Verdict == objective.Fail:
		v.deny(ObjectiveFailed, s.ID, detail)
	case o.Verdict == objective.NotRun && s.Skipped == "":
		v.deny(RunBroken, s.ID, "it was to measure "+o.Measure+", and did not: "+o.Reason)
	case run.Profile == "pr":
		v.note(LeftOpen, s.ID, fmt.Sprintf("%s: %s; %s", o.Verdict, detail, o.Reason))
	default:
		v.deny(ObjectiveOpen, s.ID, fmt.Sprintf("%s: %s; %s", o.Verdict, detail, o.Reason))
	}
}

// checkResult denies a run that did not end well, if nothing more exact has
// already been said.
func (v *Verification) checkResult(r evidence.Result) {
	good := r.ExitCode == evidence.ExitPassed && (r.Outcome == evidence.Passed || r.Outcome == evidence.Warned)
	if good || v.denied(ObjectiveFailed, ObjectiveOpen, RunBroken, NothingJudged) {
		return
	}
	code := RunBroken
	if r.ExitCode == evidence.ExitFailed {
		code = ObjectiveFailed
	}
	v.deny(code, "result", fmt.Sprintf("the run ended %s with exit code %d: %s", r.Outcome, r.ExitCode, r.Reason))
}

// denied reports whether any of codes has denied already.
func (v *Verification) denied(codes ...Code) bool {
	for _, r := range v.Reasons {
		for _, code := range codes {
			if r.Code == code {
				return true
			}
		}
	}
	return false
}

// measured is the figure of an objective with its unit, or what there is instead.
func measured(o evidence.Objective) string {
	if o.Value == nil {
		return "without a figure"
	}
	figure := strconv.FormatFloat(*o.Value, 'g', 4, 64)
	if o.Unit == "" {
		return figure
	}
	return figure + " " + o.Unit
}

// place names what a difference is about.
func place(d evidence.Difference) string {
	if d.Row < 0 {
		return "result"
	}
	return d.Scenario + " " + d.Measure
}

// limitedTo says what a run was limited to.
func limitedTo(run evidence.Run) string {
	limits := "profile " + run.Profile
	if also := run.Narrowing(); also != "" {
		limits += " with " + also
	}
	return limits
}
