package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

// house is the whole service, composed as marketd composes it.
type house struct {
	t       *testing.T
	url     string
	monitor *monitor.Service
}

func build(t *testing.T, dsn string) *house {
	t.Helper()
	queries := monitor.NewRecorder()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	config.ConnConfig.Tracer = queries
	served, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	own, err := monitor.OpenPool(t.Context(), dsn)
	require.NoError(t, err)

	var watcher *monitor.Service
	sockets := stream.NewManager(stream.Config{Health: func() string { return watcher.Snapshot().Status.Word() }})
	watcher = monitor.New(monitor.Config{
		Pool: own, Served: served, Queries: queries, Publish: sockets, Every: 200 * time.Millisecond,
	})
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: served}), Monitor: watcher, Stream: sockets,
		Version: "1.2.0", Started: time.Now(), History: history.New(history.Config{}),
	})))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 2)
	go func() { ran <- sockets.Run(ctx) }()
	go func() { ran <- watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
		require.NoError(t, <-ran)
		server.Close()
		own.Close()
		served.Close()
	})
	return &house{t, server.URL, watcher}
}

// ask sends a request and holds the answer against its contract.
func (h *house) ask(method, path, body string, status int, contract string) string {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	require.NoError(h.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(h.t, err)
	defer func() { require.NoError(h.t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(h.t, err)
	require.Equal(h.t, status, answer.StatusCode, "%s", text)
	require.Equal(h.t, "application/json", answer.Header.Get("Content-Type"))
	requireContract(h.t, contract, text)
	return string(text)
}

func requireContract(t *testing.T, name string, body []byte) {
	t.Helper()
	require.NoError(t, contracts.Check(name, body))
	if slices.Contains(contracts.GoldenNames(), name) {
		require.NoError(t, contracts.Golden(name, body))
	}
}

// until waits for a snapshot of that status.
func (h *house) until(status monitor.Status) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.monitor.Snapshot().Status == status }, 10*time.Second, 10*time.Millisecond)
}

const (
	instruments = `{"instruments":[{"symbol":"AAPL","name":"Apple"}]}`
	oneTick     = `{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00.5Z","trade":17,"price":101.5,"volume":10}]}`
	oneBar      = `{"bars":[{"symbol":"AAPL","day":"2016-01-04","open":102.5,"high":105.25,"low":101,"close":105,"volume":67649400}]}`
)

func TestEveryAnswerKeepsToItsContract(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.until(monitor.Pass)
	for _, health := range []string{"health", "health_live", "health_ready", "health_database"} {
		h.ask("GET", "/api/"+strings.ReplaceAll(health, "_", "/"), "", 200, "http/"+health)
	}
	h.ask("POST", "/api/instruments", instruments, 201, "http/stored")
	h.ask("POST", "/api/ticks", oneTick, 201, "http/stored")
	h.ask("POST", "/api/bars", oneBar, 201, "http/stored")
	h.ask("GET", "/api/prices/latest?symbol=AAPL", "", 200, "http/prices_latest")
	h.ask("GET", "/api/prices?symbol=AAPL", "", 200, "http/prices")
	h.ask("GET", "/api/prices/vwap?symbol=AAPL", "", 200, "http/prices_vwap")
	h.ask("GET", "/api/bars?symbol=AAPL", "", 200, "http/bars")
	h.ask("DELETE", "/api/instruments?symbol=AAPL", "", 200, "http/instrument_deleted")
	h.ask("GET", "/api/instruments?deleted=include", "", 200, "http/instruments")
	h.ask("GET", "/api/prices/latest?symbol=AAPL&deleted=include", "", 200, "http/prices_latest")
	h.ask("POST", "/api/instruments/restore", `{"symbol":"AAPL"}`, 200, "http/instrument_restored")
	h.ask("GET", "/api/instruments", "", 200, "http/instruments")
}

