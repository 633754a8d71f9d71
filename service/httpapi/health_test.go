package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

func TestBeforeTheFirstLookOnlyTheProcessIsWell(t *testing.T) {
	handler := httpapi.New(httpapi.Dependencies{
		Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}), Version: "1.2.0",
	})
	tests := map[string]struct {
		status   int
		contract string
	}{
		"/api/health":            {http.StatusServiceUnavailable, "http/health"},
		"/api/health/live":       {http.StatusOK, "http/health_live"},
		"/api/health/ready":      {http.StatusServiceUnavailable, "http/health_not_ready"},
		"/api/health/database":   {http.StatusServiceUnavailable, "http/health_database"},
		"/api/health/partitions": {http.StatusServiceUnavailable, "http/health_partitions"},
	}
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			require.Equal(t, want.status, answer.Code)
			requireContract(t, want.contract, answer.Body.Bytes())
		})
	}
}
