// Package baseline remembers runs and compares them: a history of what every
// run measured, named baselines, the change between two runs, and the trend of
// every promise over many.
//
// It stands to the right of evidence, because an entry of the history is drawn
// from the record of a run, and to the left of report, which puts trends and
// comparisons into words and pictures. No verdict of a run ever rests on it: a
// report is judged from its own evidence, and can be without any history.
//
// Figures are comparable only where scenario, profile and environment are the
// same. A figure of another environment is never compared silently.
//
// The package refuses to know how anything was measured, signed or drawn, and
// which of two commits is to blame.
package baseline

import (
	"errors"
	"fmt"
	"math"
	"time"

	strict "github.com/go-json-experiment/json"

	"github.com/signoff-dev/signoff/harness/objective"
)

// Format names the layout of an entry in JSON. It changes when a reader of the
// old layout would misread the new one.
const Format = "https://signoff.dev/history/v1"

// Entry is one run as the history keeps it: the figures without the evidence
// that they rest on.
type Entry struct {
	Format      string      `json:"format"`
	Run         string      `json:"run"` // id of the run
	Started     time.Time   `json:"started"`
	Service     string      `json:"service"` // name of the system under test
	Commit      Commit      `json:"commit"`
	Profile     string      `json:"profile"`
	Narrowing   string      `json:"narrowing,omitempty"` // the part of the profile that ran, as on the command line
	Environment Environment `json:"environment"`
	// Against is the version that the run compared with; nil for an ordinary
	// run, and in entries from before it was kept.
	Against   *Against   `json:"against,omitempty"`
	Outcome   string     `json:"outcome"` // of the run: PASSED, FAILED, WARNED or BROKEN
	Scenarios []Scenario `json:"scenarios"`
	// Queries are the queries of the service and how they were carried out;
	// none in entries from before they were kept.
	Queries []Query `json:"queries,omitempty"`
}

// Commit is the state of the tested source tree.
type Commit struct {
	SHA     string `json:"sha"` // 40 hex digits, or empty outside a repository
	Subject string `json:"subject,omitempty"`
	Branch  string `json:"branch,omitempty"`
	Dirty   bool   `json:"dirty,omitempty"` // the work tree had changes that no commit holds
}

// Environment is where a run was measured.
type Environment struct {
	// ID is the digest of everything that makes two environments comparable.
	ID string `json:"id"`
	// Says is the environment in one line for people.
	Says string `json:"says"`
}

// Scenario is one situation that was measured.
type Scenario struct {
	ID    string `json:"id"` // SLO-INSERT-01
	Title string `json:"title"`
	// Situation is a digest of its steps without the objectives: figures of
	// two situations are not comparable, even under one id.
	Situation string   `json:"situation"`
	Figures   []Figure `json:"figures"`
}

// Kind says how a figure was taken, which decides how two of them compare.
type Kind string

// The kinds of figures.
const (
	Ratio      Kind = "ratio"      // throughput ratio of an experiment, current to baseline
	Percentile Kind = "percentile" // of a distribution of durations
	Extreme    Kind = "extreme"    // the worst single observation
	Window     Kind = "window"     // the worst window of a session
	Share      Kind = "share"      // a count out of a total
	Amount     Kind = "amount"     // one figure over many observations
)

// Direction is where a figure is better.
type Direction string

// The directions; the zero value is not known.
const (
	More Direction = "more"
	Less Direction = "less"
)

// Figure is what one measure yielded. Value, Low and High are in Unit. Value is
// absent where nothing can be said: too few observations, or an unfit machine.
type Figure struct {
	Measure string `json:"measure"` // with its percentile, as an objective names it
	Kind    Kind   `json:"kind"`
	Unit    string `json:"unit"`
	// Better is the side that the promises ask for. A ratio is a throughput
	// ratio in any case, so that more of it is better.
	Better Direction `json:"better,omitempty"`

	Value      *float64 `json:"value,omitempty"`
	Low        *float64 `json:"low,omitempty"`
	High       *float64 `json:"high,omitempty"`
	Samples    int64    `json:"samples"`
	SampleUnit string   `json:"sample_unit,omitempty"`
	// Verdict is the gravest one that the figure was given.
	Verdict objective.Verdict `json:"verdict"`
	// Reason says why there is no value.
	Reason   string    `json:"reason,omitempty"`
	Promises []Promise `json:"promises,omitempty"`

	// Noise is how far a block of the experiment differed from itself: the
	// half-width of the interval of its A/A run, as a fraction. Absent
	// without one.
	Noise *float64 `json:"noise,omitempty"`
	// Experiment is a digest of the arm that a ratio divides by.
	Experiment string `json:"experiment,omitempty"`
}

