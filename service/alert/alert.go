// Package alert is the Performance Alert System: rules over the figures of the
// monitor and of the partitions, a state for each rule, and an event for every
// change of an alert, which goes to the stream, to the log and to webhooks.
//
// Step is the engine: a pure function of the time, a sample, a rule and a
// state. A Board keeps the states of all rules together with silences,
// acknowledgements and the history; a Service feeds it and tells its events.
//
// Several services may watch one database. What a replica alone can see, that
// it does not reach the database, each judges for itself. Everything else the
// one that leads judges for all: its events and the states that they lead to
// are posted together or not at all, and whoever leads next goes on from there.
//
// The package refuses to know HTTP routes, WebSocket frames and SQL.
package alert

import (
	"time"
)

// Stage is where an alert stands.
type Stage string

// The stages. The first three are those of an active alert.
const (
	// Pending: the figure is beyond its threshold, or was and is not yet well
	// again, but not for long enough.
	Pending Stage = "pending"
	// Firing: the figure was beyond its threshold for as long as the rule says.
	Firing Stage = "firing"
	// Recovering: the figure is well again, but not for long enough.
	Recovering Stage = "recovering"
	// OK: there is nothing to tell.
	OK Stage = "ok"
	// NoData: there is no figure, for instance because nothing happened.
	NoData Stage = "nodata"
	// Failed: the figure could not be read.
	Failed Stage = "error"
)

// Active says whether the stage is one of an alert, as against one of a rule
// that has none.
func (s Stage) Active() bool { return s == Pending || s == Firing || s == Recovering }

// Severity is how bad it is. One alert may escalate and de-escalate.
type Severity string

// The severities, and None for an alert that is not active.
const (
	None     Severity = ""
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Sample is what is known of a rule's figure at one moment.
type Sample struct {
	// Value is the figure; nil if there is none, and then the rule has no data.
	Value *float64
	// Unread is set if the figure could not be read, so that it is not known
	// whether there is one.
	Unread bool
	// Held is set while another alert explains whatever is seen: an alert that
	// fires is left as it is, and none begins.
	Held bool
}

// Transition is one change of a rule's stage or severity.
type Transition struct {
	At   time.Time
	From Stage
	To   Stage
	// FromSeverity and ToSeverity are None where the stage is not active.
	FromSeverity, ToSeverity Severity
}

// State is what the engine remembers of a rule. The zero value is that of a
// rule that has never seen a sample. It survives being written as JSON at any
// point.
type State struct {
	Stage    Stage    `json:"state"`
	Severity Severity `json:"severity"`
	// Since is when the stage and severity began.
	Since time.Time `json:"since"`
	// ID names the alert and Began is when its figure was first beyond the
	// threshold; both are zero while there is none.
	ID    string    `json:"id"`
	Began time.Time `json:"began"`
	// Value is the newest figure, nil if there is none.
	Value *float64 `json:"value"`
	// Seen is when the engine last looked.
	Seen time.Time `json:"seen"`
	// Of is the figure that the rest is about.
	Of string `json:"of"`

	Warning  Level     `json:"warning"`
	Critical Level     `json:"critical"`
	Missing  Stopwatch `json:"missing"`

	// Escalations counts how often the alert went from warning to critical:
	// what was acknowledged before was of something less bad.
	Escalations int `json:"escalations"`
}

// Level is what the engine remembers of one severity.
type Level struct {
	// Active says that the level was reached and not yet left.
	Active bool `json:"active"`
	// Clearing says that the figure has been well since it was last beyond.
	Clearing bool `json:"clearing"`
	// Beyond is how long the figure has been beyond the threshold, Well for
	// how long it has been well, both without a break.
	Beyond Stopwatch `json:"beyond"`
	Well   Stopwatch `json:"well"`
}

// Stopwatch counts time that was watched.
type Stopwatch struct {
	Running bool          `json:"running"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// run goes on while something holds, and begins anew when it does not.
func (s *Stopwatch) run(holds bool, elapsed time.Duration) {
	switch {
	case !holds:
		*s = Stopwatch{}
	case s.Running:
		s.Elapsed += elapsed
	default:
		*s = Stopwatch{Running: true}
	}
}

func (s *Stopwatch) reached(limit time.Duration) bool { return s.Running && s.Elapsed >= limit }

// Acknowledgement is somebody's word that they are looking after an alert.
type Acknowledgement struct {
	Author  string    `json:"author"`
	Comment string    `json:"comment"`
	At      time.Time `json:"at"`
}