func TestEveryRefusalKeepsToItsContract(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"GONE"}]}`, 201, "http/stored")
	h.ask("DELETE", "/api/instruments?symbol=GONE", "", 200, "http/instrument_deleted")
	tests := map[string]struct {
		method, path, body string
		status             int
	}{
		"a deleted instrument":    {"POST", "/api/ticks", strings.Replace(oneTick, "AAPL", "GONE", 1), 409},
		"a price to come":         {"POST", "/api/ticks", strings.Replace(oneTick, "2016", "2199", 1), 400},
		"a question of the gone":  {"GET", "/api/bars?symbol=GONE", "", 404},
		"an unknown path":         {"GET", "/api/weather", "", 404},
		"a method that is none":   {"DELETE", "/api/health", "", 405},
		"no JSON":                 {"POST", "/api/ticks", "hello", 400},
		"an unknown field":        {"POST", "/api/ticks", `{"ticks":[],"more":1}`, 400},
		"a price that is text":    {"POST", "/api/ticks", strings.Replace(oneTick, "101.5", `"101.5"`, 1), 400},
		"a missing price":         {"POST", "/api/ticks", strings.Replace(oneTick, `"price":101.5,`, "", 1), 400},
		"an unknown instrument":   {"POST", "/api/ticks", oneTick, 422},
		"a question without whom": {"GET", "/api/prices/latest", "", 400},
		"no socket":               {"GET", "/ws", "", 426},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.ask(test.method, test.path, test.body, test.status, "http/error")
		})
	}
}

func TestATradeReachesTheSocketAsItWasStored(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.until(monitor.Pass)
	conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/ws", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
	defer func() { _ = conn.Close() }()
	h.ask("POST", "/api/instruments", instruments, 201, "http/stored")
	h.ask("POST", "/api/ticks", oneTick, 201, "http/stored")
	h.ask("POST", "/api/ticks", oneTick, 201, "http/stored") // a duplicate is not told again

	trades := 0
	for performance := 0; performance < 3 || trades == 0; {
		_, message, err := conn.ReadMessage()
		require.NoError(t, err)
		var envelope struct {
			Type string
			Data json.RawMessage
		}
		require.NoError(t, json.Unmarshal(message, &envelope))
		requireContract(t, "ws/"+envelope.Type, message)
		switch envelope.Type {
		case "market_data":
			trades++
			require.JSONEq(t, `{"symbol":"AAPL","price":101.5,"volume":10,"trade":17,"at":"2016-01-04T14:30:00.5Z"}`, string(envelope.Data))
		case "database_performance":
			performance++
		}
	}
	require.Equal(t, 1, trades)
}

func TestWithoutADatabaseHealthStillAnswersAtOnceAndTellsNoSecrets(t *testing.T) {
	dsn := testdb.Migrated(t)
	h := build(t, dsn)
	h.until(monitor.Pass)
	takeAway(t, dsn)
	h.until(monitor.Fail)

	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	for path, want := range map[string]struct {
		status   int
		contract string
	}{
		"/api/health":          {503, "http/health"},
		"/api/health/live":     {200, "http/health_live"},
		"/api/health/ready":    {503, "http/health_not_ready"},
		"/api/health/database": {503, "http/health_database"},
	} {
		began := time.Now()
		text := h.ask("GET", path, "", want.status, want.contract)
		require.Less(t, time.Since(began), 200*time.Millisecond, path) // generous: a test machine may be busy
		for _, secret := range []string{config.Database, config.Host, "SQLSTATE", "failed", "pg_"} {
			require.NotContains(t, text, secret, path)
		}
	}
}

// takeAway makes a database refuse everybody, as one that is stopped.
func takeAway(t *testing.T, dsn string) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	name := config.Database
	config.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	for _, sql := range []string{
		"alter database " + pgx.Identifier{name}.Sanitize() + " allow_connections false",
		"select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + name + "'",
	} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
}
