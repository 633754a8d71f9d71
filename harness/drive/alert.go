package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// AlertRule is one rule of the alerts, as a service tells it.
type AlertRule struct {
	Name      string          `json:"name"`
	Measure   string          `json:"measure"`
	Direction string          `json:"direction"`
	Warning   *AlertThreshold `json:"warning"`
	Critical  *AlertThreshold `json:"critical"`
	// For is how long the trouble must last until the alert fires, Keep how
	// long it must be over until the alert ends, both in seconds.
	For  float64 `json:"for_seconds"`
	Keep float64 `json:"keep_firing_for_seconds"`
}

// AlertThreshold is where a trouble begins and where it has ended.
type AlertThreshold struct {
	Fire  float64 `json:"fire"`
	Clear float64 `json:"clear"`
}

// Lowest is the threshold that a growing trouble reaches first.
func (r AlertRule) Lowest() AlertThreshold {
	switch {
	case r.Warning != nil:
		return *r.Warning
	case r.Critical != nil:
		return *r.Critical
	}
	return AlertThreshold{}
}

// AlertRules asks the program for the rules that hold with a file of rules, or
// where no file says otherwise if that is empty. Disabled ones hold nothing.
func AlertRules(ctx context.Context, program, file string) ([]AlertRule, error) {
	args := []string{"alerts", "rules", "--json"}
	if file != "" {
		args = append(args, "--alert-rules", file)
	}
	said, err := environ.Command(ctx, program, "", args...)
	if err != nil {
		return nil, fmt.Errorf("reading the rules of alerts: %w", err)
	}
	return readRules(said)
}

func readRules(said string) ([]AlertRule, error) {
	var table struct {
		Rules []struct {
			AlertRule
			Disabled bool `json:"disabled"`
		} `json:"rules"`
	}
	if err := json.Unmarshal([]byte(said), &table); err != nil {
		return nil, fmt.Errorf("reading the rules of alerts: not JSON as agreed: %w", err)
	}
	if len(table.Rules) == 0 {
		return nil, errors.New("reading the rules of alerts: there are none")
	}
	var rules []AlertRule
	for _, r := range table.Rules {
		if !r.Disabled {
			rules = append(rules, r.AlertRule)
		}
	}
	return rules, nil
}

// RuleColumns are the columns of a table of rules, in their order.
func RuleColumns() []string {
	return []string{"alert", "watches", "warning", "critical", "fires after", "ends after"}
}

// row is the rule in the words of a table.
func (r AlertRule) row() []string {
	text := func(t *AlertThreshold) string {
		if t == nil {
			return "never"
		}
		sign := "at least"
		if r.Direction == "below" {
			sign = "at most"
		}
		return fmt.Sprintf("%s %s until %s", sign, plainFigure(t.Fire), plainFigure(t.Clear))
	}
	return []string{r.Name, r.Measure, text(r.Warning), text(r.Critical), plainFigure(r.For) + " s", plainFigure(r.Keep) + " s"}
}

func plainFigure(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// CompareRules yields "rules that differ from the table": those of either side
// that the other does not have word for word.
func CompareRules(rules []AlertRule, table [][]string) measure.Set {
	var differ []string
	wanted := map[string][]string{}
	for _, row := range table {
		wanted[row[0]] = row
	}
	for _, r := range rules {
		if row := r.row(); !slices.Equal(row, wanted[r.Name]) {
			differ = append(differ, "the service has "+strings.Join(row, " | "))
		}
		delete(wanted, r.Name)
	}
	for _, row := range table {
		if wanted[row[0]] != nil {
			differ = append(differ, "the service has no "+row[0])
		}
	}
	says := "all are the same"
	if len(differ) > 0 {
		says = strings.Join(differ, "; ")
	}
	return measure.Set{"rules that differ from the table": {
		Amount: &measure.Amount{Value: float64(len(differ)), Of: int64(len(table)), Says: says},
	}}
}
