package probe

import (
	"slices"
	"time"
)

// Verdict says whether a target is met.
type Verdict string

// The verdicts. Nothing observed is never met.
const (
	Met       Verdict = "yes"
	Missed    Verdict = "no"
	Undecided Verdict = "undecided"
)

// The reasons for a figure that is not there.
const (
	// NotMeasured: no round has come to it yet.
	NotMeasured = "not_measured"
	// NotApplicable: the schema that the database has knows no such thing.
	NotApplicable = "not_applicable"
	// TooFewRows: the market is so small that nothing would show.
	TooFewRows = "too_few_rows"
	// OutOfBudget: the time of the round was over before.
	OutOfBudget = "out_of_budget"
	// TimedOut: a statement or a lock took too long.
	TimedOut = "timed_out"
	// NotPermitted: the service's role may not do what it takes, which is to
	// make a schema in the database.
	NotPermitted = "not_permitted"
	// Unavailable: the database did not do it; the log says why.
	Unavailable = "unavailable"
)

// The reasons for an interval that is not there.
const (
	// TooFewPairs: fewer than six have no interval at 95 %.
	TooFewPairs = "too_few_pairs"
	// Counted: the figure was counted, not timed.
	Counted = "counted"
	// Estimated: the table is too large to be read without an index, so the
	// figure is what the planner expects.
	Estimated = "planner_estimate"
)

// Answer is the body of GET /api/health/performance. A figure that is not
// known is null, and a code says why.
type Answer struct {
	// Status is pass, or warn while a target is missed. It is fail only where
	// the database is.
	Status string `json:"status"`
	// Reasons says why the status is not pass, in fixed codes, and whether
	// nothing was measured yet.
	Reasons []string `json:"reasons"`
	// MeasuredAt is when the last round that measured anything ended, in UTC.
	MeasuredAt *time.Time `json:"measured_at"`
	// AgeMS is how long ago that was in milliseconds.
	AgeMS *int64 `json:"age_ms"`
	// Round is the last one, whether it measured or not.
	Round Round `json:"round"`
	// Metrics are the figures, in the order of Targets.
	Metrics []Metric `json:"metrics"`
}

// Round is one attempt to measure.
type Round struct {
	// State is not_measured, measured, skipped or failed.
	State string `json:"state"`
	// Reason says why it was skipped ("busy") or failed, in a fixed code.
	Reason *string `json:"reason"`
	// At is when it ended, in UTC.
	At *time.Time `json:"at"`
	// SpentMS is how long it kept the database, in milliseconds.
	SpentMS *float64 `json:"spent_ms"`
}

// Metric is one figure and its target.
type Metric struct {
	Name string `json:"name"`
	// What says what the figure is, in a sentence.
	What string `json:"what"`
	// Value is a ratio to the baseline: 1.30 is 30 % faster, or 30 % more.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	// Reason says why the value is null, in a fixed code.
	Reason *string `json:"reason"`
	// Baseline and Current are the two sides.
	Baseline Side `json:"baseline"`
	Current  Side `json:"current"`
	// Interval is where the ratio lies, with 95 % confidence or a little more;
	// null with a reason.
	Interval       *Interval `json:"interval"`
	IntervalReason *string   `json:"interval_reason"`
	// MeasuredAt is when, in UTC, and AgeMS how long ago in milliseconds. A
	// figure that a later round could not measure stays, and grows old.
	MeasuredAt *time.Time `json:"measured_at"`
	AgeMS      *int64     `json:"age_ms"`
	Target     string     `json:"target"`
	Met        Verdict    `json:"met"`
}

// Side is one side of a comparison.
type Side struct {
	// Value is the median of what was timed, or what was counted.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	// What says what it is, in a sentence.
	What string `json:"what"`
}

// unknown is the answer before anything was measured.
func unknown() Answer {
	a := Answer{Round: Round{State: stateNotMeasured}}
	for _, t := range Targets() {
		a.Metrics = append(a.Metrics, absent(t.Metric, NotMeasured))
	}
	return a
}

// absent is a figure that is not there.
func absent(name, reason string) Metric {
	m := Metric{Name: name, Unit: ratio, Reason: &reason, IntervalReason: &reason}
	m.Baseline, m.Current = sides(name)
	return m
}

// merge puts what a round measured over what was known. What the round could
// not measure for once stays as it was, with its age.
func (a Answer) merge(found []Metric, round Round) Answer {
	a.Round, a.Metrics = round, slices.Clone(a.Metrics)
	for i, old := range a.Metrics {
		at := slices.IndexFunc(found, func(m Metric) bool { return m.Name == old.Name })
		if at < 0 {
			continue
		}
		if fresh := found[at]; fresh.Value != nil || old.Value == nil || fresh.Reason == nil || !passing(*fresh.Reason) {
			a.Metrics[i] = fresh
		}
	}
	if round.State == stateMeasured {
		a.MeasuredAt = round.At
	}
	return a
}

// passing says that a reason may be gone in the next round.
func passing(reason string) bool {
	return reason == OutOfBudget || reason == TimedOut || reason == Unavailable
}

// at is the answer as it reads at a moment, judged by the targets of this
// program. It may come from another version of it: only figures that this one
// knows are in it.
func (a Answer) at(now time.Time) Answer {
	told := a.Metrics
	a.Metrics, a.Status, a.Reasons = nil, "pass", []string{}
	a.AgeMS = age(a.MeasuredAt, now)
	if a.MeasuredAt == nil {
		a.Reasons = append(a.Reasons, NotMeasured)
	}
	for _, t := range Targets() {
		m := absent(t.Metric, NotMeasured)
		if i := slices.IndexFunc(told, func(m Metric) bool { return m.Name == t.Metric }); i >= 0 {
			m = told[i]
		}
		m.What, m.Target, m.Met, m.AgeMS = t.Says, t.Words, t.judge(m), age(m.MeasuredAt, now)
		if m.Met == Missed && a.Status == "pass" {
			a.Status = "warn"
			a.Reasons = append(a.Reasons, "target_missed")
		}
		a.Metrics = append(a.Metrics, m)
	}
	return a
}

// sameClock is how far apart the writing of an answer and the end of its round
// may be for one clock: within it, times are left as they are told.
const sameClock = 3 * time.Second

// moved is the answer of a clock that is behind this one by so much, told by
// this one.
func (a Answer) moved(by time.Duration) Answer {
	if by.Abs() <= sameClock {
		return a
	}
	move := func(at *time.Time) *time.Time {
		if at == nil {
			return nil
		}
		return pointer(at.Add(by))
	}
	a.MeasuredAt, a.Round.At = move(a.MeasuredAt), move(a.Round.At)
	a.Metrics = slices.Clone(a.Metrics)
	for i := range a.Metrics {
		a.Metrics[i].MeasuredAt = move(a.Metrics[i].MeasuredAt)
	}
	return a
}

func age(since *time.Time, now time.Time) *int64 {
	if since == nil {
		return nil
	}
	ms := max(0, now.Sub(*since).Milliseconds())
	return &ms
}

// Once is the answer of one round, of a moment ago.
func Once(round Round, found []Metric) Answer { return unknown().merge(found, round).at(time.Now()) }
