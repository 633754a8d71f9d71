package evidence

import (
	"errors"
	"fmt"
	"regexp"
)

// Against is the version that a run compared the tested one with.
type Against struct {
	Ref     string  `json:"ref"` // as it was asked for: "origin/main"
	Commit  Commit  `json:"commit"`
	Program Program `json:"program"` // built from that commit
}

var (
	fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)
	fullDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// wrongAgainst finds what keeps a reader from getting the version that a run
// says it was compared with.
func wrongAgainst(run *Run) []error {
	if run.Against == nil {
		return nil
	}
	var found []error
	if run.Against.Ref == "" {
		found = append(found, errors.New("the version compared with has no name"))
	}
	if sha := run.Against.Commit.SHA; !fullCommit.MatchString(sha) {
		found = append(found, fmt.Errorf("the version compared with, %q, has the commit %q, not one of 40 hex digits", run.Against.Ref, sha))
	}
	if sum := run.Against.Program.SHA256; !fullDigest.MatchString(sum) {
		found = append(found, fmt.Errorf("the version compared with, %q, has a program with the digest %q, not a SHA-256 of 64 hex digits", run.Against.Ref, sum))
	}
	return found
}

// SameProgram reports whether the version compared with is the tested one, to
// the byte: then a run that compares shows nothing about a change.
func (r Run) SameProgram() bool {
	return r.Against != nil && r.Against.Program.SHA256 == r.Program.SHA256
}
