package alert

import (
	"maps"
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

// Alerts lists the active alerts in the order of the rules, and after them those
// of rules that only the one that leads has.
func (b *Board) Alerts() []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	alerts := []Alert{}
	for _, rule := range b.rules {
		if b.state(rule).Stage.Active() {
			alerts = append(alerts, b.alert(rule))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.shared.States)) {
		state := b.shared.States[name]
		if rule, known := b.rule(name); state.Stage.Active() && (!known || !rule.judges(state)) {
			alerts = append(alerts, b.alert(state.orphan(name, b.shared.Told[name])))
		}
	}
	return alerts
}

func (b *Board) alert(rule Rule) Alert {
	s := b.state(rule)
	s.Value = b.seen(rule).Value
	a := Alert{
		ID: s.ID, Rule: rule.Name, Severity: s.Severity, State: s.Stage,
		Value: copied(s.Value), Threshold: copied(rule.threshold(s.Severity)), Unit: unitOf(rule.Measure),
		Since: s.Began.UTC(), Acknowledged: b.acknowledgement(rule), Silenced: b.people.silenced(b.looked, rule.Name),
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
		stage, value := b.standing(rule)
		rules = append(rules, RuleState{rule.clone().shown(), stage, value})
	}
	return rules
}

// standing is where a rule stands. Of a rule without an alert that is seen from
// the newest figures: such changes are neither told nor posted.
func (b *Board) standing(rule Rule) (Stage, *float64) {
	if rule.Disabled {
		return NoData, nil
	}
	sample := b.seen(rule)
	switch stage := b.state(rule).Stage; {
	case stage.Active():
		return stage, sample.Value
	case b.inhibitor(rule) != "":
		return OK, sample.Value
	case sample.Unread:
		return Failed, sample.Value
	case sample.Value == nil:
		return NoData, nil
	}
	return OK, sample.Value
}

// seen is the newest sample of a rule; before the first look that of the state.
func (b *Board) seen(rule Rule) Sample {
	if b.newest.Figures == nil {
		return Sample{Value: copied(b.state(rule).Value)}
	}
	return b.newest.sample(rule)
}
