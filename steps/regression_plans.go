package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// comparePlans keeps how the databases of both releases carry out their queries
// and notes what differs. No verdict rests on it: a release that does not tell
// its queries is noted, and its times count all the same.
func (w *world) comparePlans(ctx context.Context) error {
	w.bench.doing("asking both releases for the plans of their queries")
	var sides [2][]evidence.Query
	for i, side := range []struct {
		release *drive.Release
		program string
	}{{w.previous, w.bench.config.Against}, {w.tested, w.bench.config.Service}} {
		planned, err := side.release.Plans(ctx, side.program)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			w.noPlans(side.release.Name, err)
			continue
		}
		sides[i] = queriesOf(w.record.ID, side.release.Name, planned)
		w.bench.queries = append(w.bench.queries, sides[i]...)
	}
	if sides[0] != nil && sides[1] != nil {
		w.record.Notes = append(w.record.Notes, otherPlans(sides[0], sides[1])...)
	}
	return nil
}

func (w *world) noPlans(arm string, err error) {
	why := err.Error()
	if errors.Is(err, drive.ErrNoCatalogue) {
		why = "it does not know the verb queries"
	}
	w.record.Notes = append(w.record.Notes, fmt.Sprintf("How the %s release carries its queries out is not known: %s.", arm, why))
}

func queriesOf(scenario, arm string, planned []drive.PlannedQuery) []evidence.Query {
	queries := make([]evidence.Query, len(planned))
	for i, p := range planned {
		queries[i] = evidence.Query{
			Scenario: scenario, Name: p.Name, Arm: arm, SQL: p.SQL,
			Plan: strings.Join(p.Plan.Lines(), "\n"), Shape: p.Plan.Shape(),
		}
	}
	return queries
}

// otherPlans tells which queries are carried out in another way than before, and
// which one of the two releases does not have.
func otherPlans(before, after []evidence.Query) []string {
	var told []string
	for _, q := range after {
		i := slices.IndexFunc(before, func(b evidence.Query) bool { return b.Name == q.Name })
		if i < 0 {
			told = append(told, fmt.Sprintf("Only the tested release has the query %q.", q.Name))
			continue
		}
		if changes := plan.Diff(before[i].Shape, q.Shape); plan.Changed(changes) {
			told = append(told, fmt.Sprintf("The query %q is carried out in another way than before:\n%s", q.Name, difference(changes)))
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(q evidence.Query) bool { return b.Name == q.Name }) {
			told = append(told, fmt.Sprintf("Only the release before has the query %q.", b.Name))
		}
	}
	return told
}

func difference(changes []plan.Change) string {
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = strings.TrimRight(string(c.Sign)+" "+c.Line, " ")
	}
	return strings.Join(lines, "\n")
}
