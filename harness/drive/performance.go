package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
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

// performanceFigures is what a service measured of its performance.
type performanceFigures struct {
	MeasuredAt *time.Time `json:"measured_at"`
	Metrics    []struct {
		Name   string   `json:"name"`
		Value  *float64 `json:"value"`
		Reason *string  `json:"reason"`
		Met    string   `json:"met"`
	} `json:"metrics"`
}

// AwaitPerformance asks for the figures of performance until the service has
// measured them. It yields "figures without a value", counted of the figures, of
// which nothing was observed if there only was no time for some; "targets missed",
// counted of the figures; "time until the figures are measured" in seconds; and
// "answers that break their schema", counted of all.
func (m *Market) AwaitPerformance(ctx context.Context) (measure.Set, error) {
	var figures performanceFigures
	var broken measure.Share
	w := wait{limit: changePatience}
	err := w.until(ctx, func(ctx context.Context) (bool, error) {
		r, err := m.ask(ctx, "/api/health/performance")
		if err != nil {
			return false, err
		}
		broken.Of++
		if contracts.Check("http/health_performance", r.raw) != nil {
			broken.Hits++
		}
		var said performanceFigures
		if json.Unmarshal(r.raw, &said) == nil {
			figures = said
		}
		return figures.MeasuredAt != nil, nil
	})
	var unknown, missed, untimed []string
	for _, figure := range figures.Metrics {
		switch {
		case figure.Value == nil && figure.Reason != nil && (*figure.Reason == "out_of_budget" || *figure.Reason == "timed_out"):
			untimed = append(untimed, figure.Name+": "+*figure.Reason)
		case figure.Value == nil && figure.Reason != nil:
			unknown = append(unknown, figure.Name+": "+*figure.Reason)
		case figure.Value == nil:
			unknown = append(unknown, figure.Name)
		case figure.Met == "no":
			missed = append(missed, fmt.Sprintf("%s: %.3g", figure.Name, *figure.Value))
		}
	}
	without := counted(unknown, len(figures.Metrics), "each has one")
	if len(untimed) > 0 && len(unknown) == 0 {
		without = counted(untimed, 0, "") // a busy machine says nothing about the service
	}
	return measure.Set{
		"figures without a value":             without,
		"targets missed":                      counted(missed, len(figures.Metrics), "none"),
		"time until the figures are measured": w.measure(),
		"answers that break their schema":     {Share: &broken},
	}, err
}

// counted is how many there are of so many, and which they are.
func counted(these []string, of int, ifNone string) measure.Value {
	says := ifNone
	if len(these) > 0 {
		says = strings.Join(these, "; ")
	}
	return measure.Value{Amount: &measure.Amount{Value: float64(len(these)), Of: int64(of), Says: says}}
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
	return measure.Set{"targets that differ from the table": counted(differ, len(table), "all are the same")}
}
