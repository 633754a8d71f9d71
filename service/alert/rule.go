package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Direction is on which side of a threshold the trouble lies.
type Direction string

// The directions. The threshold itself belongs to the trouble.
const (
	Above Direction = "above"
	Below Direction = "below"
)

// Threshold is a pair of figures. What lies between them is the band in which
// an alert stays as it is.
type Threshold struct {
	// Fire is where the trouble begins, Clear where it has ended. Clear lies
	// on the good side of Fire.
	Fire  float64 `json:"fire"`
	Clear float64 `json:"clear"`
}

// Samples is how much a figure must rest on to count.
type Samples struct {
	// Measure counts, AtLeast is how many there must be.
	Measure string  `json:"measure"`
	AtLeast float64 `json:"at_least"`
}

// Rule is one row of the table of rules.
type Rule struct {
	// Name is the identity of the rule and of its alert.
	Name string
	// Measure is the figure that it watches, one of Measures.
	Measure   string
	Direction Direction
	// Warning and Critical are its severities; one of them may be nil.
	Warning, Critical *Threshold
	// For is how long the figure must be beyond a threshold without a break
	// until the alert fires, KeepFiring how long it must be well until the
	// alert ends.
	For, KeepFiring time.Duration
	// Samples is what the figure must rest on; nil is nothing.
	Samples *Samples
	// InhibitedBy names rules whose alert explains whatever this one sees.
	InhibitedBy []string
	// Summary is for people; {value} stands for the figure. Where the trouble
	// begins or ends is added to it.
	Summary string
	// Runbook says what to do.
	Runbook string
	// Disabled rules are listed and never judged.
	Disabled bool
}

// MarshalJSON writes the rule as `marketd alerts rules --json` and
// GET /api/alerts/rules show it: durations in seconds, and with its unit.
func (r Rule) MarshalJSON() ([]byte, error) { return json.Marshal(r.shown()) }

// ShownRule is a Rule as it is shown.
type ShownRule struct {
	Name              string     `json:"name"`
	Measure           string     `json:"measure"`
	Unit              string     `json:"unit"`
	Direction         Direction  `json:"direction"`
	Warning           *Threshold `json:"warning"`
	Critical          *Threshold `json:"critical"`
	ForSeconds        float64    `json:"for_seconds"`
	KeepFiringSeconds float64    `json:"keep_firing_for_seconds"`
	Samples           *Samples   `json:"least_samples"`
	InhibitedBy       []string   `json:"inhibited_by"`
	Summary           string     `json:"summary"`
	Runbook           string     `json:"runbook"`
	Disabled          bool       `json:"disabled"`
}

func (r Rule) shown() ShownRule {
	return ShownRule{
		Name: r.Name, Measure: r.Measure, Unit: unitOf(r.Measure), Direction: r.Direction,
		Warning: r.Warning, Critical: r.Critical,
		ForSeconds: r.For.Seconds(), KeepFiringSeconds: r.KeepFiring.Seconds(),
		Samples: r.Samples, InhibitedBy: append([]string{}, r.InhibitedBy...),
		Summary: r.Summary, Runbook: r.Runbook, Disabled: r.Disabled,
	}
}

// of is what the rule's state is about: a state of another figure means
// nothing to it.
func (r Rule) of() string { return string(r.Direction) + " " + r.Measure }

func (r Rule) beyond(value, fire float64) bool {
	if r.Direction == Below {
		return value <= fire
	}
	return value >= fire
}

func (r Rule) well(value, bound float64) bool {
	if r.Direction == Below {
		return value >= bound
	}
	return value <= bound
}

// lowest is the least bad severity of the rule.
func (r Rule) lowest() (Severity, *Threshold) {
	if r.Warning != nil {
		return Warning, r.Warning
	}
	return Critical, r.Critical
}

// threshold is where the severity begins, nil if the rule does not have it.
func (r Rule) threshold(severity Severity) *float64 {
	of := r.Warning
	if severity == Critical {
		of = r.Critical
	}
	if of == nil {
		return nil
	}
	return &of.Fire
}

// summary is the sentence for people: what is seen, and where that begins or
// ends to be a trouble.
func (r Rule) summary(value *float64, severity Severity, stage Stage) string {
	if value == nil {
		return "There is no figure of " + r.Measure + "."
	}
	unit := unitOf(r.Measure)
	says := strings.ReplaceAll(r.Summary, "{value}", amount(value, unit))
	if unit == "" || r.threshold(severity) == nil {
		return says
	}
	bound, from, upTo := r.threshold(severity), "from", "up to"
	word := string(severity) + " is"
	if stage != Pending && stage != Firing {
		_, least := r.lowest()
		bound, word, from, upTo = &least.Clear, "well is", upTo, from
	}
	if r.Direction == Below {
		from = upTo
	}
	return fmt.Sprintf("%s; %s %s %s.", strings.TrimRight(says, ". "), word, from, amount(bound, unit))
}

func amount(value *float64, unit string) string {
	if value == nil {
		return "unknown"
	}
	switch unit {
	case "share":
		return fmt.Sprintf("%.4g %%", *value*100)
	case "bytes":
		return fmt.Sprintf("%.4g GiB", *value/(1<<30))
	}
	figure := fmt.Sprintf("%.4g", *value)
	if math.Abs(*value) >= 1000 {
		figure = fmt.Sprintf("%.0f", *value)
	}
	return strings.TrimSpace(figure + " " + unit)
}

// clone is a copy that shares nothing.
func (r Rule) clone() Rule {
	r.Warning, r.Critical = copied(r.Warning), copied(r.Critical)
	r.Samples, r.InhibitedBy = copied(r.Samples), slices.Clone(r.InhibitedBy)
	return r
}

func copied[T any](of *T) *T {
	if of == nil {
		return nil
	}
	c := *of
	return &c
}
