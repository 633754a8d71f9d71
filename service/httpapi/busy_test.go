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

// gated is the service over a pool of one connection, and its admission.
func gated(t *testing.T, dsn string, a *market.Admission) surface {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	config.MaxConns = 1
	config.ConnConfig.Tracer = watched{monitor.NewRecorder(), a}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	var log strings.Builder
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: pool}), Monitor: monitor.New(monitor.Config{}),
		Stream: stream.NewManager(stream.Config{}), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})))
	t.Cleanup(server.Close)
	return surface{t, server.URL, pool, &log}
}

func TestWhileEveryConnectionIsBusyRequestsAreRefusedAndLivenessAnswers(t *testing.T) {
	admission := &market.Admission{Wait: time.Hour, Waiting: 8} // to open the connection takes its time
	s := gated(t, testdb.Migrated(t), admission)
	require.Equal(t, `201 {"stored":1,"duplicates":0}`, s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`))
	held, err := s.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release() // a second time does nothing
	admission.Wait = 20 * time.Millisecond
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
	require.Empty(t, s.log.String(), "refusing is no work of its own")
	admission.Wait = time.Hour
	held.Release()
	require.Equal(t, `201 {"stored":1,"duplicates":0}`, s.ask("POST", "/api/ticks", price), "it was not stored before")
}

func TestADatabaseThatSaysNothingIsUnavailableAndIsLogged(t *testing.T) {
	s := gated(t, testdb.Mute(t), &market.Admission{Wait: 20 * time.Millisecond, Waiting: 8})
	for range 2 { // the second waits for the connection that the first began to open
		require.Contains(t, s.ask("GET", "/api/prices/latest?symbol=AAPL", ""), `503 {"error":{"code":"database_unavailable"`)
	}
	require.Equal(t, 2, strings.Count(s.log.String(), "code=database_unavailable"), s.log)
}
