package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// WatchedRelease is a release that is taken back and put on again while
// operators watch.
type WatchedRelease struct {
	Operator Operator
	// Trouble comes and goes while the release is away, and an alert must tell it.
	Trouble Alarm
}

// watchedFor is how long operators watch before, between and after.
const watchedFor = 3 * time.Second

// WatchRelease takes a release back and puts it on again. It yields "messages
// missing in the sequence", "messages out of sequence", "messages that break
// their schema" and "pause between figures" as Market.Follow does; "alerts
// never told", counted of the alert and its end; "health answers missed" and
// "answers that break their schema", counted of all that a monitor asked;
// "longest pause in the history" in seconds; and "rollback, duration" and
// "upgrade, duration" in seconds.
func (m *Market) WatchRelease(ctx context.Context, r WatchedRelease) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	if _, came := c.answer(ctx, figuresChannel); !came {
		return nil, fmt.Errorf("waiting for the first figures: %w", errNotTold)
	}
	if _, err := m.shown(ctx, ownFigure, time.Now().Add(-time.Minute), func(pastPoint) bool { return true }); err != nil {
		return nil, err
	}
	began := time.Now()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	monitored := make(chan measure.Set, 1)
	go func() { monitored <- m.askOnAndOn(watching) }()

	w := &releaseWatch{caller: c, rule: r.Trouble.Rule.Name}
	var down, up time.Duration
	w.listen(ctx, watchedFor)
	down, err = w.during(ctx, r.Operator.RollBack)
	w.alarm(ctx, r.Trouble, &err)
	if err == nil {
		up, err = w.during(ctx, r.Operator.Upgrade)
	}
	w.listen(ctx, watchedFor)
	ended := time.Now()
	stop()
	answers := <-monitored
	if err != nil {
		return nil, err
	}
	if _, err := m.shown(ctx, ownFigure, began, since(ended.Truncate(time.Second))); err != nil {
		return nil, err
	}
	points, err := m.past(ctx, ownFigure, began.Add(-time.Second), time.Second)
	if err != nil {
		return nil, err
	}
	all := figuresIn(began, ended.Sub(began), w.all)
	maps.Copy(all, answers)
	maps.Copy(all, measure.Set{
		"alerts never told":            {Share: &w.never},
		"longest pause in the history": longestPause(points, began, ended),
		"rollback, duration":           seconds("rollback, duration", down),
		"upgrade, duration":            seconds("upgrade, duration", up),
	})
	return all, ctx.Err()
}

// releaseWatch is an operator who listens while a release moves.
type releaseWatch struct {
	*caller
	rule  string
	all   []heard
	never measure.Share
}

// listen listens for a time.
func (w *releaseWatch) listen(ctx context.Context, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	all, _ := w.until(ctx, anything)
	w.all = append(w.all, all...)
}

// during listens until something is done.
func (w *releaseWatch) during(ctx context.Context, do func(context.Context) (time.Duration, error)) (took time.Duration, err error) {
	listening, done := context.WithCancel(ctx)
	go func() {
		defer done()
		took, err = do(ctx)
	}()
	all, _ := w.until(listening, anything)
	<-listening.Done()
	w.all = append(w.all, all...)
	return took, err
}

// alarm brings the trouble about and ends it.
func (w *releaseWatch) alarm(ctx context.Context, t Alarm, err *error) {
	if *err != nil {
		return
	}
	if *err = t.Begin(ctx); *err != nil {
		return
	}
	w.await(ctx, "firing")
	if *err = t.End(context.WithoutCancel(ctx)); *err == nil {
		w.await(ctx, "ok")
	}
}

// await listens until the alert has come into a state.
func (w *releaseWatch) await(ctx context.Context, state string) {
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	w.never.Of++
	for {
		all, came := w.until(ctx, alertsChannel)
		w.all = append(w.all, all...)
		if !came {
			w.never.Hits++
			return
		}
		var said struct {
			Data struct{ Rule, State string }
		}
		if json.Unmarshal(all[len(all)-1].raw, &said) == nil && said.Data.Rule == w.rule && said.Data.State == state {
			return
		}
	}
}

// askOnAndOn asks every question about health five times a second until ctx
// ends.
func (m *Market) askOnAndOn(ctx context.Context) measure.Set {
	var missed, broken measure.Share
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, q := range operatorsQuestions() {
			r, err := m.ask(ctx, q.path)
			if errors.Is(err, context.Canceled) {
				break
			}
			missed.Of++
			if err != nil || r.missed {
				missed.Hits++
				continue
			}
			broken.Of++
			if !q.answered(r) {
				broken.Hits++
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return measure.Set{
		"health answers missed":           {Share: &missed},
		"answers that break their schema": {Share: &broken},
	}
}
