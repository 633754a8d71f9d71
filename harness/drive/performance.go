package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// PerformanceTarget is what one figure of a service's performance is to reach,
// as the service tells it.
type PerformanceTarget struct {
	Metric string `json:"metric"`
	Target string `json:"target"`
}

// PerformanceTargets asks the program for the targets that it shows.
func PerformanceTargets(ctx context.Context, program string) ([]PerformanceTarget, error) {
	said, err := environ.Command(ctx, program, "", "performance", "targets", "--json")
	if err != nil {
		return nil, fmt.Errorf("reading the targets of performance: %w", err)
	}
	return readTargets(said)
}

func readTargets(said string) ([]PerformanceTarget, error) {
	var table struct {
		Targets []PerformanceTarget `json:"targets"`
	}
	if err := json.Unmarshal([]byte(said), &table); err != nil {
		return nil, fmt.Errorf("reading the targets of performance: not JSON as agreed: %w", err)
	}
	if len(table.Targets) == 0 {
		return nil, errors.New("reading the targets of performance: there are none")
	}
	return table.Targets, nil
}

// TargetColumns are the columns of a table of targets, in their order.
func TargetColumns() []string { return []string{"figure", "target"} }

// CompareTargets yields "targets that differ from the table": those of either
// side that the other does not have word for word.
func CompareTargets(targets []PerformanceTarget, table [][]string) measure.Set {
	wanted := map[string]string{}
	for _, row := range table {
		wanted[row[0]] = row[1]
	}
	var differ []string
	for _, t := range targets {
		if words, stated := wanted[t.Metric]; !stated || words != t.Target {
			differ = append(differ, "the service has "+t.Metric+" | "+t.Target)
		}
		delete(wanted, t.Metric)
	}
	for _, row := range table {
		if _, missing := wanted[row[0]]; missing {
			differ = append(differ, "the service has no "+row[0])
		}
	}
	says := "all are the same"
	if len(differ) > 0 {
		says = strings.Join(differ, "; ")
	}
	return measure.Set{"targets that differ from the table": {
		Amount: &measure.Amount{Value: float64(len(differ)), Of: int64(len(table)), Says: says},
	}}
}
