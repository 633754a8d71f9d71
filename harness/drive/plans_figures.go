package drive

import (
	"fmt"

	"github.com/signoff-dev/signoff/harness/measure"
)

// estimateFloor is the number of rows below which an estimate counts as this
// many: whether one row comes or nine changes no plan.
const estimateFloor = 10

// PlanFigures yields, for each of the named queries that was carried out,
//
//   - "partitions read (NAME)", those of prices and of bars;
//   - "sequential scans (NAME)", counted of all scans of tables;
//   - "rows estimated wrong by (NAME)" in times: how many times more or fewer
//     rows came than were expected, at the step where that is worst. Fewer
//     than ten rows count as ten, the partitions of a table are judged
//     together, and steps that a limit was expected to break off are not
//     judged.
func PlanFigures(planned []PlannedQuery, names []string) (measure.Set, error) {
	by := map[string]PlannedQuery{}
	for _, p := range planned {
		by[p.Name] = p
	}
	set := measure.Set{}
	for _, name := range names {
		p, known := by[name]
		if !known {
			return nil, fmt.Errorf("reading the plans: the service has no query %q in its catalogue; it has %d others", name, len(planned))
		}
		worst, judged := p.Plan.Misjudged(estimateFloor)
		if !judged {
			return nil, fmt.Errorf("reading the plans: the plan of %q tells of no rows", name)
		}
		read := p.Plan.PartitionsRead("ticks") + p.Plan.PartitionsRead("bars")
		set["partitions read ("+name+")"] = measure.Value{Amount: &measure.Amount{Value: float64(read), Of: 1, Says: "in its plan"}}
		set["sequential scans ("+name+")"] = measure.Value{
			Share: &measure.Share{Hits: int64(p.Plan.SequentialScans()), Of: int64(p.Plan.Scans())},
		}
		set["rows estimated wrong by ("+name+")"] = measure.Value{Unit: "times", Amount: &measure.Amount{
			Value: worst.Factor, Of: 1,
			Says: fmt.Sprintf("%.0f expected and %.0f came at %s", worst.Expected, worst.Came, worst.Step),
		}}
	}
	return set, nil
}
