package steps

import (
	"slices"
	"strings"

	messages "github.com/cucumber/messages/go/v21"
)

// sheet is the file that is being read.
type sheet struct {
	uri   string
	lines []string
	line  map[string]int    // line of a scenario, step or table row by its node id
	word  map[string]string // keyword of a step by its node id
	rules map[string]string
	rows  map[string][]int // line of each row of a step's table by the step's node id
	title map[string]int   // first line of a scenario with its tags and comments
}

func newSheet(uri string, raw []byte, f *messages.Feature) sheet {
	s := sheet{uri: uri, lines: strings.Split(string(raw), "\n"),
		line: map[string]int{}, word: map[string]string{},
		rows: map[string][]int{}, rules: map[string]string{}, title: map[string]int{}}
	note := func(steps []*messages.Step) {
		for _, st := range steps {
			s.line[st.Id] = int(st.Location.Line)
			s.word[st.Id] = strings.TrimSpace(st.Keyword)
			if st.DataTable == nil {
				continue
			}
			for _, row := range st.DataTable.Rows {
				s.rows[st.Id] = append(s.rows[st.Id], int(row.Location.Line))
			}
		}
	}
	for _, child := range f.Children {
		if child.Background != nil {
			note(child.Background.Steps)
		}
		if child.Rule == nil {
			continue
		}
		for _, c := range child.Rule.Children {
			if c.Background != nil {
				note(c.Background.Steps)
			}
		}
	}
	eachScenario(f, func(rule string, sc *messages.Scenario) {
		s.rules[sc.Id] = rule
		s.line[sc.Id] = int(sc.Location.Line)
		s.title[sc.Id] = int(sc.Location.Line)
		if len(sc.Tags) > 0 {
			s.title[sc.Id] = int(sc.Tags[0].Location.Line)
		}
		note(sc.Steps)
	})
	return s
}

func eachScenario(f *messages.Feature, do func(rule string, sc *messages.Scenario)) {
	for _, child := range f.Children {
		if child.Scenario != nil {
			do("", child.Scenario)
		}
		if child.Rule == nil {
			continue
		}
		for _, c := range child.Rule.Children {
			if c.Scenario != nil {
				do(child.Rule.Name, c.Scenario)
			}
		}
	}
}

// text returns a scenario as it is written, from its first tag to the line
// before the next thing, without the indentation that it stands in.
func (s sheet) text(node string) string {
	first, end := s.title[node], len(s.lines)
	for _, other := range s.title {
		if other > first && other-1 < end {
			end = other - 1
		}
	}
	lines := slices.Clone(s.lines[first-1 : end])
	for i, line := range lines {
		if i > 0 && strings.HasPrefix(strings.TrimSpace(line), "Rule:") {
			lines = lines[:i]
			break
		}
	}
	// A comment above the next scenario belongs to that one.
	for len(lines) > 1 && (strings.TrimSpace(lines[len(lines)-1]) == "" || strings.HasPrefix(strings.TrimSpace(lines[len(lines)-1]), "#")) {
		lines = lines[:len(lines)-1]
	}
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], " \t"))
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(indent, len(line)-len(strings.TrimLeft(line, " \t"))):], " \t\r")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
