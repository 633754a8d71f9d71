package alert_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/alert"
)

// desk is a board with a clock of its own.
type desk struct {
	*alert.Board
	t   *testing.T
	now time.Time
}

// quick are two rules that fire at once; the first inhibits the second.
func quick() []alert.Rule {
	reachable := alert.Rule{
		Name: "reachable", Measure: "health.unreachable", Direction: alert.Above, Critical: &alert.Threshold{Fire: 1, Clear: 0}, Summary: "Gone.",
	}
	busy := usage()
	busy.For, busy.KeepFiring, busy.InhibitedBy = 0, 0, []string{"reachable"}
	busy.Summary = "{value} are in use."
	return []alert.Rule{busy, reachable} // the order of the table is not that of the judging
}

func newDesk(t *testing.T, rules ...alert.Rule) *desk {
	return &desk{alert.NewBoard(rules), t, epoch()}
}

// see judges figures a second later.
func (d *desk) see(figures map[string]float64) ([]alert.Event, []alert.Notice) {
	d.now = d.now.Add(time.Second)
	events, notices := d.Judge(d.now, alert.Reading{Figures: figures})
	for _, e := range events {
		data, err := json.Marshal(e)
		require.NoError(d.t, err)
		frame := fmt.Sprintf(`{"type":"performance_alert","timestamp":"2026-01-05T14:30:00Z","seq":1,"data":%s}`, data)
		require.NoError(d.t, contracts.Check("ws/performance_alert", []byte(frame)))
	}
	return events, notices
}

func busy(share float64) map[string]float64 {
	return map[string]float64{"pool.utilisation": share, "health.unreachable": 0}
}

func TestAnEventSaysAllThereIsToSay(t *testing.T) {
	d := newDesk(t, quick()...)
	events, _ := d.see(busy(0.1))
	require.Empty(t, events, "that all is well is not told")
	events, _ = d.see(busy(0.9))
	share, fire := 0.9, 0.8
	began := d.now
	id := fmt.Sprintf("usage-%d", began.UnixMilli())
	require.Equal(t, []alert.Event{{
		ID: id, Rule: "usage", Severity: alert.Warning, PreviousSeverity: alert.Warning, State: alert.Firing, PreviousState: alert.OK,
		Value: &share, Threshold: &fire, Unit: "share", Since: began, At: began, Summary: "90 % are in use; warning is from 80 %.",
	}}, events)
	events, _ = d.see(busy(0.5))
	require.Len(t, events, 1)
	require.Equal(t, alert.OK, events[0].State)
	require.Equal(t, id, events[0].ID)
	require.Equal(t, began, events[0].Since)
	require.Equal(t, d.now, events[0].At)
	require.Equal(t, "50 % are in use; well is up to 70 %.", events[0].Summary)
	events, _ = d.see(busy(1))
	require.NotEqual(t, id, events[0].ID, "another alert has another name")
	require.Len(t, d.History(alert.Question{}), 3)
	require.Len(t, d.History(alert.Question{State: alert.Firing}), 2)
	require.Len(t, d.History(alert.Question{Severity: alert.Critical}), 1)
	require.Equal(t, events, d.History(alert.Question{Limit: 1}), "the newest first")
	require.Len(t, d.History(alert.Question{From: began, To: began.Add(time.Second)}), 1)
	require.Empty(t, d.History(alert.Question{Rule: "reachable"}))
}

func TestAnInhibitedRuleIsHeld(t *testing.T) {
	d := newDesk(t, quick()...)
	gone := map[string]float64{"pool.utilisation": 1, "health.unreachable": 1}
	events, _ := d.see(gone)
	require.Len(t, events, 1, "only what explains the rest is told, although it comes later in the table")
	require.Equal(t, "reachable", events[0].Rule)
	events, _ = d.see(gone)
	require.Empty(t, events)
	events, _ = d.see(busy(1))
	require.Len(t, events, 2, "the one ends, the other begins")

	events, _ = d.see(map[string]float64{"pool.utilisation": 0, "health.unreachable": 1})
	require.Len(t, events, 1, "what fires is held")
	require.Equal(t, "reachable", *d.Alerts()[0].InhibitedBy)
}

func TestAFigureMustRestOnSomething(t *testing.T) {
	rule := usage()
	rule.For, rule.Samples = 0, &alert.Samples{Measure: "queries.count", AtLeast: 20}
	d := newDesk(t, rule)
	d.see(map[string]float64{"pool.utilisation": 1, "queries.count": 19})
	require.Equal(t, alert.NoData, d.Rules()[0].State)
	d.see(map[string]float64{"pool.utilisation": 1})
	require.Equal(t, alert.NoData, d.Rules()[0].State)
	d.see(map[string]float64{"pool.utilisation": 1, "queries.count": 20})
	require.Equal(t, alert.Firing, d.Rules()[0].State)
}

