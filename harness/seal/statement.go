package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// The types of an in-toto attestation about a test run. Sources:
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and
// https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://in-toto.io/attestation/test-result/v0.1"
)

// The results that the predicate knows.
const (
	ResultPassed = "PASSED"
	ResultWarned = "WARNED"
	ResultFailed = "FAILED"
)

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Statement says which files of a run have which content and what the run
// came to.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Predicate  `json:"predicate"`
}

// Resource is an in-toto ResourceDescriptor: a named thing and its digests in
// hexadecimal, by algorithm ("sha256", "gitCommit").
type Resource struct {
	Name        string            `json:"name"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Predicate is a test result. Tests are objectives, named by scenario, measure
// and target.
type Predicate struct {
	// Result is PASSED or WARNED if signoff run ended with exit code 0, and
	// FAILED if it ended with any other: whoever reads nothing but this field
	// must never take an open or a broken run for a good one.
	Result string `json:"result"`
	// Configuration names the source and the promises that were tested, and
	// which of the promises were selected. Of a run that compared the tested
	// program with that of another version it names both of that one as well.
	Configuration []Resource `json:"configuration"`
	PassedTests   []string   `json:"passedTests,omitempty"`
	// WarnedTests were not proven and did not block: advisory, quarantined,
	// inconclusive, unfit or not run.
	WarnedTests []string `json:"warnedTests,omitempty"`
	FailedTests []string `json:"failedTests,omitempty"`
}

// predicateOf says about run what anyone can derive from its record.
func predicateOf(run evidence.Run) Predicate {
	p := Predicate{Result: ResultFailed, Configuration: []Resource{}}
	if run.Result.ExitCode == evidence.ExitPassed {
		switch run.Result.Outcome {
		case evidence.Passed:
			p.Result = ResultPassed
		case evidence.Warned:
			p.Result = ResultWarned
		}
	}
	if run.Commit.SHA != "" {
		source := Resource{Name: sourceName, Digest: map[string]string{"gitCommit": run.Commit.SHA}}
		if run.Commit.Dirty {
			source.Annotations = map[string]string{"workTree": "changed since the commit"}
		}
		p.Configuration = append(p.Configuration, source)
	}
	for _, feature := range run.Features {
		p.Configuration = append(p.Configuration, Resource{Name: feature.URI, Digest: map[string]string{"sha256": feature.SHA256}})
		for _, scenario := range feature.Scenarios {
			if scenario.Skipped != "" {
				continue
			}
			for _, o := range scenario.Objectives {
				name := fmt.Sprintf("%s: %s %s", scenario.ID, o.Measure, o.Target)
				switch {
				case o.Verdict == objective.Pass:
					p.PassedTests = append(p.PassedTests, name)
				case o.Gating && (o.Verdict == objective.Fail || scenario.Broken != ""):
					p.FailedTests = append(p.FailedTests, name)
				default:
					p.WarnedTests = append(p.WarnedTests, name)
				}
			}
		}
	}
	p.Configuration = append(p.Configuration, baseOf(run)...)
	p.Configuration = append(p.Configuration, selectionOf(run))
	return p
}

// baseOf names the version that a run compared with: its source and its program.
func baseOf(run evidence.Run) []Resource {
	if run.Against == nil {
		return nil
	}
	program := Resource{Name: "base program", Digest: map[string]string{"sha256": run.Against.Program.SHA256}}
	if run.SameProgram() {
		program.Annotations = map[string]string{"sameAs": "tested program"}
	}
	return []Resource{{Name: "base", Digest: map[string]string{"gitCommit": run.Against.Commit.SHA}}, program}
}

// selectionOf names which of the promises were to be tested.
func selectionOf(run evidence.Run) Resource {
	chosen := map[string]string{"profile": run.Profile}
	if run.Tags != "" {
		chosen["tags"] = run.Tags
	}
	if len(run.Only) > 0 {
		chosen["only"] = strings.Join(run.Only, ",")
	}
	if run.Against != nil {
		chosen["against"] = run.Against.Ref
	}
	return Resource{Name: "selection", Annotations: chosen}
}

// sourceName is what the source of the tested program is called.
const sourceName = "source"

// commit is the commit that the statement says was tested, or "".
func (p Predicate) commit() string {
	for _, r := range p.Configuration {
		if sha := r.Digest["gitCommit"]; r.Name == sourceName && sha != "" {
			return sha
		}
	}
	return ""
}

// sameAs reports whether p and other say the same, word for word.
func (p Predicate) sameAs(other Predicate) bool {
	a, errA := json.Marshal(p)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// ParseStatement reads a signed payload strictly: the known types, every
// subject of a run exactly once with one SHA-256 digest, and one of the three
// results.
func ParseStatement(payload []byte) (Statement, error) {
	var s Statement
	if err := decode(payload, &s); err != nil {
		return Statement{}, err
	}
	var problems []error
	if s.Type != StatementType {
		problems = append(problems, fmt.Errorf("_type is %q, not %q", s.Type, StatementType))
	}
	if s.PredicateType != PredicateType {
		problems = append(problems, fmt.Errorf("predicateType is %q, not %q", s.PredicateType, PredicateType))
	}
	if !slices.Contains([]string{ResultPassed, ResultWarned, ResultFailed}, s.Predicate.Result) {
		problems = append(problems, fmt.Errorf("predicate.result is %q, not PASSED, WARNED or FAILED", s.Predicate.Result))
	}
	problems = append(problems, checkSubjects(s.Subject)...)
	if err := errors.Join(problems...); err != nil {
		return Statement{}, err
	}
	return s, nil
}

func checkSubjects(subjects []Resource) []error {
	var problems []error
	seen := make(map[string]bool, len(subjects))
	for _, s := range subjects {
		switch {
		case !slices.Contains(Subjects(), s.Name):
			problems = append(problems, fmt.Errorf("subject %q is not a file of a run", s.Name))
		case seen[s.Name]:
			problems = append(problems, fmt.Errorf("subject %q stands twice", s.Name))
		case len(s.Digest) != 1 || !sha256Hex.MatchString(s.Digest["sha256"]):
			problems = append(problems, fmt.Errorf("subject %q has no single SHA-256 digest", s.Name))
		}
		seen[s.Name] = true
	}
	for _, name := range Subjects() {
		if !seen[name] {
			problems = append(problems, fmt.Errorf("subject %q is missing", name))
		}
	}
	return problems
}

// digestOf returns the stated SHA-256 of a subject in hexadecimal.
func (s Statement) digestOf(name string) string {
	for _, r := range s.Subject {
		if r.Name == name {
			return r.Digest["sha256"]
		}
	}
	return ""
}
