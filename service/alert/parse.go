package alert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of a rules file.
const (
	maxFile     = 1 << 20
	maxRules    = 1000
	maxDuration = 7 * 24 * time.Hour
)

// Parse reads a rules file: YAML with one list, rules. A rule with the name of
// a default changes only what it states; any other rule is added and states
// its measure and at least one severity. It returns the whole table that then
// holds, or all problems at once, each with its line.
func Parse(text []byte) ([]Rule, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("a rules file has at most %d bytes, this has %d", maxFile, len(text))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return Defaults(), nil // nothing but comments
	} else if err != nil {
		return nil, plainYAML(err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("a rules file is one YAML document, and something follows it")
	}
	p := parser{rules: Defaults(), lines: map[string]int{}}
	p.file(document.Content[0])
	p.check()
	if len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b located) int { return a.line - b.line })
		all := make([]error, len(p.problems))
		for i, problem := range p.problems {
			all[i] = problem
		}
		return nil, errors.Join(all...)
	}
	return p.rules, nil
}

// plainYAML drops the library's name from what it says.
func plainYAML(err error) error {
	return errors.New(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: "))
}

// located is a problem at a line.
type located struct {
	line int
	text string
}

func (l located) Error() string { return fmt.Sprintf("line %d: %s", l.line, l.text) }

type parser struct {
	rules    []Rule
	lines    map[string]int // of the rules that the file names, and of their fields as "name: field"
	problems []located
}

func (p *parser) problem(at *yaml.Node, format string, values ...any) {
	p.problems = append(p.problems, located{at.Line, fmt.Sprintf(format, values...)})
}

func (p *parser) file(node *yaml.Node) {
	if empty(node) {
		return
	}
	p.fields(node, "a rules file", []string{"rules"}, func(_ string, list *yaml.Node) {
		if empty(list) {
			return
		}
		if list.Kind != yaml.SequenceNode {
			p.problem(list, "rules: must be a list")
			return
		}
		if len(list.Content) > maxRules {
			p.problem(list, "rules: has %d, at most %d are read", len(list.Content), maxRules)
			return
		}
		for _, item := range list.Content {
			p.rule(item)
		}
	})
}

func empty(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// fields goes through a mapping whose keys are known.
func (p *parser) fields(node *yaml.Node, what string, known []string, each func(key string, value *yaml.Node)) {
	if node.Kind != yaml.MappingNode {
		p.problem(node, "%s: must be a mapping with the keys %s", what, strings.Join(known, ", "))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			p.problem(key, "%s: %s is not known%s", what, shortened(key.Value), guess(key.Value, known))
		case seen[key.Value] > 0:
			p.problem(key, "%s: %s is given twice, first in line %d", what, key.Value, seen[key.Value])
		case value.Kind == yaml.AliasNode:
			p.problem(value, "%s: %s: aliases are not read, state the value", what, key.Value)
		default:
			each(key.Value, value)
		}
		seen[key.Value] = key.Line
	}
}

func ruleFields() []string {
	return []string{
		"name", "measure", "direction", "warning", "critical", "for", "keep_firing_for",
		"least_samples", "inhibited_by", "summary", "runbook", "disabled",
	}
}

// rule reads one item of the list over the default of its name, if there is
// one.
func (p *parser) rule(node *yaml.Node) {
	name := ""
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == "name" && node.Content[i+1].Kind == yaml.ScalarNode {
				name = node.Content[i+1].Value
			}
		}
	}
	switch {
	case !ruleName.MatchString(name):
		p.problem(node, "a rule needs a name of small letters, digits and _, such as pool_usage")
		name = ""
	case p.lines[name] > 0:
		p.problem(node, "%s: there is a rule of this name in line %d already", name, p.lines[name])
		return
	default:
		p.lines[name] = node.Line
	}
	at := slices.IndexFunc(p.rules, func(r Rule) bool { return r.Name == name })
	rule := Rule{Name: name, Direction: Above}
	if at >= 0 {
		rule = p.rules[at]
	}
	what := name
	if what == "" {
		what = "a rule"
	}
	p.fields(node, what, ruleFields(), func(key string, value *yaml.Node) { p.set(&rule, what, key, value) })
	switch {
	case name == "":
	case at >= 0:
		p.rules[at] = rule
	default:
		p.rules = append(p.rules, rule)
	}
}

func (p *parser) set(rule *Rule, what, key string, value *yaml.Node) {
	where := what + ": " + key
	p.lines[where] = value.Line
	switch key {
	case "measure":
		p.measure(&rule.Measure, where, value)
	case "direction":
		text, ok := p.text(where, value)
		if ok && text != string(Above) && text != string(Below) {
			p.problem(value, "%s: must be above or below, is %s", where, shortened(text))
			return
		}
		rule.Direction = Direction(text)
	case "warning":
		p.threshold(&rule.Warning, where, value)
	case "critical":
		p.threshold(&rule.Critical, where, value)
	case "for":
		p.duration(&rule.For, where, value)
	case "keep_firing_for":
		p.duration(&rule.KeepFiring, where, value)
	case "least_samples":
		p.samples(&rule.Samples, where, value)
	case "inhibited_by":
		p.names(&rule.InhibitedBy, where, value)
	case "summary":
		rule.Summary, _ = p.text(where, value)
	case "runbook":
		rule.Runbook, _ = p.text(where, value)
	case "disabled":
		if value.Tag != "!!bool" {
			p.problem(value, "%s: must be true or false", where)
		}
		rule.Disabled = value.Value == "true"
	}
}
