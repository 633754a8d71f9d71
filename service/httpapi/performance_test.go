package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/probe"
	"github.com/signoff-dev/signoff/service/replica"
	"github.com/signoff-dev/signoff/service/stream"
)

// askPerformance asks a surface whose monitor watches that database, if any.
func askPerformance(t *testing.T, watcher *monitor.Service, measuring *probe.Service) (status int, answer probe.Answer) {
	t.Helper()
	handler := documented(t, httpapi.New(httpapi.Dependencies{
		Monitor: watcher, Stream: stream.NewManager(stream.Config{}), Performance: measuring,
	}))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/api/health/performance", http.NoBody))
	requireContract(t, "http/health_performance", recorder.Body.Bytes())
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	return recorder.Code, answer
}

func TestPerformanceIsAnsweredBeforeAndAfterItWasMeasured(t *testing.T) {
	own, err := monitor.OpenPool(t.Context(), testdb.Migrated(t))
	require.NoError(t, err)
	watcher := monitor.New(monitor.Config{Pool: own})
	slow := 1.1
	measuring := probe.New(probe.Config{
		Member: replica.New(replica.Config{}), First: time.Nanosecond, Every: 10 * time.Millisecond,
		Measure: func(context.Context) (probe.Round, []probe.Metric) {
			now := time.Now().UTC()
			return probe.Round{State: "measured", At: &now}, []probe.Metric{{
				Name: probe.InsertImprovement, Value: &slow, Unit: "ratio to baseline", MeasuredAt: &now,
				Baseline: probe.Side{Unit: "rows per second", What: "One by one."}, Current: probe.Side{Unit: "rows per second", What: "At once."},
				Interval: &probe.Interval{Level: 0.95, Low: 1, High: 1.2, Pairs: 6, Method: "made up"},
			}}
		},
	})
	status, answer := askPerformance(t, watcher, measuring)
	require.Equal(t, http.StatusServiceUnavailable, status, "the monitor has not looked yet")
	require.Equal(t, "fail", answer.Status)
	require.Equal(t, []string{"not_measured", "database_unavailable"}, answer.Reasons)

	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 2)
	go func() { ran <- watcher.Run(ctx) }()
	<-watcher.Looked()
	status, answer = askPerformance(t, watcher, measuring)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "pass", answer.Status)
	require.Equal(t, []string{"not_measured"}, answer.Reasons)
	require.Len(t, answer.Metrics, len(probe.Targets()))

	go func() { ran <- measuring.Run(ctx) }()
	require.Eventually(t, func() bool { return measuring.Answer().MeasuredAt != nil }, 5*time.Second, time.Millisecond)
	status, answer = askPerformance(t, watcher, measuring)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "warn", answer.Status)
	require.Equal(t, []string{"target_missed"}, answer.Reasons)
	require.Equal(t, probe.Missed, answer.Metrics[0].Met)
	stop()
	require.NoError(t, <-ran)
	require.NoError(t, <-ran)
	own.Close()
}
