package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/migrate"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

func TestAnInstrumentIsDeletedAndRestored(t *testing.T) {
	s := newSurface(t, "")
	const stored = `{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":1.5,"volume":2}`
	const hidden = `404 {"error":{"code":"unknown_instrument","message":"unknown instrument AAPL","field":"symbol"}}`
	const gone = `409 {"error":{"code":"instrument_deleted","message":"deleted instrument AAPL (restore it with POST /api/instruments/restore)","field":`
	steps := []struct{ name, method, path, body, want string }{
		{"two are registered", "POST", "/api/instruments",
			`{"instruments":[{"symbol":"MSFT"},{"symbol":"AAPL","name":"Apple"}]}`, `201 {"stored":2,"duplicates":0}`},
		{"one has a price", "POST", "/api/ticks", `{"ticks":[` + stored + `]}`, `201 {"stored":1,"duplicates":0}`},
		{"both are listed", "GET", "/api/instruments", "",
			`200 {"instruments":[{"symbol":"AAPL","name":"Apple","deleted_at":null},{"symbol":"MSFT","name":"","deleted_at":null}]}`},
		{"one is deleted", "DELETE", "/api/instruments?symbol=AAPL", "", `200 {"symbol":"AAPL","deleted_at":"NOW"}`},
		{"a second time changes nothing", "DELETE", "/api/instruments?symbol=AAPL", "", `200 {"symbol":"AAPL","deleted_at":"NOW"}`},
		{"it is not listed", "GET", "/api/instruments", "", `200 {"instruments":[{"symbol":"MSFT","name":"","deleted_at":null}]}`},
		{"but among the deleted", "GET", "/api/instruments?deleted=only", "",
			`200 {"instruments":[{"symbol":"AAPL","name":"Apple","deleted_at":"NOW"}]}`},
		{"and among all", "GET", "/api/instruments?deleted=include", "",
			`200 {"instruments":[{"symbol":"AAPL","name":"Apple","deleted_at":"NOW"},{"symbol":"MSFT","name":"","deleted_at":null}]}`},
		{"its latest price is hidden", "GET", "/api/prices/latest?symbol=AAPL", "", hidden},
		{"its prices are hidden", "GET", "/api/prices?symbol=AAPL", "", hidden},
		{"its average is hidden", "GET", "/api/prices/vwap?symbol=AAPL", "", hidden},
		{"its bars are hidden", "GET", "/api/bars?symbol=AAPL", "", hidden},
		{"unless somebody asks for it", "GET", "/api/prices?symbol=AAPL&deleted=include", "",
			`200 {"symbol":"AAPL","prices":[{"at":"NOW","trade":1,"price":1.5,"volume":2}]}`},
		{"it takes no prices", "POST", "/api/ticks", `{"ticks":[` + stored + `]}`, gone + `"ticks[0].symbol"}}`},
		{"nor bars", "POST", "/api/bars",
			`{"bars":[{"symbol":"AAPL","day":"2016-01-04","open":1,"high":1,"low":1,"close":1,"volume":1}]}`, gone + `"bars[0].symbol"}}`},
		{"nor is it registered anew", "POST", "/api/instruments",
			`{"instruments":[{"symbol":"NEW"},{"symbol":"AAPL"}]}`, gone + `"instruments[1].symbol"}}`},
		{"it is restored", "POST", "/api/instruments/restore", `{"symbol":"AAPL"}`, `200 {"symbol":"AAPL"}`},
		{"a second time changes nothing either", "POST", "/api/instruments/restore", `{"symbol":"AAPL"}`, `200 {"symbol":"AAPL"}`},
		{"with its prices", "GET", "/api/prices?symbol=AAPL", "",
			`200 {"symbol":"AAPL","prices":[{"at":"NOW","trade":1,"price":1.5,"volume":2}]}`},
	}
	for _, step := range steps {
		require.Equal(t, step.want, moment.ReplaceAllString(s.ask(step.method, step.path, step.body), "NOW"), step.name)
	}
}

