package alert

import (
	"slices"
	"sync"
	"time"
)

// keptEvents is how many events the history holds.
const keptEvents = 1000

// Board holds the rules, their states, the silences and the history. It is
// safe for concurrent use and never waits for anything but itself.
type Board struct {
	mu       sync.Mutex
	rules    []Rule
	states   map[string]State
	silences []Silence
	history  []Event
	// told is what the webhooks were last told of an alert that has not ended.
	told map[string]Notice
	// changed has one element from a change until it is saved.
	changed chan struct{}
}

// NewBoard makes a board of rules that have never seen a sample.
func NewBoard(rules []Rule) *Board {
	b := &Board{states: map[string]State{}, told: map[string]Notice{}, changed: make(chan struct{}, 1)}
	b.take(rules)
	return b
}

func (b *Board) take(rules []Rule) {
	b.rules = nil
	for _, rule := range rules {
		b.rules = append(b.rules, rule.clone())
	}
}

// Judge steps every rule and returns what changed of alerts, and what the
// webhooks are to be told. Changes between ok, nodata and error are not of an
// alert and are told by Rules alone.
func (b *Board) Judge(now time.Time, reading Reading) ([]Event, []Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endSilences(now)
	var events []Event
	for _, inhibited := range []bool{false, true} { // what inhibits goes first
		for _, rule := range b.rules {
			if rule.Disabled || inhibited != (len(rule.InhibitedBy) > 0) {
				continue
			}
			sample := reading.sample(rule)
			sample.Held = b.inhibitor(rule) != ""
			before := b.states[rule.Name]
			after, changes := Step(now, sample, rule, before)
			b.states[rule.Name] = after
			events = append(events, b.tell(rule, before, after, changes)...)
		}
	}
	return events, b.notices(now)
}

// inhibitor names the alert that explains whatever the rule sees.
func (b *Board) inhibitor(rule Rule) string {
	for _, name := range rule.InhibitedBy {
		if b.states[name].Stage.Active() {
			return name
		}
	}
	return ""
}

// tell keeps the events of the changes.
func (b *Board) tell(rule Rule, before, after State, changes []Transition) []Event {
	var events []Event
	for _, change := range changes {
		if change.From.Active() || change.To.Active() {
			events = append(events, eventOf(rule, before, after, change, b.silenced(rule.Name)))
		}
	}
	if len(events) > 0 {
		b.note()
	}
	b.history = append(b.history, events...)
	b.history = slices.Delete(b.history, 0, max(0, len(b.history)-keptEvents))
	return events
}

// note says that there is something to save.
func (b *Board) note() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Replace puts other rules in force. States are kept by name; the alert of a
// rule that is no more, or that watches another figure now, ends.
func (b *Board) Replace(now time.Time, rules []Rule) ([]Event, []Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var events []Event
	for _, old := range b.rules {
		at := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == old.Name && !r.Disabled && r.of() == old.of() })
		if at >= 0 {
			continue
		}
		events = append(events, b.withdraw(now, old)...)
	}
	b.take(rules)
	return events, b.notices(now)
}

func (b *Board) withdraw(now time.Time, rule Rule) []Event {
	before := b.states[rule.Name]
	after := before
	after.Value = nil
	delete(b.states, rule.Name)
	return b.tell(rule, before, after, Withdraw(now, rule, before))
}

func (b *Board) rule(name string) (Rule, bool) {
	at := slices.IndexFunc(b.rules, func(r Rule) bool { return r.Name == name })
	if at < 0 {
		return Rule{}, false
	}
	return b.rules[at], true
}
