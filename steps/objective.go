package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/objective"
)

// objectivesSentence is the one sentence that judges.
const objectivesSentence = "these objectives hold:"

func objectiveSteps() []Definition {
	return []Definition{{
		Keyword: "Then",
		Pattern: `^these objectives hold:$`,
		Example: objectivesSentence,
		Help:    "Judges every row of the table that follows (columns measure and target) and then fails if one is broken. Every row is judged, so that one broken promise never hides another.",
		Do:      objectivesHold,
	}}
}

// objectivesHold judges every row of the table, and only then fails. What it
// says here is for the reader of a test log; the run as a whole is judged from
// its evidence.
func objectivesHold(ctx context.Context, _ *godog.Table) error {
	w := worldFrom(ctx)
	var broken, open []string
	for _, r := range w.rows {
		judged := r.Judge(w.measures[r.Objective.Measure], w.bench.plan.Family)
		said := fmt.Sprintf("%s, %s: %s (%s)", r.measure, r.target, judged.Verdict, judged.Reason)
		switch {
		case judged.Verdict == objective.Pass || !r.Gating():
		case judged.Verdict == objective.Fail:
			broken = append(broken, said)
		default:
			open = append(open, said)
		}
	}
	if len(broken) > 0 {
		return verdictError(broken)
	}
	if len(open) > 0 {
		return fmt.Errorf("%w: %s", godog.ErrPending, strings.Join(open, "; "))
	}
	return nil
}

// verdictError is a step that failed because a promise is broken, not because
// the scenario could not be carried out.
type verdictError []string

func (v verdictError) Error() string { return strings.Join(v, "; ") }