// Promise is one target that the figure was held to.
type Promise struct {
	Target  string            `json:"target"` // as written
	Bound   objective.Bound   `json:"bound"`
	Limit   float64           `json:"limit"` // on the scale of the figure
	Gating  bool              `json:"gating"`
	Verdict objective.Verdict `json:"verdict"`
	// Headroom is how far the worse end lies on the good side of the limit,
	// as a fraction of it.
	Headroom *float64 `json:"headroom,omitempty"`
}

// Promotion gives a run a name that later runs are compared with. A name may
// be given once for each profile and environment; the newest holds.
type Promotion struct {
	Format   string    `json:"format"`
	Name     string    `json:"name"`
	Promoted time.Time `json:"promoted"`
	Entry    Entry     `json:"entry"`
}

// Validate reports everything that keeps e from being the entry of a run.
func (e Entry) Validate() error {
	var problems []error
	fault := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if e.Format != Format {
		return fmt.Errorf("its format is %q, and this signoff reads %q", e.Format, Format)
	}
	if e.Run == "" {
		fault("it names no run")
	}
	if e.Started.IsZero() {
		fault("it has no time")
	}
	if e.Profile == "" || e.Environment.ID == "" {
		fault("it has no profile or no environment")
	}
	if e.Against != nil && e.Against.Commit.SHA == "" {
		fault("it compared with %q, and does not say which commit that was", e.Against.Ref)
	}
	for i, q := range e.Queries {
		if q.Name == "" || len(q.Shape) == 0 {
			fault("query %d has no name or no plan", i+1)
		}
	}
	scenarios := map[string]bool{}
	for _, s := range e.Scenarios {
		if s.ID == "" || scenarios[s.ID] {
			fault("scenario %q is there twice, or has no id", s.ID)
		}
		scenarios[s.ID] = true
		figures := map[string]bool{}
		for _, f := range s.Figures {
			key := f.Measure + "\x00" + f.Unit
			if figures[key] {
				fault("%s has %q twice", s.ID, f.Measure)
			}
			figures[key] = true
			if err := f.validate(); err != nil {
				fault("%s, %s: %w", s.ID, f.Measure, err)
			}
		}
	}
	return errors.Join(problems...)
}

func (f Figure) validate() error {
	for _, x := range []*float64{f.Value, f.Low, f.High, f.Noise} {
		if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
			return errors.New("a figure is no number")
		}
	}
	switch {
	case f.Measure == "":
		return errors.New("it names no measure")
	case (f.Low == nil) != (f.High == nil) || f.Low != nil && f.Value == nil:
		return errors.New("an interval has one end or no figure")
	case f.Low != nil && *f.Low > *f.High:
		return fmt.Errorf("its interval from %v to %v is turned round", *f.Low, *f.High)
	case f.Kind == Ratio && f.Value != nil && !(*f.Value > 0 && (f.Low == nil || *f.Low > 0)):
		return errors.New("a ratio is not positive")
	case f.Value != nil && f.Verdict == objective.Unfit:
		return errors.New("it is unfit and has a figure")
	}
	return nil
}

// decodeEntry reads one entry. Members that this version does not know are let
// through: what they say is for a newer one.
func decodeEntry(b []byte) (Entry, error) {
	var e Entry
	if err := strict.Unmarshal(b, &e); err != nil {
		return Entry{}, plain(err)
	}
	return e, e.Validate()
}

func decodePromotion(b []byte) (Promotion, error) {
	var p Promotion
	if err := strict.Unmarshal(b, &p); err != nil {
		return Promotion{}, plain(err)
	}
	switch {
	case p.Format != Format:
		return Promotion{}, fmt.Errorf("its format is %q, and this signoff reads %q", p.Format, Format)
	case p.Name == "" || p.Promoted.IsZero():
		return Promotion{}, errors.New("it has no name or no time")
	}
	return p, p.Entry.Validate()
}
