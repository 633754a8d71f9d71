package report

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// section puts a heading before lines, if there are any.
func section(heading string, lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return append(append([]string{"## " + heading + "\n\n"}, lines...), "\n")
}

// summaryAgainst lists every comparison with the other version, the slowest
// first, with the plans that changed.
func summaryAgainst(run evidence.Run) []string {
	part := againstOf(run)
	if part == nil {
		return nil
	}
	lines := []string{cell(part.Says) + ".\n\n", "| verdict | measure | change of throughput | |\n|---|---|--:|---|\n"}
	for _, c := range changesOf(run) {
		lines = append(lines, fmt.Sprintf("| %s %s | %s<br>%s | %s | %s |\n", sign(c.verdict), c.verdict, cell(c.trial.value.Name), cell(c.trial.scenario.ID), cell(c.row.Said), c.row.Why))
	}
	for _, s := range part.Slower {
		for _, q := range s.Queries {
			lines = append(lines, fmt.Sprintf("\n**%s**, %s: %s\n\n%s", cell(s.Name), cell(q.Name), cell(q.Says), fenced(q.Changes)))
		}
	}
	return section("This change against its base", lines)
}

// markup is what a careless reader of Markdown could take for an element.
var markup = regexp.MustCompile(`<([A-Za-z/!])`)

// fenced is a difference as a block of code, which no line of it can end.
func fenced(changes []changeView) string {
	var b strings.Builder
	b.WriteString("````diff\n")
	for _, c := range changes {
		sign := map[string]string{"gone": "-", "come": "+"}[c.Class]
		if sign == "" {
			sign = " "
		}
		b.WriteString(sign + " " + markup.ReplaceAllString(strings.NewReplacer("`", "'", "\n", " ", "\r", " ").Replace(c.Line), "< $1") + "\n")
	}
	b.WriteString("````\n")
	return b.String()
}

func summaryProofs(run evidence.Run) []string {
	var lines []string
	for _, p := range run.Proofs {
		mark := sign(objective.Pass)
		if !p.Held {
			mark = sign(objective.Fail)
		}
		lines = append(lines, fmt.Sprintf("- %s **%s** %s (%s, %s): %s. It said %s\n", mark, heldMark(p).Word, cell(p.Name),
			planted(p), plural(len(p.Pairs.Baseline), "pair", "pairs"), cell(strings.TrimSuffix(p.Must, ".")), cell(sentence(saidBy(p)))))
	}
	return section("The harness proves itself", lines)
}

// summaryCharts keeps of each chart what was found.
func summaryCharts(run evidence.Run) []string {
	var lines []string
	for _, c := range run.Charts {
		if len(c.Says) > 0 {
			lines = append(lines, fmt.Sprintf("- **%s** (%s): %s\n", cell(c.Title), cell(c.Scenario), cell(strings.Join(c.Says, " "))))
		}
	}
	return section("Varied on purpose", lines)
}

// summaryQueries names the plans that changed.
func summaryQueries(run evidence.Run) []string {
	part := queriesOf(run)
	if part == nil {
		return nil
	}
	lines := []string{cell(part.Says) + ".\n"}
	for _, q := range part.Changed {
		lines = append(lines, fmt.Sprintf("\n**%s** (%s): %s\n\n%s", cell(q.Name), cell(q.ScenarioID), cell(q.Says), fenced(q.Changes)))
	}
	return section("Queries and their plans", lines)
}
