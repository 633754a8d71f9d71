package baseline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// Against is the version that a run compared the tested one with. Its ratios
// divide by what that version did, so that they stand beside those of a run
// against the same commit and beside no others.
type Against struct {
	Ref    string `json:"ref"` // as it was asked for: "origin/main"
	Commit Commit `json:"commit"`
}

// String names the version by what does not move: "origin/main (9f3c2ab)".
func (a Against) String() string { return fmt.Sprintf("%s (%.7s)", a.Ref, a.Commit.SHA) }

func againstOf(run evidence.Run) *Against {
	if run.Against == nil {
		return nil
	}
	c := run.Against.Commit
	return &Against{Ref: run.Against.Ref, Commit: Commit{SHA: c.SHA, Subject: c.Subject, Branch: c.Branch, Dirty: c.Dirty}}
}

// base is the commit that the ratios of e divide by; empty for a run that
// compared with no other version.
func (e Entry) base() string {
	if e.Against == nil {
		return ""
	}
	return e.Against.Commit.SHA
}

func (e Entry) comparesLike(other Entry) bool { return e.base() == other.base() }

// comparing says in a few words what e compared with.
func (e Entry) comparing() string {
	if e.Against == nil {
		return "with no other version"
	}
	return "with " + e.Against.String()
}

// meant reports whether a view asks for e: for ordinary runs when it names no
// version, or else for those against a commit or what was called so.
func (v View) meant(e Entry) bool {
	if v.Against == "" || e.Against == nil {
		return (v.Against == "") == (e.Against == nil)
	}
	return e.Against.Ref == v.Against || strings.HasPrefix(e.Against.Commit.SHA, v.Against)
}

// errCompares keeps a run against another version from becoming a baseline.
var errCompares = errors.New("it compared with another version, and its ratios divide by what that one did: they would be a baseline for nothing else; promote a run without --against")
