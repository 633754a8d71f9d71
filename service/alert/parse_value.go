package alert

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// maxText bounds a text of a rule, in bytes.
const maxText = 500

func (p *parser) text(where string, node *yaml.Node) (string, bool) {
	switch {
	case node.Kind != yaml.ScalarNode || node.Tag != "!!str" || strings.TrimSpace(node.Value) == "":
		p.problem(node, "%s: must be a text", where)
	case len(node.Value) > maxText:
		p.problem(node, "%s: has %d bytes, at most %d are read", where, len(node.Value), maxText)
	default:
		return node.Value, true
	}
	return "", false
}

func (p *parser) measure(into *string, where string, node *yaml.Node) {
	name, ok := p.text(where, node)
	if ok && !slices.Contains(measureNames(), name) {
		p.problem(node, "%s: %s is not known%s; there are %s", where, shortened(name), guess(name, measureNames()), strings.Join(measureNames(), ", "))
	}
	*into = name
}

func (p *parser) number(into *float64, where string, node *yaml.Node) {
	value, err := strconv.ParseFloat(node.Value, 64)
	if node.Kind != yaml.ScalarNode || node.Tag != "!!int" && node.Tag != "!!float" || err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		p.problem(node, "%s: must be a number, such as 0.8", where)
		value = math.NaN()
	}
	*into = value
}

func (p *parser) duration(into *time.Duration, where string, node *yaml.Node) {
	value, err := time.ParseDuration(node.Value)
	switch {
	case node.Kind != yaml.ScalarNode || err != nil:
		p.problem(node, "%s: must be a duration with its unit, such as 30s or 5m", where)
	case value < 0:
		p.problem(node, "%s: must not be negative, is %s", where, node.Value)
	case value > maxDuration:
		p.problem(node, "%s: must be at most a week, is %s", where, node.Value)
	default:
		*into = value
	}
}

// threshold changes only the half that is stated; null takes the severity away.
func (p *parser) threshold(into **Threshold, where string, node *yaml.Node) {
	if empty(node) {
		*into = nil
		return
	}
	changed := Threshold{Fire: math.NaN(), Clear: math.NaN()}
	known := *into != nil
	if known {
		changed = **into
	}
	before := len(p.problems)
	p.fields(node, where, []string{"fire", "clear"}, func(key string, value *yaml.Node) {
		field := &changed.Fire
		if key == "clear" {
			field = &changed.Clear
		}
		p.number(field, where+"."+key, value)
	})
	if len(p.problems) == before && (math.IsNaN(changed.Fire) || math.IsNaN(changed.Clear)) {
		p.problem(node, "%s: needs both fire and clear", where)
	}
	*into = &changed
}

func (p *parser) samples(into **Samples, where string, node *yaml.Node) {
	if empty(node) {
		*into = nil
		return
	}
	changed := Samples{}
	if *into != nil {
		changed = **into
	}
	before := len(p.problems)
	p.fields(node, where, []string{"measure", "at_least"}, func(key string, value *yaml.Node) {
		if key == "measure" {
			p.measure(&changed.Measure, where+".measure", value)
			return
		}
		p.number(&changed.AtLeast, where+".at_least", value)
	})
	if len(p.problems) == before && changed.Measure == "" {
		p.problem(node, "%s: needs the measure that counts, such as queries.count", where)
	}
	*into = &changed
}

func (p *parser) names(into *[]string, where string, node *yaml.Node) {
	*into = nil
	if node.Kind != yaml.SequenceNode {
		p.problem(node, "%s: must be a list of names, such as [%s]", where, Reachable)
		return
	}
	for _, item := range node.Content {
		if name, ok := p.text(where, item); ok {
			*into = append(*into, name)
		}
	}
}

// check looks at the rules as they then hold.
func (p *parser) check() {
	broken := len(p.problems) > 0
	for _, rule := range p.rules {
		for _, problem := range rule.problems(p.rules, broken) {
			key, _, _ := strings.Cut(problem, ":")
			line := cmp.Or(p.lines[rule.Name+": "+key], p.lines[rule.Name], 1) // 1: a default, broken by another rule
			p.problems = append(p.problems, located{line, rule.Name + ": " + problem})
		}
	}
}

// problems says what is wrong with a rule among the others. If something could
// not be read, what is missing is left alone: it may be that.
func (r Rule) problems(others []Rule, unread bool) (found []string) {
	if r.Measure == "" && !unread {
		var names []string
		for _, rule := range Defaults() {
			names = append(names, rule.Name)
		}
		found = append(found, fmt.Sprintf("needs a measure, for no default has this name%s; there are %s",
			guess(r.Name, names), strings.Join(measureNames(), ", ")))
	}
	if r.Warning == nil && r.Critical == nil && !unread {
		found = append(found, "needs warning, critical or both, such as warning: {fire: 0.8, clear: 0.7}")
	}
	found = append(found, r.thresholdProblems()...)
	for _, name := range r.InhibitedBy {
		at := slices.IndexFunc(others, func(other Rule) bool { return other.Name == name })
		switch {
		case name == r.Name:
			found = append(found, "inhibited_by: a rule cannot inhibit itself")
		case at < 0:
			var names []string
			for _, other := range others {
				names = append(names, other.Name)
			}
			found = append(found, fmt.Sprintf("inhibited_by: there is no rule %s%s", shortened(name), guess(name, names)))
		case len(others[at].InhibitedBy) > 0:
			found = append(found, fmt.Sprintf("inhibited_by: %s is inhibited itself; name what inhibits it", name))
		}
	}
	return found
}

func (r Rule) thresholdProblems() (found []string) {
	worse := func(a, b float64) bool { return r.Direction == Below && a < b || r.Direction != Below && a > b }
	for _, level := range []struct {
		name string
		of   *Threshold
	}{{"warning", r.Warning}, {"critical", r.Critical}} {
		// Not a number is told already.
		if level.of != nil && (level.of.Fire == level.of.Clear || worse(level.of.Clear, level.of.Fire)) {
			found = append(found, fmt.Sprintf("%s: clear %v must lie on the good side of fire %v, for the trouble is %s",
				level.name, level.of.Clear, level.of.Fire, r.Direction))
		}
	}
	if r.Warning != nil && r.Critical != nil {
		if worse(r.Warning.Fire, r.Critical.Fire) {
			found = append(found, fmt.Sprintf("critical: fire %v is less bad than that of warning, %v", r.Critical.Fire, r.Warning.Fire))
		}
		if worse(r.Warning.Clear, r.Critical.Clear) {
			found = append(found, fmt.Sprintf("critical: clear %v is less bad than that of warning, %v", r.Critical.Clear, r.Warning.Clear))
		}
	}
	return found
}

func shortened(text string) string {
	if len(text) > 60 {
		return strconv.Quote(text[:60] + "…")
	}
	return strconv.Quote(text)
}

// guess names the known word that was probably meant.
func guess(given string, known []string) string {
	best, least := "", 3
	for _, word := range known {
		if d := distance(given, word); d < least && d < len(word)/2+1 {
			best, least = word, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to change, add, drop or swap with a neighbour.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
