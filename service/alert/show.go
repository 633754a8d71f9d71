package alert

import (
	"slices"
	"time"
)

// Alert is an active alert, as GET /api/alerts shows it.
type Alert struct {
	ID           string           `json:"id"`
	Rule         string           `json:"rule"`
	Severity     Severity         `json:"severity"`
	State        Stage            `json:"state"`
	Value        *float64         `json:"value"`
	Threshold    *float64         `json:"threshold"`
	Unit         string           `json:"unit"`
	Since        time.Time        `json:"since"`
	Acknowledged *Acknowledgement `json:"acknowledged"`
	Silenced     bool             `json:"silenced"`
	// InhibitedBy names the alert that explains what this one sees; it stays
	// as it is meanwhile. Null if there is none.
	InhibitedBy *string `json:"inhibited_by"`
	Summary     string  `json:"summary"`
	Runbook     string  `json:"runbook"`
}

// RuleState is a rule with where it stands, as GET /api/alerts/rules shows it.
type RuleState struct {
	ShownRule

	State Stage    `json:"state"`
	Value *float64 `json:"value"`
}

// Alerts lists the active alerts in the order of the rules.
func (b *Board) Alerts() []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	alerts := []Alert{}
	for _, rule := range b.rules {
		if b.states[rule.Name].Stage.Active() {
			alerts = append(alerts, b.alert(rule))
		}
	}
	return alerts
}

func (b *Board) alert(rule Rule) Alert {
	s := b.states[rule.Name]
	a := Alert{
		ID: s.ID, Rule: rule.Name, Severity: s.Severity, State: s.Stage,
		Value: copied(s.Value), Threshold: copied(rule.threshold(s.Severity)), Unit: unitOf(rule.Measure),
		Since: s.Began.UTC(), Acknowledged: copied(s.Acknowledged), Silenced: b.silenced(rule.Name),
		Summary: rule.summary(s.Value, s.Severity, s.Stage), Runbook: rule.Runbook,
	}
	if name := b.inhibitor(rule); name != "" {
		a.InhibitedBy = &name
	}
	return a
}

// Rules lists the rules in force with where they stand.
func (b *Board) Rules() []RuleState {
	b.mu.Lock()
	defer b.mu.Unlock()
	rules := []RuleState{}
	for _, rule := range b.rules {
		s := b.states[rule.Name]
		if s.Stage == "" {
			s.Stage = NoData
		}
		rules = append(rules, RuleState{rule.clone().shown(), s.Stage, copied(s.Value)})
	}
	return rules
}

// Question narrows the history. Its zero value asks for everything.
type Question struct {
	Rule     string
	Severity Severity
	State    Stage
	// From is the first moment, To the first one that is too late.
	From, To time.Time
	// Limit is the most events, the newest ones; zero is all.
	Limit int
}

// History lists events, the newest first.
func (b *Board) History(q Question) []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Event{}
	for _, e := range slices.Backward(b.history) {
		switch {
		case q.Limit > 0 && len(found) == q.Limit:
			return found
		case q.Rule != "" && q.Rule != e.Rule, q.Severity != None && q.Severity != e.Severity, q.State != "" && q.State != e.State,
			!q.From.IsZero() && e.At.Before(q.From), !q.To.IsZero() && !e.At.Before(q.To):
		default:
			found = append(found, e)
		}
	}
	return found
}
