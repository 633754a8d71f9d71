package alert

import "time"

// Event is one change of an alert, as the stream and the history tell it.
type Event struct {
	// ID names the alert; it stays the same from pending until the end.
	ID   string `json:"id"`
	Rule string `json:"rule"`
	// Severity is that of the alert now, and of its last moment if it ended.
	Severity         Severity `json:"severity"`
	PreviousSeverity Severity `json:"previous_severity"`
	State            Stage    `json:"state"`
	PreviousState    Stage    `json:"previous_state"`
	// Value is the figure, null if there is none, Threshold is where the
	// severity begins, and Unit is that of both; empty for a state.
	Value     *float64 `json:"value"`
	Threshold *float64 `json:"threshold"`
	Unit      string   `json:"unit"`
	// Since is when the alert began, At is when it changed.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Silenced says that webhooks were not told.
	Silenced bool   `json:"silenced"`
	Summary  string `json:"summary"`
	Runbook  string `json:"runbook"`
}

// eventOf makes the event of a transition out of the states around it.
func eventOf(rule Rule, before, after State, t Transition, silenced bool) Event {
	alert, severity := after, t.ToSeverity
	if !t.To.Active() {
		alert, severity = before, t.FromSeverity
	}
	e := Event{
		ID: alert.ID, Rule: rule.Name, Severity: severity, PreviousSeverity: t.FromSeverity,
		State: t.To, PreviousState: t.From, Value: copied(after.Value), Threshold: copied(rule.threshold(severity)),
		Unit: unitOf(rule.Measure), Since: alert.Began.UTC(), At: t.At.UTC(), Silenced: silenced,
		Summary: rule.summary(after.Value, severity, t.To), Runbook: rule.Runbook,
	}
	if e.PreviousSeverity == None {
		e.PreviousSeverity = e.Severity
	}
	return e
}
