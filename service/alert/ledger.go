package alert

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ledger is what is remembered of rules, of those of one scope: the rules that
// a replica judges for itself, or those that one judges for all.
type ledger struct {
	States map[string]State `json:"states"`
	// Told is what the webhooks were last told of an alert that has not ended.
	Told map[string]Notice `json:"told"`
}

func newLedger() ledger { return ledger{map[string]State{}, map[string]Notice{}} }

// clone shares nothing that is ever changed.
func (l ledger) clone() ledger { return ledger{maps.Clone(l.States), maps.Clone(l.Told)} }

// frame is what rules are judged within.
type frame struct {
	now time.Time
	// rules are those of the ledger's scope.
	rules []Rule
	// former are the rules before a change, which know how an alert ends.
	former []Rule
	// elsewhere says whether a rule of the other scope has an active alert.
	elsewhere func(rule string) bool
	silenced  func(rule string) bool
	// fresh is set while figures that need more than one look may be missing,
	// because others have looked until now: then a missing figure ends nothing.
	fresh bool
}

// judge ends what no rule stands for, steps every rule and returns what changed of alerts, and what the
// webhooks are to be told. Changes between ok, nodata and error are not of an
// alert and are not told.
func (l ledger) judge(f frame, reading Reading) ([]Event, []Notice) {
	events := l.withdraw(f)
	for _, inhibited := range []bool{false, true} { // what inhibits goes first
		for _, rule := range f.rules {
			if rule.Disabled || inhibited != (len(rule.InhibitedBy) > 0) {
				continue
			}
			sample := reading.sample(rule)
			sample.Held = l.inhibitor(f, rule) != ""
			before := l.States[rule.Name]
			if f.fresh && sample.Value == nil && before.Stage.Active() {
				continue
			}
			after, changes := Step(f.now, sample, rule, before)
			l.States[rule.Name] = after
			events = append(events, f.events(rule, before, after, changes)...)
		}
	}
	return events, l.notices(f)
}

// inhibitor names the alert that explains whatever the rule sees.
func (l ledger) inhibitor(f frame, rule Rule) string {
	for _, name := range rule.InhibitedBy {
		if l.States[name].Stage.Active() || f.elsewhere(name) {
			return name
		}
	}
	return ""
}

func (f frame) events(rule Rule, before, after State, changes []Transition) []Event {
	var events []Event
	for _, change := range changes {
		if change.From.Active() || change.To.Active() {
			events = append(events, eventOf(rule, before, after, change, f.silenced(rule.Name)))
		}
	}
	return events
}

// withdraw ends every alert that no rule stands for: its rule is gone, or
// disabled, or about another figure; here, or where this replica now leads.
func (l ledger) withdraw(f frame) []Event {
	gone := maps.Clone(l.States)
	for _, rule := range f.rules {
		if rule.judges(gone[rule.Name]) {
			delete(gone, rule.Name)
		}
	}
	var events []Event
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		before := gone[name]
		after := before
		after.Value = nil
		rule := before.orphan(name, l.Told[name])
		if at := slices.IndexFunc(f.former, func(r Rule) bool { return r.Name == name && r.of() == before.Of }); at >= 0 {
			rule = f.former[at]
		}
		delete(l.States, name)
		events = append(events, f.events(rule, before, after, Withdraw(f.now, rule, before))...)
	}
	return events
}

// judges says whether the rule is the one to judge an alert from a state on.
func (r Rule) judges(s State) bool { return !r.Disabled && s.Of == r.of() }

// orphan is what is known of the rule of a state if there is no such rule here.
func (s State) orphan(name string, told Notice) Rule {
	direction, measure, _ := strings.Cut(s.Of, " ")
	return Rule{Name: name, Measure: measure, Direction: Direction(direction), Summary: measure + " is {value}.", Runbook: told.Runbook}
}

// notices compares what fires with what was told, so that nothing is told
// twice, and what a silence held back is told when it has expired.
func (l ledger) notices(f frame) []Notice {
	var due []Notice
	known := map[string]bool{}
	for _, rule := range f.rules {
		known[rule.Name] = true
		s, told := l.States[rule.Name], l.Told[rule.Name]
		fires := (s.Stage == Firing || s.Stage == Recovering) && !rule.Disabled
		if told.ID != "" && (!fires || told.ID != s.ID) {
			due = append(due, told.ended(f.now))
			delete(l.Told, rule.Name)
			told = Notice{}
		}
		if fires && told.Severity != s.Severity && !f.silenced(rule.Name) {
			n := noticeOf(rule, s)
			due = append(due, n)
			l.Told[rule.Name] = n
		}
	}
	for name, told := range l.Told {
		if !known[name] {
			due = append(due, told.ended(f.now))
			delete(l.Told, name)
		}
	}
	return due
}

// sound drops the states that make no sense, and returns a ledger that can be
// judged.
func (l ledger) sound() ledger {
	kept := newLedger()
	for name, state := range l.States {
		if ruleName.MatchString(name) && state.sane() {
			kept.States[name] = state
		}
	}
	maps.Copy(kept.Told, l.Told)
	return kept
}

// moving says whether any alert is on its way from one stage to the next, so
// that time counts.
func (l ledger) moving() bool {
	for _, s := range l.States {
		if s.Warning.moving() || s.Critical.moving() || s.active() && s.Missing.Running {
			return true
		}
	}
	return false
}

func (l Level) moving() bool { return l.Active && l.Clearing || !l.Active && l.Beyond.Running }
