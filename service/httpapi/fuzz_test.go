package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

// FuzzTicks: whatever comes in, the caller is told what is wrong with it, or
// that the database, which is closed here, does not answer.
func FuzzTicks(f *testing.F) {
	f.Add([]byte(`{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":1.5,"volume":2}]}`))
	f.Add([]byte(`{"ticks":[{"a/b~c":1}]}`))
	f.Add([]byte(`{"ticks":[{"at":"0000-00-00T00:00:00Z"}]}`))
	f.Add([]byte("{\"ticks\":\"\xff\"}"))
	pool, err := pgxpool.New(f.Context(), "postgres://127.0.0.1:1/nowhere")
	require.NoError(f, err)
	pool.Close()
	handler := httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: pool}), Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := httptest.NewRecorder()
		documented(t, handler).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/ticks", bytes.NewReader(body)))
		var told struct {
			Error struct{ Code, Message string }
		}
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
		require.NotEmpty(t, told.Error.Code)
		require.NotEmpty(t, told.Error.Message)
		if answer.Code != http.StatusServiceUnavailable {
			require.Equal(t, 4, answer.Code/100, "%s", answer.Body)
		}
	})
}
