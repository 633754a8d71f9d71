package httpapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

// watched is a tracer of both statements and acquisitions, as marketd has.
type watched struct {
	*monitor.Recorder
	*market.Admission
}

func TestWhileEveryConnectionIsBusyRequestsAreRefusedAndLivenessAnswers(t *testing.T) {
	config, err := pgxpool.ParseConfig(testdb.Migrated(t))
	require.NoError(t, err)
	config.MaxConns = 1
	config.ConnConfig.Tracer = watched{monitor.NewRecorder(), &market.Admission{Wait: 20 * time.Millisecond, Waiting: 8}}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	var log strings.Builder
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: pool}), Monitor: monitor.New(monitor.Config{}),
		Stream: stream.NewManager(stream.Config{}), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})))
	t.Cleanup(server.Close)
	s := surface{t, server.URL, pool, &log}
	connected := func() bool { return pool.Ping(t.Context()) == nil }
	require.Eventually(t, connected, 10*time.Second, 10*time.Millisecond, "to connect may take longer than a request may wait")
	require.Equal(t, `201 {"stored":1,"duplicates":0}`, s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`))

	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	const price = `{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":1,"volume":1}]}`
	for _, request := range [][3]string{
		{http.MethodPost, "/api/ticks", price}, {http.MethodGet, "/api/prices/latest?symbol=AAPL", ""},
		{http.MethodGet, "/api/prices?symbol=AAPL", ""}, {http.MethodGet, "/api/instruments", ""},
	} {
		asked, err := http.NewRequestWithContext(t.Context(), request[0], s.url+request[1], strings.NewReader(request[2]))
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(asked)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, request)
		require.Equal(t, "1", answer.Header.Get("Retry-After"))
		requireContract(t, "http/error", body)
		require.Contains(t, string(body), `"code":"busy"`)
	}
	require.Contains(t, s.ask("GET", "/api/health/live", ""), "200 ")
	require.Empty(t, log.String(), "refusing is no work of its own")
	held.Release()
	require.Equal(t, `201 {"stored":1,"duplicates":0}`, s.ask("POST", "/api/ticks", price), "it was not stored before")
}
