package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
	"github.com/signoff-dev/signoff/service/stream"
)

// alarm serves alerts of which one fires. It needs no database: alerts are
// asked about when there is none.
type alarm struct {
	*house
	alerts *alert.Service
}

// broken is a monitor whose database does not answer.
type broken struct{}

// Snapshot implements alert.Monitor.
func (broken) Snapshot() monitor.Snapshot {
	return monitor.Snapshot{Status: monitor.Fail, Reasons: []string{monitor.Unreachable}, Pool: monitor.Pool{Max: 10, Utilisation: 0.5}}
}

func newAlarm(t *testing.T, token string) *alarm {
	t.Helper()
	return newAlarmOf(t, token, replica.New(replica.Config{}))
}

// cut is a member whose database is gone.
type cut struct{ *replica.Member }

// State implements alert.Member.
func (cut) State() replica.State { return replica.Cut }

// Change implements alert.Member.
func (cut) Change(context.Context, string, func(json.RawMessage) (json.RawMessage, error)) error {
	return replica.ErrCut
}

func newAlarmOf(t *testing.T, token string, member alert.Member) *alarm {
	t.Helper()
	alerts := alert.New(alert.Config{Board: alert.NewBoard(alert.Defaults()), Monitor: broken{}, Member: member})
	for i := range 4 {
		alerts.Look(time.Now().Add(time.Duration(i-4) * time.Second))
	}
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{}), Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
		Alerts: alerts, Token: token,
	})))
	t.Cleanup(server.Close)
	return &alarm{&house{t: t, url: server.URL}, alerts}
}

func TestWhatAllReplicasShallHearIsRefusedWhileTheirDatabaseIsGone(t *testing.T) {
	a := newAlarmOf(t, "", cut{replica.New(replica.Config{})})
	const silence = `{"rule":"database_unreachable","author":"ada","reason":"upgrade","duration":"90m"}`
	require.Contains(t, a.ask("POST", "/api/alerts/silences", silence, 503, "http/error"), `"code":"database_unavailable"`)
	require.Contains(t, a.ask("GET", "/api/alerts/silences", "", 200, "http/alerts_silences"), `"silences":[]`)
	a.remove("/api/alerts/silences/x", "", http.StatusServiceUnavailable)
	// That this replica does not reach the database is its own alert.
	text := a.ask("POST", "/api/alerts/database_unreachable/acknowledge", `{"author":"ada","comment":"on it"}`, 200, "http/alert_acknowledged")
	require.Contains(t, text, `"acknowledged":{"author":"ada"`)
	require.Contains(t, a.ask("GET", "/api/alerts", "", 200, "http/alerts"), `"acknowledged":{"author":"ada"`)
}

