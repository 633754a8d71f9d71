package drive_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

func TestATableOfRulesIsHeldAgainstTheService(t *testing.T) {
	rules := []drive.AlertRule{
		{Name: "a", Measure: "x", Direction: "above", Warning: &drive.AlertThreshold{Fire: 0.8, Clear: 0.7}, For: 5, Keep: 15},
		{Name: "b", Measure: "y", Direction: "below", Critical: &drive.AlertThreshold{Fire: 20, Clear: 30}, For: 0.5},
	}
	a := []string{"a", "x", "at least 0.8 until 0.7", "never", "5 s", "15 s"}
	b := []string{"b", "y", "never", "at most 20 until 30", "0.5 s", "0 s"}
	tests := map[string]struct {
		table  [][]string
		differ float64
		says   string
	}{
		"the same":             {[][]string{a, b}, 0, "all are the same"},
		"in another order":     {[][]string{b, a}, 0, "all are the same"},
		"another limit":        {[][]string{{"a", "x", "at least 0.9 until 0.7", "never", "5 s", "15 s"}, b}, 1, "the service has a | x | at least 0.8 until 0.7 | never | 5 s | 15 s"},
		"one that is missing":  {[][]string{b}, 1, "the service has a | x | at least 0.8 until 0.7 | never | 5 s | 15 s"},
		"one that is too much": {[][]string{a, b, {"c", "z"}}, 1, "the service has no c"},
		"nothing":              {nil, 2, "the service has b | y | never | at most 20 until 30 | 0.5 s | 0 s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seen := drive.CompareRules(rules, test.table)["rules that differ from the table"].Amount
			require.InDelta(t, test.differ, seen.Value, 0)
			require.Contains(t, seen.Says, test.says)
		})
	}
}

// alerter is a service that says what it is told to say.
type alerter struct {
	say    chan string
	market *drive.Market
}

func newAlerter(t *testing.T) *alerter {
	t.Helper()
	a := &alerter{say: make(chan string, 10)}
	var upgrader websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for message := range a.say {
			if conn.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
				return
			}
		}
	}))
	a.market = drive.NewMarket(server.URL, 1)
	t.Cleanup(func() {
		close(a.say)
		a.market.Close()
		server.Close()
	})
	a.say <- greeting
	return a
}

func (a *alerter) tells(rule, state string) {
	a.say <- fmt.Sprintf(`{"type":"performance_alert","timestamp":"2026-01-05T14:30:00Z","seq":1,"data":{"id":"x","rule":%q,`+
		`"severity":"critical","previous_severity":"critical","state":%q,"previous_state":"pending","value":1,"threshold":1,"unit":"",`+
		`"since":"2026-01-05T14:30:00Z","at":"2026-01-05T14:30:00Z","silenced":false,"summary":"Gone.","runbook":""}}`, rule, state)
}

func TestAnAlarmIsTimedFromTheTroubleOn(t *testing.T) {
	tests := map[string]struct {
		waits  float64
		begin  func(a *alerter)
		never  int64
		early  int64
		broken int64
		again  int64
	}{
		"at once":      {0, func(a *alerter) { a.tells("gone", "firing") }, 0, 0, 0, 0},
		"of another":   {0, func(a *alerter) { a.tells("busy", "firing"); a.tells("gone", "pending"); a.tells("gone", "firing") }, 0, 0, 0, 0},
		"too early":    {0.1, func(a *alerter) { a.tells("gone", "firing") }, 0, 1, 0, 0},
		"out of shape": {0, func(a *alerter) { a.say <- `{"type":"performance_alert"}`; a.tells("gone", "firing") }, 0, 0, 1, 0},
		"twice":        {0, func(a *alerter) { a.tells("gone", "firing"); a.tells("gone", "firing") }, 0, 0, 0, 1},
		"that passed":  {0, func(a *alerter) { a.tells("gone", "pending"); a.tells("gone", "ok"); a.tells("gone", "firing") }, 0, 0, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAlerter(t)
			seen, err := a.market.Alarm(t.Context(), drive.Alarm{
				Rule:  drive.AlertRule{Name: "gone", For: test.waits},
				Begin: func(context.Context) error { test.begin(a); return nil },
				End:   func(context.Context) error { a.tells("gone", "ok"); return nil },
			})
			require.NoError(t, err)
			require.Equal(t, test.never, seen["alerts never told"].Share.Hits)
			require.EqualValues(t, 2, seen["alerts told too early"].Share.Of)
			require.Equal(t, test.early, seen["alerts told too early"].Share.Hits)
			require.Equal(t, test.broken, seen["alert messages that break their schema"].Share.Hits)
			require.Equal(t, test.again, seen["alerts told again"].Share.Hits)
			require.Less(t, seen["alert delay"].Amount.Value, 20.0)
		})
	}
}

func TestAnAlertThatNeverComesIsCounted(t *testing.T) {
	a := newAlerter(t)
	nothing := func(context.Context) error { return nil }
	seen, err := a.market.Alarm(t.Context(), drive.Alarm{
		Rule: drive.AlertRule{Name: "gone"}, Begin: nothing, End: nothing, Patience: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, seen["alerts never told"].Share.Hits)
	require.InDelta(t, 0.05, seen["alert delay"].Amount.Value, 0)
	require.Zero(t, seen["alerts told too early"].Share.Of, "what never came was never early")
}

func TestATroubleIsEndedWhateverHappens(t *testing.T) {
	a := newAlerter(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := false
	_, err := a.market.Alarm(ctx, drive.Alarm{
		Rule:  drive.AlertRule{Name: "gone"},
		Begin: func(context.Context) error { return nil },
		End:   func(context.Context) error { ended = true; return nil },
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, ended, "the trouble is always ended")
}