func TestAnAcknowledgedAlertStillResolves(t *testing.T) {
	d := newDesk(t, quick()...)
	_, err := d.Acknowledge(d.now, "usage", "ada", "")
	require.ErrorIs(t, err, alert.ErrNotActive)
	_, err = d.Acknowledge(d.now, "weather", "ada", "")
	require.ErrorIs(t, err, alert.ErrNoRule)
	d.see(busy(0.9))
	_, err = d.Acknowledge(d.now, "usage", " ", "")
	require.EqualError(t, err, "author: is needed")
	_, err = d.Acknowledge(d.now, "usage", "a\x00", "")
	require.ErrorContains(t, err, "author: must be text without control characters")
	acknowledged, err := d.Acknowledge(d.now, "usage", " ada ", "on it")
	require.NoError(t, err)
	require.Equal(t, &alert.Acknowledgement{Author: "ada", Comment: "on it", At: d.now}, acknowledged.Acknowledged)
	require.Equal(t, []alert.Alert{acknowledged}, d.Alerts())
	events, notices := d.see(busy(0.1))
	require.Len(t, events, 1)
	require.Len(t, notices, 1)
	require.NotNil(t, notices[0].Ended)
	require.Empty(t, d.Alerts())
}

func TestASilenceHoldsBackWebhooksUntilItExpires(t *testing.T) {
	d := newDesk(t, quick()...)
	made, err := d.Silence(d.now, alert.Silence{Rule: "usage", Author: "ada", Reason: "load test", ExpiresAt: d.now.Add(3 * time.Second)})
	require.NoError(t, err)
	require.Equal(t, []alert.Silence{made}, d.Silences(d.now))
	events, notices := d.see(busy(0.9))
	require.True(t, events[0].Silenced)
	require.Empty(t, notices)
	require.True(t, d.Alerts()[0].Silenced)
	_, notices = d.see(busy(0.9))
	require.Empty(t, notices)
	events, notices = d.see(busy(0.9))
	require.Empty(t, events, "nothing changed")
	require.Len(t, notices, 1, "what still fires is told now")
	require.Empty(t, d.Silences(d.now))
	require.ErrorIs(t, d.EndSilence(d.now, made.ID), alert.ErrNoSilence)
	_, notices = d.see(busy(0.9))
	require.Empty(t, notices, "once")
}

func TestASilenceThatCannotBeIsRefused(t *testing.T) {
	d := newDesk(t, quick()...)
	right := alert.Silence{Rule: "usage", Author: "ada", Reason: "load test", ExpiresAt: d.now.Add(time.Hour)}
	tests := map[string]struct {
		change func(*alert.Silence)
		says   string
	}{
		"nobody":           {func(s *alert.Silence) { s.Author = "" }, "author: is needed"},
		"no reason":        {func(s *alert.Silence) { s.Reason = "\n" }, "reason: is needed"},
		"another rule":     {func(s *alert.Silence) { s.Rule = "weather" }, alert.ErrNoRule.Error()},
		"over already":     {func(s *alert.Silence) { s.ExpiresAt = d.now }, "expires_at: must be in the future"},
		"for ever":         {func(s *alert.Silence) { s.ExpiresAt = d.now.AddDate(1, 0, 0) }, "expires_at: must be within 30 days"},
		"everything wrong": {func(s *alert.Silence) { *s = alert.Silence{} }, "author: is needed\nreason: is needed\nexpires_at: must be in the future"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := right
			test.change(&s)
			_, err := d.Silence(d.now, s)
			require.ErrorContains(t, err, test.says)
		})
	}
	made, err := d.Silence(d.now, right)
	require.NoError(t, err)
	require.NoError(t, d.EndSilence(d.now, made.ID))
	require.Empty(t, d.Silences(d.now))
}

