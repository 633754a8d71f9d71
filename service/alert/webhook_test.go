package alert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
)

// receiver is a webhook's other end.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int) int // the status of the n-th request
	keys   []string
	bodies []map[string]any
}

func receive(t *testing.T, answer func(n int) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var body map[string]any
		if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		r.keys, r.bodies = append(r.keys, request.Header.Get("Idempotency-Key")), append(r.bodies, body)
		w.WriteHeader(r.answer(len(r.keys)))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.keys...)
}

func always(status int) func(int) int { return func(int) int { return status } }

// hook makes a webhook that runs until the test ends.
func hook(t *testing.T, address string, log *slog.Logger) *alert.Webhook {
	t.Helper()
	h, err := alert.NewWebhook(address, "http://127.0.0.1:8080", log)
	require.NoError(t, err)
	alert.Hurried(h)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
	})
	return h
}

func notice(key string) alert.Notice {
	share := 0.97
	return alert.Notice{
		Key: key, ID: "pool_usage-1", Rule: "pool_usage", Severity: alert.Critical, Began: epoch(), Value: &share, Unit: "share",
		Summary: "97 % are in use.", Runbook: "service/docs/alerts.md#pool_usage",
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 20*time.Second, time.Millisecond, what)
}

func TestAWebhookSpeaksAsAlertmanagerDoes(t *testing.T) {
	r := receive(t, always(200))
	h := hook(t, r.URL, nil)
	over := notice("pool_usage-1/resolved")
	ended := epoch().Add(time.Minute)
	over.Ended = &ended
	h.Enqueue([]alert.Notice{notice("pool_usage-1/firing/critical"), over})
	eventually(t, "both are delivered", func() bool { return len(r.heard()) == 2 })
	require.Equal(t, []string{"pool_usage-1/firing/critical", "pool_usage-1/resolved"}, r.heard())
	labels := map[string]any{"alertname": "pool_usage", "severity": "critical", "service": "marketd"}
	annotations := map[string]any{
		"summary": "97 % are in use.", "runbook": "service/docs/alerts.md#pool_usage", "value": "97 %", "alert_id": "pool_usage-1",
	}
	one := map[string]any{
		"status": "firing", "labels": labels, "annotations": annotations,
		"startsAt": "2026-01-05T14:30:00Z", "endsAt": "0001-01-01T00:00:00Z",
		"generatorURL": "http://127.0.0.1:8080/api/alerts?rule=pool_usage",
		"fingerprint":  r.bodies[0]["alerts"].([]any)[0].(map[string]any)["fingerprint"],
	}
	require.Equal(t, map[string]any{
		"version": "4", "groupKey": `{}:{alertname="pool_usage"}`, "truncatedAlerts": 0.0, "status": "firing", "receiver": "marketd",
		"groupLabels": map[string]any{"alertname": "pool_usage"}, "commonLabels": labels, "commonAnnotations": annotations,
		"externalURL": "http://127.0.0.1:8080", "alerts": []any{one},
	}, r.bodies[0])
	second := r.bodies[1]["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, "resolved", second["status"])
	require.Equal(t, "2026-01-05T14:31:00Z", second["endsAt"])
	require.Equal(t, one["fingerprint"], second["fingerprint"])
}

func TestANoticeIsSentUntilItIsTaken(t *testing.T) {
	r := receive(t, func(n int) int { return map[int]int{1: 503, 2: 429, 3: 302, 5: 500}[n] + boolInt(n == 4 || n > 5)*200 })
	var log strings.Builder
	h := hook(t, r.URL+"/secret", slog.New(slog.NewTextHandler(&log, nil)))
	h.Enqueue([]alert.Notice{notice("a"), notice("b"), notice("a")})
	eventually(t, "nothing waits", func() bool { return len(h.Waiting()) == 0 })
	require.Equal(t, []string{"a", "a", "a", "a", "b", "b"}, r.heard(), "in order, and what waits already is not taken again")
	require.NotContains(t, log.String(), "secret")
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestANoticeThatIsRefusedForGoodIsDropped(t *testing.T) {
	r := receive(t, always(404))
	h := hook(t, r.URL, nil)
	h.Enqueue([]alert.Notice{notice("a"), notice("b")})
	eventually(t, "nothing waits", func() bool { return len(h.Waiting()) == 0 })
	require.Equal(t, []string{"a", "b"}, r.heard())
}

func TestAWebhookThatHangsDelaysNothing(t *testing.T) {
	arrived, hang := make(chan struct{}, 1), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-hang
	}))
	defer hanging.Close()
	defer close(hang)
	h, err := alert.NewWebhook(hanging.URL, "", nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	h.Enqueue([]alert.Notice{notice("first")})
	<-arrived
	for i := range 2 * alert.HookQueue {
		h.Enqueue([]alert.Notice{notice(fmt.Sprint(i))})
	}
	require.Len(t, h.Waiting(), alert.HookQueue, "the queue is bounded")
	require.Equal(t, fmt.Sprint(2*alert.HookQueue-1), h.Waiting()[alert.HookQueue-1].Key, "and keeps the newest")
	cancel()
	require.NoError(t, <-ran, "a stop waits for no receiver")
}

func TestAWebhookGivesUpOnAnAnswerAndTriesAgain(t *testing.T) {
	tries := make(chan struct{}, 100)
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		tries <- struct{}{}
		<-hang
	}))
	defer hanging.Close()
	defer close(hang)
	h, err := alert.NewWebhook(hanging.URL, "", nil)
	require.NoError(t, err)
	alert.Patience(alert.Hurried(h), 20*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	h.Enqueue([]alert.Notice{notice("a")})
	<-tries
	<-tries
	cancel()
	require.NoError(t, <-ran)
	require.Len(t, h.Waiting(), 1, "it can be saved")
}

func TestPausesGrowUpToAMinuteAndDiffer(t *testing.T) {
	h, err := alert.NewWebhook("http://127.0.0.1:1", "", nil)
	require.NoError(t, err)
	for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: time.Minute, 1000: time.Minute} {
		seen := map[time.Duration]bool{}
		for range 100 {
			pause := alert.Pause(h, failures)
			require.GreaterOrEqual(t, pause, most/2)
			require.LessOrEqual(t, pause, most)
			seen[pause] = true
		}
		require.Greater(t, len(seen), 10)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for _, address := range []string{"", "alerts.example", "ftp://alerts.example", "http://", "http://a b", "file:///etc"} {
		_, err := alert.NewWebhook(address, "", nil)
		require.ErrorContains(t, err, "must be an address such as", address)
	}
}
