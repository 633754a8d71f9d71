package evidence

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Alpha is the false-alarm budget of every run: the probability, over all
// gating relative objectives together, that a kept promise is called broken.
// It is a constant because a report that chose its own budget could turn every
// fail into an inconclusive one.
const Alpha = 0.05

// row is one objective with everything that its judgement depends on.
type row struct {
	feature  *Feature
	scenario *Scenario
	stated   *Objective
	parsed   objective.Objective
}

// Judge reads every objective of run, judges it from the measures of its
// scenario, shares the error of the run among the gating relative objectives
// (Holm 1979) and fills in Family, Alpha, Gating, every Judgement, what the
// proofs say and Result. Where a proof did not hold, every comparison is unfit.
// What the fields of an earlier judgement said has no influence, except that
// a Family or an Alpha that was recorded when the run was planned must be the
// one that the features give.
//
// An objective of a scenario that was skipped or broken, or that did not yield
// the measure, is not run. Judge fails, with every problem at once and run
// untouched, if a row cannot be read or the record contradicts itself: rows or
// tags are not those of the Gherkin beside them, a scenario is skipped that the
// profile, the tag expression and the ids of the run select, a scenario ran
// without a step, an account differs from the measures, a passage, a chart or a
// query is of no scenario that ran, the version compared with is not named, a
// run that compares holds no proof that it can. It never fails because of what
// was measured.
func Judge(run *Run) error {
	rows, problems := readRows(run)
	family := planned(rows)
	if run.Family != 0 && run.Family != family {
		problems = append(problems, fmt.Errorf("run %s was planned with %d gating relative objectives, its features state %d", run.ID, run.Family, family))
	}
	if run.Alpha != 0 && run.Alpha != Alpha {
		problems = append(problems, fmt.Errorf("run %s states a false-alarm budget of %v, every run has %v", run.ID, run.Alpha, Alpha))
	}
	problems = append(problems, leftUndone(run)...)
	problems = append(problems, wrongRecords(run, rows)...)
	judgements := make([]objective.Judgement, len(rows))
	var (
		proofs []Proof
		doubt  string
	)
	if len(problems) == 0 {
		proofs, doubt = proved(run.Proofs)
		for i, r := range rows {
			judgements[i] = r.judge(family)
			if doubt != "" && r.parsed.Relative() {
				judgements[i] = doubted(judgements[i], doubt)
			}
			if !known(judgements[i].Verdict) {
				problems = append(problems, r.problem(fmt.Errorf("judging %q gave the unknown verdict %q", r.stated.Target, judgements[i].Verdict)))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}

	share(rows, judgements)
	for i, r := range rows {
		r.stated.Gating = r.gating()
		r.stated.Judgement = judgements[i]
	}
	run.Proofs = proofs
	run.Family, run.Alpha = family, Alpha
	run.Result = conclude(run, rows, doubt)
	return nil
}

// Planned is the number of gating relative objectives that run was meant to
// judge, at least 1: the family that experiments need to know before the first
// block. It fails, with every problem at once, if a row cannot be read or the
// plan contradicts itself.
func Planned(run Run) (int, error) {
	rows, problems := readRows(&run)
	if err := errors.Join(problems...); err != nil {
		return 0, err
	}
	return planned(rows), nil
}

func readRows(run *Run) ([]row, []error) {
	var (
		rows     []row
		problems []error
	)
	for f := range run.Features {
		feature := &run.Features[f]
		for s := range feature.Scenarios {
			scenario := &feature.Scenarios[s]
			for _, err := range contradictions(feature, scenario) {
				problems = append(problems, fmt.Errorf("%s line %d, %s: %w", feature.URI, scenario.Line, scenario.ID, err))
			}
			for o := range scenario.Objectives {
				r := row{feature: feature, scenario: scenario, stated: &scenario.Objectives[o]}
				parsed, err := objective.Parse(r.stated.Measure, r.stated.Target)
				if err != nil {
					problems = append(problems, r.problem(err))
					continue
				}
				r.parsed = parsed
				rows = append(rows, r)
			}
		}
	}
	return rows, append(problems, otherwiseChosen(run)...)
}

// contradictions finds what no honest record of a scenario can hold.
func contradictions(f *Feature, s *Scenario) []error {
	found := notAsWritten(f, s)
	if s.Quarantined != "" && !slices.Contains(s.Tags, quarantineTag) {
		found = append(found, errors.New("it is recorded as quarantined but has no @quarantine tag"))
	}
	if s.Skipped != "" && len(s.Measures) > 0 {
		found = append(found, errors.New("it is recorded as skipped but has measures"))
	}
	seen := make(map[string]bool, len(s.Measures))
	for _, v := range s.Measures {
		if seen[v.Name] {
			found = append(found, fmt.Errorf("measure %q is recorded twice", v.Name))
		}
		seen[v.Name] = true
	}
	return found
}

// leftUndone finds the scenarios that are recorded as carried out, and of which
// no step was.
func leftUndone(run *Run) []error {
	var found []error
	for _, feature := range run.Features {
		for _, s := range feature.Scenarios {
			if s.Skipped == "" && s.Broken == "" && len(s.Steps) == 0 {
				found = append(found, fmt.Errorf("%s line %d, %s: it is recorded as carried out and has no step", feature.URI, s.Line, s.ID))
			}
		}
	}
	return found
}

// wrongRecords finds what stands beside the scenarios and contradicts them, or
// says nothing that anybody can check.
func wrongRecords(run *Run, rows []row) []error {
	return slices.Concat(wrongProofs(run, rows), wrongAgainst(run), wrongAccounts(run), wrongPassages(run), wrongCharts(run), wrongQueries(run))
}

func planned(rows []row) int {
	n := 0
	for _, r := range rows {
		if r.gating() && r.meant() && r.parsed.Relative() {
			n++
		}
	}
	return max(n, 1)
}

// share spreads the error of the run over the objectives that gate.
func share(rows []row, judgements []objective.Judgement) {
	var (
		gating  []objective.Judgement
		indices []int
	)
	for i, r := range rows {
		if r.gating() && r.meant() {
			gating = append(gating, judgements[i])
			indices = append(indices, i)
		}
	}
	for i, j := range objective.Holm(gating, Alpha) {
		judgements[indices[i]] = j
	}
}

// gating reports whether the row may block: "should be" and quarantined rows
// never do, whatever the profile.
func (r row) gating() bool { return r.parsed.Gating() && r.scenario.Quarantined == "" }

// meant reports whether the row was meant to be judged in this run.
func (r row) meant() bool { return r.scenario.Skipped == "" }

func (r row) judge(family int) objective.Judgement {
	switch {
	case r.scenario.Skipped != "":
		return r.notRun("not meant to run: " + firstLine(r.scenario.Skipped))
	case r.scenario.Broken != "":
		return r.notRun("the scenario could not be carried out: " + firstLine(r.scenario.Broken))
	}
	for _, v := range r.scenario.Measures {
		if v.Name == r.parsed.Measure {
			return r.parsed.Judge(v, family)
		}
	}
	return r.notRun(fmt.Sprintf("the scenario did not yield %q; it yielded %s", r.parsed.Measure, yielded(r.scenario.Measures)))
}

// notRun keeps the limit of the promise beside the statement that nothing was
// observed.
func (r row) notRun(reason string) objective.Judgement {
	nothing := r.parsed.Judge(measure.Value{Name: r.parsed.Measure}, 1)
	return objective.Judgement{
		Verdict: objective.NotRun,
		Unit:    nothing.Unit,
		Limit:   nothing.Limit,
		Reason:  reason,
	}
}

// problem says where in the features the row stands.
func (r row) problem(err error) error {
	return fmt.Errorf("%s line %d, %s: %w", r.feature.URI, r.stated.Line, r.scenario.ID, err)
}

func yielded(values []measure.Value) string {
	if len(values) == 0 {
		return "nothing"
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = fmt.Sprintf("%q", v.Name)
	}
	return strings.Join(names, ", ")
}

func known(v objective.Verdict) bool { return slices.Contains(Verdicts(), v) }

// Verdicts are the five verdicts, best first.
func Verdicts() []objective.Verdict {
	return []objective.Verdict{objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit, objective.NotRun}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
