package evidence

import (
	"fmt"
	"slices"
	"strings"

	tagexpressions "github.com/cucumber/tag-expressions/go/v6"
)

// selection is what decides which scenarios of a run were meant to run.
type selection struct {
	tags   []string // of the profile
	wanted tagexpressions.Evaluatable
	only   []string
}

func selectionOf(run *Run) (selection, error) {
	p, err := profileOf(run.Profile)
	if err != nil {
		return selection{}, err
	}
	s := selection{tags: p.tags, only: run.Only}
	if run.Tags != "" {
		if s.wanted, err = parseTags(run.Tags); err != nil {
			return selection{}, fmt.Errorf("reading the tag expression of run %s: %w", run.ID, err)
		}
	}
	return s, nil
}

// longestTags is how long a tag expression may be, in bytes. The library reads
// one as deep as it is nested.
const longestTags = 4096

// parseTags reads a tag expression. The library panics on an unfinished one.
func parseTags(text string) (wanted tagexpressions.Evaluatable, err error) {
	if len(text) > longestTags {
		return nil, fmt.Errorf("it is longer than %d bytes", longestTags)
	}
	defer func() {
		if cause := recover(); cause != nil {
			wanted, err = nil, fmt.Errorf("%v", cause)
		}
	}()
	if wanted, err = tagexpressions.Parse(text); err != nil {
		return nil, err
	}
	wanted.Evaluate(nil) // what panics does so here
	return wanted, nil
}

// picks reports whether the selection has the scenario run.
func (s selection) picks(scenario *Scenario) bool {
	inProfile := slices.ContainsFunc(scenario.Tags, func(tag string) bool { return slices.Contains(s.tags, tag) })
	return inProfile &&
		(s.wanted == nil || s.wanted.Evaluate(scenario.Tags)) &&
		(len(s.only) == 0 || slices.Contains(s.only, scenario.ID))
}

// otherwiseChosen finds the scenarios that are recorded as skipped although
// the selection of the run has them run, and the other way round.
func otherwiseChosen(run *Run) []error {
	chosen, err := selectionOf(run)
	if err != nil {
		return []error{err}
	}
	var found []error
	for _, feature := range run.Features {
		for i := range feature.Scenarios {
			s := &feature.Scenarios[i]
			switch picked := chosen.picks(s); {
			case picked && s.Skipped != "":
				found = append(found, fmt.Errorf("%s line %d, %s: it is recorded as skipped, and profile %s%s has it run", feature.URI, s.Line, s.ID, run.Profile, run.narrowing(" with ")))
			case !picked && s.Skipped == "":
				found = append(found, fmt.Errorf("%s line %d, %s: it is not recorded as skipped, and profile %s%s leaves it out", feature.URI, s.Line, s.ID, run.Profile, run.narrowing(" with ")))
			}
		}
	}
	return found
}

// Narrowed reports whether the run was asked for a part of what its profile
// runs.
func (r Run) Narrowed() bool { return r.Tags != "" || len(r.Only) > 0 }

// Narrowing names the part of its profile that the run was asked for, as on
// the command line; it is empty for the whole profile.
func (r Run) Narrowing() string { return r.narrowing("") }

func (r Run) narrowing(before string) string {
	var said []string
	if r.Tags != "" {
		said = append(said, fmt.Sprintf("--tags %q", r.Tags))
	}
	if len(r.Only) > 0 {
		said = append(said, "--only "+strings.Join(r.Only, ","))
	}
	if len(said) == 0 {
		return ""
	}
	return before + strings.Join(said, " ")
}
