// Package evidence is the record of a run: what was promised, what was
// measured, on what machine, and what was judged. It is written as report.json
// and read back by anyone who wants to judge again.
//
// The package refuses to know how anything was measured, and how a record is
// drawn or signed.
package evidence

import (
	"time"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Format names the layout of a run in JSON. It changes when a reader of the
// old layout would misread the new one.
const Format = "https://signoff.dev/report/v1"

// Run is the record of one run of signoff.
type Run struct {
	Format  string    `json:"format"`
	ID      string    `json:"id"`      // start time and commit: 20250612T094107Z-9f3c2ab
	Service string    `json:"service"` // name of the system under test, such as "marketd"
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Budget is the time that the profile allows, in seconds; zero is none.
	Budget  float64 `json:"budget_seconds,omitempty"`
	Tool    Tool    `json:"tool"`
	Program Program `json:"program"` // the system under test
	Commit  Commit  `json:"commit"`
	// Against is the version that this one was compared with, if any.
	Against *Against `json:"against,omitempty"`
	Profile string   `json:"profile"`        // pr, nightly, release
	Tags    string   `json:"tags,omitempty"` // the tag expression given, if any
	// Only are the ids of the scenarios that the run was limited to, if any.
	Only []string `json:"only,omitempty"`
	Seed uint64   `json:"seed"`
	// Family is the number of gating relative objectives that were planned;
	// the run-wide error of Alpha is shared among them (Holm 1979).
	Family int     `json:"family"`
	Alpha  float64 `json:"alpha"` // false-alarm budget of the run, 0.05

	Environment fingerprint.Environment `json:"environment"`
	// Facts are further lines for people, in order: fixtures, migrations.
	Facts    []Fact    `json:"facts,omitempty"`
	Features []Feature `json:"features"`
	// Accounts are the loss checks of the run, one line a scenario.
	Accounts []Account `json:"accounts,omitempty"`
	// Passages tell how the schema was changed while the market traded.
	Passages []Passage `json:"passages,omitempty"`
	// SelfTests tell how the harness was broken on purpose and noticed it.
	SelfTests []SelfTest `json:"self_tests,omitempty"`
	// Proofs are experiments of the run on itself, with a known answer.
	Proofs []Proof `json:"proofs,omitempty"`
	// Charts are figures over something that was varied on purpose.
	Charts []Chart `json:"charts,omitempty"`
	// Queries are the questions of the service with their plans.
	Queries []Query `json:"queries,omitempty"`

	Result Result `json:"result"`
}

// Tool is the program that made the record.
type Tool struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Program is the executable that was tested.
type Program struct {
	Name   string `json:"name"` // of its file, without the directory
	SHA256 string `json:"sha256"`
	// Revision is the commit that it says it was built from; empty for a
	// program without such a stamp.
	Revision string `json:"revision,omitempty"`
	// Modified says that it was built from a work tree with changes that no
	// commit holds.
	Modified bool `json:"modified,omitempty"`
}

// Commit is the state of the tested source tree.
type Commit struct {
	SHA     string `json:"sha"` // 40 hex digits, or empty outside a repository
	Subject string `json:"subject,omitempty"`
	Branch  string `json:"branch,omitempty"`
	Dirty   bool   `json:"dirty"` // the work tree had changes that no commit holds
}

// Fact is one line of the environment that is worth showing.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Feature is one file of promises.
type Feature struct {
	URI       string     `json:"uri"` // features/live_prices.feature
	SHA256    string     `json:"sha256"`
	Title     string     `json:"title"`
	Narrative string     `json:"narrative,omitempty"`
	Tag       string     `json:"tag"` // its capability tag, such as "@stream"
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is one situation and what came of it.
type Scenario struct {
	ID         string          `json:"id"` // SLO-STREAM-01
	Title      string          `json:"title"`
	Rule       string          `json:"rule,omitempty"`
	Tags       []string        `json:"tags"`
	Line       int             `json:"line"`
	Gherkin    string          `json:"gherkin"` // as written, with its tags and tables
	Started    time.Time       `json:"started"`
	Seconds    float64         `json:"seconds"`
	Steps      []Step          `json:"steps,omitempty"`
	Measures   []measure.Value `json:"measures,omitempty"` // by name, alphabetical
	Objectives []Objective     `json:"objectives"`
	// Broken says why the scenario could not be carried out; empty is fine.
	// A broken scenario proves nothing in either direction.
	Broken string `json:"broken,omitempty"`
	// Skipped says why the scenario was not meant to run in this profile.
	Skipped string `json:"skipped,omitempty"`
	// Quarantined says since when and why it does not gate.
	Quarantined string `json:"quarantined,omitempty"`
	// Notes are caveats and findings worth reading, in order.
	Notes []string `json:"notes,omitempty"`
}

// Step is one line of a scenario and how it went: passed, failed, pending,
// skipped or undefined.
type Step struct {
	Keyword string  `json:"keyword"`
	Text    string  `json:"text"`
	Line    int     `json:"line"`
	Status  string  `json:"status"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// Objective is one row of an objective table with its judgement.
type Objective struct {
	Measure string `json:"measure"` // as written, with its percentile
	Target  string `json:"target"`  // as written
	Line    int    `json:"line"`
	Gating  bool   `json:"gating"` // false for "should be" and in quarantine
	objective.Judgement
}

// Account compares the set of acknowledged rows with the set that was found.
type Account struct {
	Scenario      string `json:"scenario"` // its id
	Title         string `json:"title"`
	Offered       int64  `json:"offered"`
	Refused       int64  `json:"refused"`
	Acknowledged  int64  `json:"acknowledged"`
	Found         int64  `json:"found"`
	Lost          int64  `json:"lost"`
	Duplicated    int64  `json:"duplicated"`
	Unexpected    int64  `json:"unexpected"`
	Wrong         int64  `json:"wrong"` // found with other figures than were offered
	Indeterminate int64  `json:"indeterminate"`
}

// SelfTest is one way in which the harness was broken on purpose.
type SelfTest struct {
	Broke string `json:"broke"` // what was broken
	Must  string `json:"must"`  // what the check must say
	Said  string `json:"said"`  // what it said
	Red   bool   `json:"red"`   // it noticed
}

// Result is the outcome of the run as a whole.
type Result struct {
	// Outcome is PASSED, FAILED, WARNED or BROKEN.
	Outcome string `json:"outcome"`
	// ExitCode of signoff run: 0, 1, 2 or 3.
	ExitCode int `json:"exit_code"`
	// Reason is one sentence for people.
	Reason string `json:"reason"`
	// Counts of objectives by verdict; every verdict has an entry.
	Counts map[objective.Verdict]int `json:"counts"`
}

// The statuses of a step.
const (
	StepPassed    = "passed"
	StepFailed    = "failed"
	StepPending   = "pending" // a promise is undecided
	StepSkipped   = "skipped"
	StepUndefined = "undefined"
)