func TestWhatIsWrongWithADeletionIsSaid(t *testing.T) {
	s := newSurface(t, "")
	unknown := `404 {"error":{"code":"unknown_instrument","message":"unknown instrument NOPE","field":"symbol"}}`
	tests := map[string]struct{ method, path, body, want string }{
		"an unknown instrument":    {"DELETE", "/api/instruments?symbol=NOPE", "", unknown},
		"nothing to restore":       {"POST", "/api/instruments/restore", `{"symbol":"NOPE"}`, unknown},
		"no symbol":                {"DELETE", "/api/instruments", "", `400 {"error":{"code":"invalid_field","message":"symbol: is missing","field":"symbol"}}`},
		"an empty body":            {"POST", "/api/instruments/restore", `{}`, `400 {"error":{"code":"invalid_field","message":"symbol: must not be empty","field":"symbol"}}`},
		"an unknown field":         {"POST", "/api/instruments/restore", `{"symbol":"A","all":true}`, `400 {"error":{"code":"unknown_field","message":"all: is not known","field":"all"}}`},
		"an unknown parameter":     {"DELETE", "/api/instruments?symbol=A&force=1", "", `400 {"error":{"code":"unknown_field","message":"force: is not known","field":"force"}}`},
		"a list of something else": {"GET", "/api/instruments?deleted=yes", "", `400 {"error":{"code":"invalid_field","message":"deleted: must be include or only, or left out","field":"deleted"}}`},
		"a list asked twice":       {"GET", "/api/instruments?deleted=only&deleted=only", "", `400 {"error":{"code":"duplicate_field","message":"deleted: is given twice","field":"deleted"}}`},
		"a list of one":            {"GET", "/api/instruments?symbol=A", "", `400 {"error":{"code":"unknown_field","message":"symbol: is not known","field":"symbol"}}`},
		"prices of only deleted":   {"GET", "/api/prices?symbol=A&deleted=only", "", `400 {"error":{"code":"invalid_field","message":"deleted: must be include, or left out","field":"deleted"}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, s.ask(test.method, test.path, test.body))
		})
	}
}

func TestDeletingAndRestoringNeedTheToken(t *testing.T) {
	s := newSurface(t, "open sesame")
	refused := `401 {"error":{"code":"unauthorized","message":"this needs the header Authorization: Bearer TOKEN"}}`
	require.Equal(t, refused, s.ask("DELETE", "/api/instruments?symbol=AAPL", ""))
	require.Equal(t, refused, s.ask("POST", "/api/instruments/restore", `{"symbol":"AAPL"}`))
	require.Equal(t, `200 {"instruments":[]}`, s.ask("GET", "/api/instruments", ""))
}

func TestAnOlderSchemaSaysWhatItCannotKeep(t *testing.T) {
	dsn := testdb.Empty(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	migrator, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	_, err = migrator.Up(t.Context(), 1)
	require.NoError(t, err)
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	server := httptest.NewServer(httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: pool}), Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
	}))
	t.Cleanup(server.Close)
	s := surface{t, server.URL, pool, &strings.Builder{}}

	const wayOut = `, and the database is at an older one (an operator can migrate it with marketd migrate up)","field":`
	deletion := `409 {"error":{"code":"schema_version","message":"deleting an instrument needs version 5 of the schema` + wayOut + `"symbol"}}`
	require.Equal(t, deletion, s.ask("DELETE", "/api/instruments?symbol=AAPL", ""))
	require.Equal(t, deletion, s.ask("POST", "/api/instruments/restore", `{"symbol":"AAPL"}`))
	require.Equal(t, `409 {"error":{"code":"schema_version","message":"the name of an instrument needs version 3 of the schema`+wayOut+`"instruments[0].name"}}`,
		s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL","name":"Apple"}]}`))
	require.Equal(t, `201 {"stored":1,"duplicates":0}`,
		s.ask("POST", "/api/ticks", `{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":1.5,"volume":2}]}`))
	require.Equal(t, `200 {"instruments":[{"symbol":"AAPL","name":"","deleted_at":null}]}`, s.ask("GET", "/api/instruments", ""))
}

// FuzzRestore: whatever comes in, the caller is told what is wrong with it, or
// that the database, which is closed here, does not answer.
func FuzzRestore(f *testing.F) {
	f.Add(`{"symbol":"AAPL"}`, "symbol=AAPL")
	f.Add(`{"symbol":"\u0000"}`, "symbol=%00&symbol=")
	f.Add(`{"symbol":1}`, "deleted=%zz;only")
	pool, err := pgxpool.New(f.Context(), "postgres://127.0.0.1:1/nowhere")
	require.NoError(f, err)
	pool.Close()
	handler := httpapi.New(httpapi.Dependencies{
		Store:   market.New(market.Config{Pool: pool, Log: slog.New(slog.DiscardHandler)}),
		Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
	})
	f.Fuzz(func(t *testing.T, body, query string) {
		for _, request := range []*http.Request{
			httptest.NewRequest(http.MethodPost, "/api/instruments/restore", strings.NewReader(body)),
			{Method: http.MethodDelete, URL: &url.URL{Path: "/api/instruments", RawQuery: query}, Header: http.Header{}, Body: http.NoBody},
			{Method: http.MethodGet, URL: &url.URL{Path: "/api/instruments", RawQuery: query}, Header: http.Header{}, Body: http.NoBody},
		} {
			answer := httptest.NewRecorder()
			documented(t, handler).ServeHTTP(answer, request)
			var told struct {
				Error struct{ Code, Message string }
			}
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
			require.NotEmpty(t, told.Error.Code)
			require.NotEmpty(t, told.Error.Message)
			if answer.Code != http.StatusServiceUnavailable {
				require.Equal(t, 4, answer.Code/100, "%s", answer.Body)
			}
		}
	})
}
