package alert

import (
	"fmt"
	"math"
	"time"
)

// A gap between two looks that is longer than longestGap is time that nobody
// watched, or a clock that was set: it counts as assumedGap, so that neither a
// clock that jumps nor a restart lets a rule fire early.
const (
	longestGap = 3 * time.Second
	assumedGap = time.Second
)

// Step is the engine: what becomes of a rule's state when a sample is seen,
// and the changes to tell, at most one. It has no clock and no memory of its
// own. Within the band between the clear and the fire threshold it changes
// nothing: a figure must cross the whole band to go from one side of an alert
// to the other.
func Step(now time.Time, sample Sample, rule Rule, state State) (State, []Transition) {
	before := state
	if state.Of != rule.of() {
		state = State{Stage: NoData, Of: rule.of()}
	}
	elapsed := elapsedSince(state.Seen, now)
	state.Seen = now
	value := sample.Value
	if value != nil && (math.IsNaN(*value) || math.IsInf(*value, 0)) {
		value = nil
	}
	state.Value = value
	state.forgetLevels(rule)
	switch {
	case sample.Held:
		state.Missing = Stopwatch{}
		state.hold(OK)
	case sample.Unread:
		state.Missing = Stopwatch{}
		state.hold(Failed)
	case value == nil:
		state.miss(rule, elapsed)
	default:
		state.Missing = Stopwatch{}
		state.Warning.see(*value, rule, rule.Warning, elapsed)
		state.Critical.see(*value, rule, rule.Critical, elapsed)
		state.place(*value, rule)
	}
	return state.settle(now, rule, before)
}

// Withdraw ends the alert of a rule that is no more.
func Withdraw(now time.Time, rule Rule, state State) []Transition {
	before := state
	state.Stage, state.Severity = NoData, None
	_, told := state.settle(now, rule, before)
	return told
}

func elapsedSince(seen, now time.Time) time.Duration {
	if seen.IsZero() {
		return 0
	}
	elapsed := max(0, now.Sub(seen))
	if elapsed > longestGap {
		return assumedGap
	}
	return elapsed
}

// forgetLevels drops what is known of a severity that the rule no longer has.
func (s *State) forgetLevels(rule Rule) {
	if rule.Warning == nil {
		s.Warning = Level{}
	}
	if rule.Critical == nil {
		s.Critical = Level{}
	}
}

func (s *State) active() bool { return s.Warning.Active || s.Critical.Active }

// hold keeps an alert that fires as it is, for nothing is known that would
// end it; whatever has not fired begins anew.
func (s *State) hold(otherwise Stage) {
	if !s.active() {
		s.Warning, s.Critical = Level{}, Level{}
		s.Stage, s.Severity = otherwise, None
		return
	}
	s.Warning.pause()
	s.Critical.pause()
}

func (l *Level) pause() { l.Beyond, l.Well = Stopwatch{}, Stopwatch{} }

// miss ends an alert whose figure has been gone for as long as one that is
// well would have to be.
func (s *State) miss(rule Rule, elapsed time.Duration) {
	s.Missing.run(s.active(), elapsed)
	if s.active() && s.Missing.reached(rule.KeepFiring) {
		s.Warning, s.Critical = Level{}, Level{}
	}
	s.hold(NoData)
}

// see lets one severity know the figure.
func (l *Level) see(value float64, rule Rule, threshold *Threshold, elapsed time.Duration) {
	if threshold == nil {
		return
	}
	beyond, well := rule.beyond(value, threshold.Fire), rule.well(value, threshold.Clear)
	if !l.Active {
		l.Beyond.run(beyond, elapsed)
		l.Active = l.Beyond.reached(rule.For)
		return
	}
	l.Beyond.run(beyond, elapsed)
	l.Well.run(well, elapsed)
	l.Clearing = well || l.Clearing && !beyond
	if l.Well.reached(rule.KeepFiring) {
		*l = Level{}
	}
}

// place derives stage and severity from the levels.
func (s *State) place(value float64, rule Rule) {
	lowest, threshold := rule.lowest()
	level := &s.Warning
	if lowest == Critical {
		level = &s.Critical
	}
	switch {
	case s.active():
		s.Stage, s.Severity = Firing, Warning
		if s.Critical.Active {
			s.Severity = Critical
		}
		if (!s.Warning.Active || s.Warning.Clearing) && (!s.Critical.Active || s.Critical.Clearing) {
			s.Stage = Recovering
		}
	case level.Beyond.Running, s.Stage == Pending && !rule.well(value, threshold.Clear):
		s.Stage, s.Severity = Pending, lowest
	default:
		s.Stage, s.Severity = OK, None
	}
}

// settle compares with the state before and names the alert.
func (s State) settle(now time.Time, rule Rule, before State) (State, []Transition) {
	if before.Stage == "" {
		before.Stage = NoData
	}
	if s.Stage == before.Stage && s.Severity == before.Severity {
		return s, nil
	}
	s.Since = now
	switch {
	case !s.Stage.Active():
		s.ID, s.Began, s.Escalations = "", time.Time{}, 0
	case s.ID == "":
		s.ID, s.Began = fmt.Sprintf("%s-%d", rule.Name, now.UnixMilli()), now
	case s.Severity == Critical && before.Severity == Warning:
		s.Escalations++
	}
	return s, []Transition{{
		At: now, From: before.Stage, To: s.Stage, FromSeverity: before.Severity, ToSeverity: s.Severity,
	}}
}
