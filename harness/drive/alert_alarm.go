package drive

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Alarm is a trouble that an alert must tell.
type Alarm struct {
	Rule AlertRule
	// Before sets the scene; an alert that is told meanwhile is too early. Nil
	// if there is nothing to set.
	Before func(ctx context.Context) error
	// Begin brings the trouble about and returns when it is there. End ends it
	// and returns when it is over; it is called once Begin has succeeded,
	// whatever came of the alert.
	Begin, End func(ctx context.Context) error
	// Done gives back what the trouble needed, once the alert is over or will
	// never be; nil if it needed nothing.
	Done func() error
	// Patience bounds how much longer than its rule an alert may take to be
	// told; zero is 30 s.
	Patience time.Duration
}

// Alarm brings a trouble about, ends it as soon as the alert fires, and waits
// until the alert is over. It yields "alert delay" and "all-clear delay" in
// seconds: from the moment that the trouble had begun, or had ended, to the
// message, without the time that the rule waits by itself; "alerts never told",
// counted of the two; "alerts told too early", counted of those told; "alert
// messages that break their schema", counted of all; "alert messages missed",
// the gaps in their numbers, counted of those that have one; and "other alerts
// told", those of other rules that fired, counted of all messages. What was
// never told yields the time waited. "alerts told again" are the messages that
// say once more that the alert fires as badly, or that it is over, counted of
// all that say so: for as long as a trouble that had not ended would need to be
// told anew, and a second more, it listens on.
func (m *Market) Alarm(ctx context.Context, a Alarm) (measure.Set, error) {
	if a.Patience == 0 {
		a.Patience = changePatience
	}
	seen, err := m.alarm(ctx, a)
	if a.Done != nil {
		err = errors.Join(err, a.Done())
	}
	return seen, err
}

func (m *Market) alarm(ctx context.Context, a Alarm) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	l := alarmLine{caller: c, rule: a.Rule.Name, patience: a.Patience, told: map[string]bool{}}
	if a.Before != nil {
		if err := a.Before(ctx); err != nil {
			return nil, err
		}
	}
	beginning := time.Now()
	if err := a.Begin(ctx); err != nil {
		return nil, err
	}
	begun := time.Now()
	fired := l.await(ctx, "firing", a.Rule.For)
	ending := time.Now()
	if err := a.End(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	ended := time.Now()
	var over time.Time
	if !fired.IsZero() {
		over = l.await(ctx, "ok", a.Rule.Keep)
		l.listenOn(ctx, lasting(a.Rule.For)+time.Second)
	}
	never, early := measure.Share{Of: 2}, measure.Share{}
	for _, told := range []struct {
		at    time.Time
		least time.Time
	}{{fired, beginning.Add(lasting(a.Rule.For))}, {over, ending.Add(lasting(a.Rule.Keep))}} {
		switch {
		case told.at.IsZero():
			never.Hits++
		case told.at.Before(told.least):
			early.Hits++
			early.Of++
		default:
			early.Of++
		}
	}
	return measure.Set{
		"alert delay":                            a.delay(begun, fired, a.Rule.For),
		"all-clear delay":                        a.delay(ended, over, a.Rule.Keep),
		"alerts never told":                      {Share: &never},
		"alerts told too early":                  {Share: &early},
		"alerts told again":                      {Share: &l.again},
		"alert messages that break their schema": {Share: &l.broken},
		"alert messages missed":                  {Share: &l.missed},
		"other alerts told":                      {Share: &l.others},
	}, ctx.Err()
}

func lasting(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// delay is how much later than its rule asks a message came.
func (a Alarm) delay(since, at time.Time, waits float64) measure.Value {
	if at.IsZero() {
		return measure.Value{Unit: "s", Amount: &measure.Amount{Value: a.Patience.Seconds(), Says: "never told"}}
	}
	return measure.Value{Unit: "s", Amount: &measure.Amount{Value: max(0, at.Sub(since).Seconds()-waits), Of: 1}}
}

// alarmLine listens to the messages of the alerts.
type alarmLine struct {
	*caller
	rule     string
	patience time.Duration

	seq                           int64           // of the last message that had one
	told                          map[string]bool // how badly the alert fired, and that it ended
	again, broken, missed, others measure.Share
}

// await returns when the rule's alert came into the state, zero if it did not
// in the time that the rule waits and the patience for every change.
func (l *alarmLine) await(ctx context.Context, state string, waits float64) time.Time {
	ctx, cancel := context.WithTimeout(ctx, lasting(waits)+l.patience)
	defer cancel()
	for {
		message, came := l.next(ctx)
		if !came {
			return time.Time{}
		}
		if rule, now := l.note(message); rule == l.rule && now == state {
			return message.at
		}
	}
}

// listenOn notes the messages of some time more.
func (l *alarmLine) listenOn(ctx context.Context, some time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, some)
	defer cancel()
	for message, came := l.next(ctx); came; message, came = l.next(ctx) {
		l.note(message)
	}
}

func (l *alarmLine) next(ctx context.Context) (message heard, came bool) {
	all, came := l.until(ctx, "performance_alert")
	if !came {
		return heard{}, false
	}
	return all[len(all)-1], true
}

// note counts a message and says which rule's alert came into which state.
func (l *alarmLine) note(message heard) (rule, state string) {
	l.broken.Of++
	if contracts.Check("ws/performance_alert", message.raw) != nil {
		l.broken.Hits++
	}
	if message.Seq != nil {
		l.missed.Of++
		if l.seq > 0 && *message.Seq != l.seq+1 {
			l.missed.Hits++
		}
		l.seq = *message.Seq
	}
	var said struct {
		Data struct{ Rule, State, Severity string }
	}
	l.others.Of++
	if json.Unmarshal(message.raw, &said) != nil {
		return "", ""
	}
	switch {
	case said.Data.Rule == l.rule:
		l.remember(said.Data.State, said.Data.Severity)
	case said.Data.State == "firing":
		l.others.Hits++
	}
	return said.Data.Rule, said.Data.State
}

// remember counts what was told before. That a trouble has passed which never
// fired is no end of an alert.
func (l *alarmLine) remember(state, severity string) {
	switch {
	case state == "firing":
		state += " as " + severity
	case state != "ok" || len(l.told) == 0:
		return
	}
	l.again.Of++
	if l.told[state] {
		l.again.Hits++
	}
	l.told[state] = true
}
