package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// headline is the answer to "may we release?" in one sentence, with the mark
// that goes with it.
type headline struct {
	verdict  objective.Verdict
	sentence string
}

// previewOnly begins what must not be taken for a sign-off.
const previewOnly = "Preview only: "

func headlineOf(run evidence.Run, signer Signer) headline {
	t := tallyOf(run)
	if run.Against != nil {
		if h, ok := comparedHeadline(run, t); ok {
			return h
		}
	}
	preview := signer.Preview() || run.Commit.Dirty || run.Narrowed()
	fails, meant := t.of[objective.Fail], t.meant(run)
	switch {
	case fails > 0:
		said := "Not ready: " + areBroken(fails, meant)
		if t.broken > 0 {
			said += ", and " + couldNot(t.broken)
		}
		if unproven(run) {
			said += ", and " + unfitToCompare
		}
		return headline{objective.Fail, said}
	case unproven(run) && run.Result.ExitCode == 0:
		return headline{objective.Unfit, "No promise is broken, but " + unfitToCompare}
	case unproven(run):
		return headline{objective.Unfit, "Not decided: " + unfitToCompare}
	case t.broken > 0:
		return headline{objective.NotRun, "Not decided: " + couldNot(t.broken)}
	case t.promises == t.skipped:
		return headline{objective.NotRun, "Not decided: no promise was judged"}
	case run.Result.Outcome == evidence.Broken || run.Result.ExitCode == evidence.ExitBroken:
		return headline{objective.NotRun, "Not decided: the harness could not do its work"}
	case t.undecided() > 0:
		return undecided(run, t)
	case run.Result.ExitCode != evidence.ExitPassed && t.skipped > 0:
		return headline{objective.NotRun, fmt.Sprintf("Not ready: %d of %d promises %s not run", t.skipped, t.promises, wasWere(t.skipped))}
	case run.Result.ExitCode != evidence.ExitPassed:
		return headline{objective.NotRun, "Not ready: " + run.Result.Reason}
	}
	whole := fmt.Sprintf("all %d promises hold", t.promises-t.skipped)
	switch {
	case t.promises-t.skipped == 1:
		whole = "the one promise holds"
	case t.skipped > 0:
		whole = fmt.Sprintf("all %d promises that ran hold", t.promises-t.skipped)
	}
	if preview {
		return headline{objective.Pass, previewOnly + whole}
	}
	return headline{objective.Pass, "Ready: " + whole}
}

// comparedHeadline answers "may this change be merged?"; it leaves to others
// what has nothing to do with the comparison.
func comparedHeadline(run evidence.Run, t tally) (headline, bool) {
	fails, meant := t.of[objective.Fail], t.meant(run)
	comparisons := plural(meant, "comparison", "comparisons")
	switch {
	case fails > 0:
		said := fmt.Sprintf("This change makes it worse: %d of %s with %s %s", fails, comparisons, run.Against.Ref, failFails(fails))
		if unproven(run) {
			said += ", and " + unfitToCompare
		}
		return headline{objective.Fail, said}, true
	case unproven(run) || t.broken > 0 || meant == 0 || run.Result.Outcome == evidence.Broken:
		return headline{}, false
	case t.undecided() > 0:
		return headline{objective.Inconclusive, fmt.Sprintf("%s, but %d of %s %s undecided%s", noLossShown(run), t.undecided(), comparisons, isAre(t.undecided()), oneProgram(run))}, true
	case run.Result.ExitCode != evidence.ExitPassed:
		return headline{}, false
	case meant == 1:
		return headline{objective.Pass, noLossShown(run) + ": the one comparison holds" + oneProgram(run)}, true
	default:
		return headline{objective.Pass, fmt.Sprintf("%s: all %s hold%s", noLossShown(run), comparisons, oneProgram(run))}, true
	}
}

// noLossShown claims what comparisons without a fail show, and no more: the
// targets let a loss through, and whoever reads the sentence must learn how much.
func noLossShown(run evidence.Run) string {
	nothing := "Nothing is shown to be "
	switch limits := limitsOfSpeed(run); {
	case len(limits) == 1 && limits[0] == 1:
		return nothing + "slower than " + run.Against.Ref
	case len(limits) == 1 && limits[0] < 1:
		return nothing + "more than " + number(100*(1-limits[0])) + nbsp + "% slower than " + run.Against.Ref
	default:
		return nothing + "slower than " + run.Against.Ref + " by more than was allowed"
	}
}

// limitsOfSpeed are the different limits of the comparisons that were to hold;
// a limit of anything but the least speed stands as infinite.
func limitsOfSpeed(run evidence.Run) []float64 {
	var limits []float64
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			for _, o := range s.Objectives {
				row, ok := readRow(o)
				if f.Tag != evidence.RegressionTag || s.Skipped != "" || !o.Gating || !ok || !row.Relative() {
					continue
				}
				limit := row.Limit()
				if row.Bound != objective.AtLeast {
					limit = math.Inf(1)
				}
				limits = append(limits, limit)
			}
		}
	}
	slices.Sort(limits)
	return slices.Compact(limits)
}

// oneProgram says that nothing can have changed, where that is so.
func oneProgram(run evidence.Run) string {
	if run.SameProgram() {
		return ", and both programs are one and the same"
	}
	return ""
}

func failFails(n int) string {
	if n == 1 {
		return "fails"
	}
	return "fail"
}

// undecided is the headline of a run in which nothing failed and something is
// open; whether that blocks is the exit code's to say.
func undecided(run evidence.Run, t tally) headline {
	n := t.undecided()
	h := headline{objective.Inconclusive, fmt.Sprintf("%d of %d promises %s undecided", n, t.meant(run), isAre(n))}
	if t.of[objective.Unfit] == n {
		h = headline{objective.Unfit, fmt.Sprintf("%d of %d promises could not be judged on this machine", n, t.meant(run))}
	}
	if run.Result.ExitCode == 0 {
		h.sentence = "No promise is broken, but " + h.sentence
	} else {
		h.sentence = "Not ready: " + h.sentence
	}
	return h
}

func areBroken(n, of int) string {
	return fmt.Sprintf("%d of %d promises %s broken", n, of, isAre(n))
}

func couldNot(scenarios int) string {
	return plural(scenarios, "scenario", "scenarios") + " could not be carried out"
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// caveat says why nobody should release on this report, whatever it found; it
// is empty for a report that a trusted key signs over a clean commit.
func caveat(run evidence.Run, signer Signer) string {
	var reasons []string
	if run.Commit.Dirty {
		reasons = append(reasons, "the work tree had changes that no commit holds, so nobody can check out what was tested")
	}
	if run.Narrowed() {
		reasons = append(reasons, "the run was asked for only part of the promises ("+run.Narrowing()+")")
	}
	switch {
	case signer.Local:
		reasons = append(reasons, "the report is signed with a key that was made on this machine, which nobody else has a reason to trust")
	case signer.Preview():
		reasons = append(reasons, "nobody signed the report")
	}
	if len(reasons) == 0 {
		return ""
	}
	said := strings.Join(reasons, ", and ") + "."
	if strings.HasPrefix(headlineOf(run, signer).sentence, previewOnly) {
		return capital(said)
	}
	return previewOnly + said
}