func TestNewRulesTakeOverTheStatesByName(t *testing.T) {
	d := newDesk(t, quick()...)
	d.see(busy(0.9))
	before := d.Alerts()[0]

	stricter := quick()
	stricter[0].Warning = &alert.Threshold{Fire: 0.5, Clear: 0.4}
	events, notices := d.Replace(d.now, stricter)
	require.Empty(t, events)
	require.Empty(t, notices)
	d.see(busy(0.6))
	require.Equal(t, before.ID, d.Alerts()[0].ID)

	other := quick()
	other[0].Measure = "pool.wait_share"
	events, notices = d.Replace(d.now, other)
	require.Len(t, events, 1, "an alert of another figure is another alert")
	require.Equal(t, alert.NoData, events[0].State)
	require.Equal(t, before.ID, events[0].ID)
	require.Len(t, notices, 1)
	require.NotNil(t, notices[0].Ended)

	require.NoError(t, d.ack("usage"))
	for name, change := range map[string]func() []alert.Rule{
		"gone":     func() []alert.Rule { return quick()[1:] },
		"disabled": func() []alert.Rule { rules := quick(); rules[0].Disabled = true; return rules },
	} {
		d := newDesk(t, quick()...)
		d.see(busy(0.9))
		events, notices := d.Replace(d.now, change())
		require.Len(t, events, 1, name)
		require.Len(t, notices, 1, name)
		events, notices = d.see(busy(0.9))
		require.Empty(t, events, name)
		require.Empty(t, notices, name)
	}
}

// ack acknowledges whatever the pool's share makes fire.
func (d *desk) ack(rule string) error {
	d.see(map[string]float64{"pool.wait_share": 0.9, "health.unreachable": 0})
	_, err := d.Acknowledge(d.now, rule, "ada", "")
	return err
}

func TestARestartForgetsNothing(t *testing.T) {
	slow := usage()
	slow.For = 3 * time.Second
	before := newDesk(t, slow)
	before.see(busy(0.9))
	before.see(busy(0.9))
	_, err := before.Silence(before.now, alert.Silence{Rule: "usage", Author: "ada", Reason: "test", ExpiresAt: before.now.Add(time.Hour)})
	require.NoError(t, err)
	undelivered := map[string][]alert.Notice{"one": {{Key: "k"}}}
	text, err := before.Save(true, undelivered)
	require.NoError(t, err)

	after := newDesk(t, slow)
	waiting, err := after.Restore(text)
	require.NoError(t, err)
	require.Equal(t, undelivered, waiting)
	require.Equal(t, before.Silences(before.now), after.Silences(before.now))
	require.Equal(t, before.History(alert.Question{}), after.History(alert.Question{}))
	require.Equal(t, before.Alerts(), after.Alerts())
	after.now = before.now.Add(time.Hour) // nobody looked meanwhile: that is a second
	events, _ := after.see(busy(0.9))
	require.Empty(t, events)
	events, _ = after.see(busy(0.9))
	require.Len(t, events, 1)
	require.Equal(t, alert.Firing, events[0].State)
	require.Equal(t, before.Alerts()[0].ID, events[0].ID)
}

func TestWebhooksAreNotToldAgainAfterARestart(t *testing.T) {
	before := newDesk(t, quick()...)
	_, notices := before.see(busy(0.9))
	require.Len(t, notices, 1)
	text, err := before.Save(true, nil)
	require.NoError(t, err)

	same := newDesk(t, quick()...)
	_, err = same.Restore(text)
	require.NoError(t, err)
	_, notices = same.see(busy(0.9))
	require.Empty(t, notices)
	without := newDesk(t, quick()[1:]...)
	_, err = without.Restore(text)
	require.NoError(t, err)
	_, notices = without.see(busy(0.9))
	require.Len(t, notices, 1, "its rule is gone, so it has ended")
	require.NotNil(t, notices[0].Ended)
}

func TestABrokenStateChangesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "{", "another version": `{"version":1}`, "another shape": `{"version":2,"shared":[]}`,
	} {
		d := newDesk(t, quick()...)
		d.see(busy(0.9))
		alerts := d.Alerts()
		_, err := d.Restore([]byte(text))
		require.Error(t, err, name)
		require.Equal(t, alerts, d.Alerts(), name)
	}
}

func FuzzRestore(f *testing.F) {
	board := alert.NewBoard(quick())
	board.Judge(epoch(), alert.Reading{Figures: busy(0.9)})
	text, err := board.Save(true, nil)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"version":2,"shared":{"states":{"usage":{"state":"firing","of":"above pool.utilisation"}},"told":null},"people":{"silences":[{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := newDesk(t, quick()...)
		if _, err := d.Restore(text); err != nil {
			return
		}
		for _, share := range []float64{0.9, 0.1, 1, 0} {
			d.see(busy(share)) // every event keeps to its contract
		}
		require.Empty(t, d.Alerts())
	})
}

func TestAClockThatIsSetBackHidesNothing(t *testing.T) {
	d := newDesk(t, quick()...)
	d.see(busy(0.9))
	d.see(busy(0.1))
	d.now = d.now.Add(-24 * time.Hour)
	events, _ := d.see(busy(0.9))
	require.Len(t, events, 1)
	require.Equal(t, events, d.History(alert.Question{Limit: 1}), "what came last is the newest")
}