func TestAnOperatorLooksAfterAnAlert(t *testing.T) {
	a := newAlarm(t, "")
	text := a.ask("GET", "/api/alerts", "", 200, "http/alerts")
	require.Contains(t, text, `"rule":"database_unreachable","severity":"critical","state":"firing"`)
	require.Contains(t, text, `"runbook":"service/docs/alerts.md#database_unreachable"`)
	a.ask("GET", "/api/alerts/rules", "", 200, "http/alerts_rules")

	text = a.ask("POST", "/api/alerts/database_unreachable/acknowledge", `{"author":"ada","comment":"on it"}`, 200, "http/alert_acknowledged")
	require.Contains(t, text, `"acknowledged":{"author":"ada","comment":"on it"`)
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	a.ask("POST", "/api/alerts/silences", `{"rule":"pool_usage","author":"ada","reason":"load test","expires_at":"`+until+`"}`, 201, "http/alert_silence")
	text = a.ask("POST", "/api/alerts/silences", `{"rule":"database_unreachable","author":"ada","reason":"upgrade","duration":"90m"}`, 201, "http/alert_silence")
	_, id, _ := strings.Cut(text, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	require.Equal(t, 2, strings.Count(a.ask("GET", "/api/alerts/silences", "", 200, "http/alerts_silences"), `"id"`))
	require.Contains(t, a.ask("GET", "/api/alerts?silenced=true&acknowledged=true", "", 200, "http/alerts"), "database_unreachable")

	a.remove("/api/alerts/silences/"+id, "", http.StatusNoContent)
	a.remove("/api/alerts/silences/"+id, "", http.StatusNotFound)
	require.NotContains(t, a.ask("GET", "/api/alerts?silenced=true", "", 200, "http/alerts"), "database_unreachable")
}

// remove sends a DELETE, whose answer has no body when it is done.
func (a *alarm) remove(path, token string, status int) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodDelete, a.url+path, http.NoBody)
	require.NoError(a.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(a.t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(a.t, err)
	require.NoError(a.t, answer.Body.Close())
	require.Equal(a.t, status, answer.StatusCode, "%s", text)
}

func TestAlertsCanBeNarrowed(t *testing.T) {
	a := newAlarm(t, "")
	for question, count := range map[string]int{
		"alerts": 1, "alerts?rule=pool_usage": 0, "alerts?rule=database_unreachable&state=firing&severity=critical": 1,
		"alerts?state=pending": 0, "alerts?severity=warning": 0, "alerts?acknowledged=false": 1, "alerts?silenced=true": 0,
		"alerts/history": 2, "alerts/history?limit=1": 1, "alerts/history?state=pending": 1, "alerts/history?state=error": 0, "alerts/history?rule=pool_usage": 0,
		"alerts/history?from=2199-01-01T00:00:00Z": 0, "alerts/history?to=2199-01-01T00:00:00Z": 2,
	} {
		contract := "http/alerts"
		if strings.HasPrefix(question, "alerts/history") {
			contract = "http/alerts_history"
		}
		require.Equal(t, count, strings.Count(a.ask("GET", "/api/"+question, "", 200, contract), `"rule":`), question)
	}
}

func TestWrongWordsAboutAlertsAreRefusedWithTheirField(t *testing.T) {
	a := newAlarm(t, "")
	const silences, acknowledge = "/api/alerts/silences", "/api/alerts/database_unreachable/acknowledge"
	silence := func(rest string) string { return `{"rule":"pool_usage","author":"ada","reason":"test"` + rest + `}` }
	tests := map[string]struct {
		method, path, body string
		status             int
		says               string
	}{
		"a filter nobody knows":   {"GET", "/api/alerts?rules=x", "", 400, `"field":"rules"`},
		"a filter twice":          {"GET", "/api/alerts?rule=x&rule=y", "", 400, `"field":"rule"`},
		"a severity nobody knows": {"GET", "/api/alerts?severity=bad", "", 400, "severity: must be warning or critical"},
		"a state nobody knows":    {"GET", "/api/alerts/history?state=bad", "", 400, `"field":"state"`},
		"perhaps":                 {"GET", "/api/alerts?silenced=perhaps", "", 400, "silenced: must be true or false"},
		"no number":               {"GET", "/api/alerts/history?limit=0", "", 400, `"field":"limit"`},
		"no time":                 {"GET", "/api/alerts/history?from=today", "", 400, `"field":"from"`},
		"times the other way":     {"GET", "/api/alerts/history?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "", 400, "to: must be after from"},
		"rules are not narrowed":  {"GET", "/api/alerts/rules?rule=x", "", 400, `"field":"rule"`},
		"silences neither":        {"GET", "/api/alerts/silences?rule=x", "", 400, `"field":"rule"`},
		"no rule":                 {"POST", "/api/alerts/weather/acknowledge", `{"author":"ada","comment":""}`, 404, `"code":"not_found"`},
		"no alert":                {"POST", "/api/alerts/pool_usage/acknowledge", `{"author":"ada","comment":""}`, 409, `"code":"alert_not_active"`},
		"nobody":                  {"POST", acknowledge, `{"comment":"x"}`, 400, `"field":"author"`},
		"an unknown field":        {"POST", acknowledge, `{"author":"ada","comments":"x"}`, 400, `"field":"comments"`},
		"no text":                 {"POST", acknowledge, `{"author":7}`, 400, "author: must be a string"},
		"no JSON":                 {"POST", acknowledge, `{"author":`, 400, `"code":"malformed_json"`},
		"no object":               {"POST", silences, `["pool_usage"]`, 400, `"error":`},
		"a number for a time":     {"POST", silences, silence(`,"expires_at":7`), 400, `"field":"expires_at"`},
		"a number for a while":    {"POST", silences, silence(`,"duration":7`), 400, `"field":"duration"`},
		"a silence of nothing":    {"POST", silences, `{"rule":"weather","author":"a","reason":"b","duration":"1m"}`, 404, `"field":"rule"`},
		"a silence for ever":      {"POST", silences, silence(""), 400, "expires_at: is needed, or duration, such as 90m"},
		"a silence of both":       {"POST", silences, silence(`,"duration":"1m","expires_at":"2199-01-01T00:00:00Z"`), 400, `"field":"duration"`},
		"far too long a silence":  {"POST", silences, silence(`,"duration":"9999999h"`), 400, "duration: must be a duration such as 90m, at most 720h (30 days)"},
		"a name of two lines":     {"POST", acknowledge, `{"author":"ada\nbob"}`, 400, "author: must be one line"},
		"letters backwards":       {"POST", acknowledge, `{"author":"ada","comment":"x\u202ey"}`, 400, "comment: must be text without control characters"},
		"a negative silence":      {"POST", silences, silence(`,"duration":"-1m"`), 400, `"field":"duration"`},
		"a silence of the past":   {"POST", silences, silence(`,"expires_at":"2016-01-01T00:00:00Z"`), 400, "must be in the future"},
		"too long a silence":      {"POST", silences, silence(`,"duration":"721h"`), 400, "within 30 days"},
		"no time at all":          {"POST", silences, silence(`,"expires_at":"later"`), 400, "expires_at: must be a time"},
		"another method":          {"PUT", silences, "{}", 405, "method_not_allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a.t = t
			require.Contains(t, a.ask(test.method, test.path, test.body, test.status, "http/error"), test.says)
		})
	}
	require.Empty(t, a.alerts.Silences(time.Now()))
}

func TestLookingAfterAlertsNeedsTheToken(t *testing.T) {
	a := newAlarm(t, "open sesame")
	a.ask("GET", "/api/alerts", "", 200, "http/alerts")
	a.ask("POST", "/api/alerts/database_unreachable/acknowledge", `{"author":"ada"}`, 401, "http/error")
	a.ask("POST", "/api/alerts/silences", `{}`, 401, "http/error")
	a.remove("/api/alerts/silences/x", "wrong", http.StatusUnauthorized)
	a.remove("/api/alerts/silences/x", "open sesame", http.StatusNotFound)
}
