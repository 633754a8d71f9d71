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
	// comparing: the run compares with another version.
	comparing bool
}

// RegressionTag is the capability tag of the features that compare the tested
// version with another one. They run if, and only if, a run has another version
// to compare with, and nothing else runs in it.
const RegressionTag = "@regression"

func selectionOf(run *Run) (selection, error) {
	p, err := profileOf(run.Profile)
	if err != nil {
		return selection{}, err
	}
	s := selection{tags: p.tags, only: run.Only, comparing: run.Against != nil}
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

// picks reports whether the selection has the scenario of feature run.
func (s selection) picks(feature *Feature, scenario *Scenario) bool {
	inProfile := slices.ContainsFunc(scenario.Tags, func(tag string) bool { return slices.Contains(s.tags, tag) })
	return inProfile && s.comparing == feature.regression() &&
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
	for f := range run.Features {
		feature := &run.Features[f]
		for i := range feature.Scenarios {
			s := &feature.Scenarios[i]
			switch picked := chosen.picks(feature, s); {
			case picked && s.Skipped != "":
				found = append(found, fmt.Errorf("%s line %d, %s: it is recorded as skipped, and profile %s%s has it run", feature.URI, s.Line, s.ID, run.Profile, run.narrowing(" with ")))
			case !picked && s.Skipped == "":
				found = append(found, fmt.Errorf("%s line %d, %s: it is not recorded as skipped, and profile %s%s leaves it out", feature.URI, s.Line, s.ID, run.Profile, run.narrowing(" with ")))
			}
		}
	}
	return found
}

// regression reports whether the feature compares two versions.
func (f *Feature) regression() bool { return f.Tag == RegressionTag }

// Needs reports whether an objective of the scenario has to pass before the run
// is good: the scenario was meant to run, or the profile is release, which
// needs what was left out too. What only a run with another version to compare
// with can carry out is needed by no other run.
func (r Run) Needs(f Feature, s Scenario) bool {
	if s.Skipped == "" {
		return true
	}
	p, err := profileOf(r.Profile)
	return err == nil && p.skippedGates && (r.Against != nil || !f.regression())
}

// Narrowed reports whether the run was asked for a part of what its profile
// runs. A run that compares with another version does that and nothing else.
func (r Run) Narrowed() bool { return r.limited() || r.Against != nil }

// limited reports whether less was asked for than there is to ask.
func (r Run) limited() bool { return r.Tags != "" || len(r.Only) > 0 }

// Narrowing names the part of its profile that the run was asked for, as on
// the command line; it is empty for the whole profile.
func (r Run) Narrowing() string { return r.narrowing("") }

func (r Run) narrowing(before string) string {
	var said []string
	if r.Against != nil {
		said = append(said, strings.TrimSpace("--against "+r.Against.Ref))
	}
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
