package drive

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RulesIn reads a table of rules, of the columns RuleColumns.
func RulesIn(table [][]string) ([]AlertRule, error) {
	var rules []AlertRule
	for _, row := range table {
		if len(row) != len(RuleColumns()) {
			return nil, fmt.Errorf("a table of alerts has the columns %s", strings.Join(RuleColumns(), ", "))
		}
		rule := AlertRule{Name: row[0], Measure: row[1]}
		for i, into := range []**AlertThreshold{&rule.Warning, &rule.Critical} {
			threshold, direction, err := readThreshold(row[2+i])
			if err != nil {
				return nil, fmt.Errorf("the alert %s, %s: %w", rule.Name, RuleColumns()[2+i], err)
			}
			*into = threshold
			if threshold == nil {
				continue
			}
			if rule.Direction != "" && rule.Direction != direction {
				return nil, fmt.Errorf("the alert %s: warning and critical look to different sides", rule.Name)
			}
			rule.Direction = direction
		}
		for i, into := range []*float64{&rule.For, &rule.Keep} {
			number, isSeconds := strings.CutSuffix(row[4+i], " s")
			seconds, err := strconv.ParseFloat(number, 64)
			if err != nil || !isSeconds || seconds < 0 {
				return nil, fmt.Errorf(`the alert %s, %s: %q is no time such as "2 s"`, rule.Name, RuleColumns()[4+i], row[4+i])
			}
			*into = seconds
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

var thresholdText = regexp.MustCompile(`^at (least|most) (\S+) until (\S+)$`)

// readThreshold reads "at least 0.8 until 0.7", or "never", which is none.
func readThreshold(text string) (t *AlertThreshold, direction string, err error) {
	if text == "never" {
		return nil, "", nil
	}
	parts := thresholdText.FindStringSubmatch(text)
	if parts == nil {
		return nil, "", fmt.Errorf(`%q is neither "never" nor like "at least 0.8 until 0.7"`, text)
	}
	fire, wrong := strconv.ParseFloat(parts[2], 64)
	clears, wrongToo := strconv.ParseFloat(parts[3], 64)
	if wrong != nil || wrongToo != nil {
		return nil, "", fmt.Errorf("%q does not hold two numbers", text)
	}
	return &AlertThreshold{fire, clears}, map[string]string{"least": "above", "most": "below"}[parts[1]], nil
}

// RulesFile writes the file with which a service has these rules and no others;
// own are those that it has by itself.
func RulesFile(rules, own []AlertRule) ([]byte, error) {
	var all []map[string]any
	for _, r := range rules {
		entry := map[string]any{"name": r.Name, "for": plainFigure(r.For) + "s", "keep_firing_for": plainFigure(r.Keep) + "s"}
		for name, t := range map[string]*AlertThreshold{"warning": r.Warning, "critical": r.Critical} {
			entry[name] = nil // which takes away what the service has by itself
			if t != nil {
				entry[name] = map[string]float64{"fire": t.Fire, "clear": t.Clear}
			}
		}
		if !slices.ContainsFunc(own, func(o AlertRule) bool { return o.Name == r.Name }) {
			entry["measure"], entry["direction"] = r.Measure, r.Direction
			entry["summary"], entry["runbook"] = r.Name+": {value}", "https://runbook.example/"+r.Name
		}
		all = append(all, entry)
	}
	for _, o := range own {
		if !slices.ContainsFunc(rules, func(r AlertRule) bool { return r.Name == o.Name }) {
			all = append(all, map[string]any{"name": o.Name, "disabled": true})
		}
	}
	text, err := yaml.Marshal(map[string]any{"rules": all})
	if err != nil {
		return nil, fmt.Errorf("writing the rules of alerts: %w", err)
	}
	return text, nil
}
