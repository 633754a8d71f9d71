package evidence

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v26"
	messages "github.com/cucumber/messages/go/v21"
)

// objectiveSentence is the sentence whose table holds the objectives.
const objectiveSentence = "these objectives hold:"

// promise is what the text of a scenario states.
type promise struct {
	title string
	tags  []string
	rows  []statedRow
}

// statedRow is one line of an objective table as it is written.
type statedRow struct{ measure, target string }

// readPromise reads the text that is stored beside a scenario. The text of a
// scenario holds neither the tags of its feature nor its background.
func readPromise(text string) (p promise, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the text comes from outside, and the parser is not ours
			p, err = promise{}, fmt.Errorf("its Gherkin cannot be read: %v", cause)
		}
	}()
	ids := (&messages.Incrementing{}).NewId
	document, err := gherkin.ParseGherkinDocument(strings.NewReader("Feature: of the scenario\n\n"+text), ids)
	if err != nil {
		return promise{}, errors.New("its Gherkin cannot be read")
	}
	pickles := gherkin.Pickles(*document, "", ids)
	if len(pickles) != 1 {
		return promise{}, fmt.Errorf("its Gherkin holds %d scenarios with steps, not one", len(pickles))
	}
	p.title = pickles[0].Name
	for _, tag := range pickles[0].Tags {
		p.tags = append(p.tags, tag.Name)
	}
	for _, step := range pickles[0].Steps {
		if step.Text != objectiveSentence {
			continue
		}
		rows, err := readTable(step)
		if err != nil {
			return promise{}, err
		}
		p.rows = append(p.rows, rows...)
	}
	return p, nil
}

func readTable(step *messages.PickleStep) ([]statedRow, error) {
	if step.Argument == nil || step.Argument.DataTable == nil || len(step.Argument.DataTable.Rows) == 0 {
		return nil, errors.New("the objectives of its Gherkin have no table")
	}
	var rows []statedRow
	for i, row := range step.Argument.DataTable.Rows {
		if len(row.Cells) != 2 {
			return nil, fmt.Errorf("the objectives of its Gherkin have %d columns, not measure and target", len(row.Cells))
		}
		stated := statedRow{row.Cells[0].Value, row.Cells[1].Value}
		if i > 0 {
			rows = append(rows, stated)
		} else if stated != (statedRow{"measure", "target"}) {
			return nil, fmt.Errorf("the objectives of its Gherkin have the columns %q and %q, not measure and target", stated.measure, stated.target)
		}
	}
	return rows, nil
}

// notAsWritten finds what the record of a scenario says otherwise than the
// text that is stored beside it.
func notAsWritten(f *Feature, s *Scenario) []error {
	p, err := readPromise(s.Gherkin)
	if err != nil {
		return []error{err}
	}
	var found []error
	if p.title != s.Title {
		found = append(found, fmt.Errorf("it is recorded as %q, its Gherkin is titled %q", s.Title, p.title))
	}
	if !slices.Contains(p.tags, "@"+s.ID) {
		found = append(found, fmt.Errorf("its Gherkin has no tag @%s", s.ID))
	}
	for _, tag := range p.tags {
		if !slices.Contains(s.Tags, tag) {
			found = append(found, fmt.Errorf("its Gherkin has the tag %s, its record has not", tag))
		}
	}
	for _, tag := range s.Tags {
		if !slices.Contains(p.tags, tag) && (tag != f.Tag || !capability(tag)) {
			found = append(found, fmt.Errorf("it is recorded with the tag %s, which its Gherkin has not", tag))
		}
	}
	return append(found, otherRows(p.rows, s.Objectives)...)
}

func otherRows(written []statedRow, recorded []Objective) []error {
	var found []error
	if len(written) != len(recorded) {
		found = append(found, fmt.Errorf("its Gherkin states %s, its record %d", count(len(written), "objective"), len(recorded)))
	}
	for i := range min(len(written), len(recorded)) {
		w, r := written[i], recorded[i]
		if w.measure != r.Measure || w.target != r.Target {
			found = append(found, fmt.Errorf("objective %d is recorded as %q, %q, its Gherkin states %q, %q", i+1, r.Measure, r.Target, w.measure, w.target))
		}
	}
	return found
}

// idTag is the form of the tag that names a scenario.
var idTag = regexp.MustCompile(`^@[A-Z]+(?:-[A-Z]+)*-\d+$`)

// capability reports whether a tag may be inherited from a feature: one that
// decides nothing about whether a scenario runs in a profile, or gates.
func capability(tag string) bool {
	_, err := profileOf(strings.TrimPrefix(tag, "@"))
	return err != nil && tag != quarantineTag && !idTag.MatchString(tag)
}

// quarantineTag marks a scenario that never gates.
const quarantineTag = "@quarantine"
