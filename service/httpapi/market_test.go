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

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

func TestPricesGoInAndComeOut(t *testing.T) {
	s := newSurface(t, "")
	steps := []struct{ name, method, path, body, want string }{
		{"instruments are registered", "POST", "/api/instruments",
			`{"instruments":[{"symbol":"AAPL","name":"Apple"},{"symbol":"MSFT"}]}`, `201 {"stored":2,"duplicates":0}`},
		{"and only once", "POST", "/api/instruments",
			`{"instruments":[{"symbol":"AAPL","name":"Apple"}]}`, `201 {"stored":0,"duplicates":1}`},
		{"ticks are stored", "POST", "/api/ticks",
			`{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00.123456Z","trade":17,"price":101.5,"volume":10},
			{"symbol":"AAPL","at":"2016-01-04T15:30:00+01:00","trade":18,"price":102.5,"volume":30}]}`,
			`201 {"stored":2,"duplicates":0}`},
		{"and only once too", "POST", "/api/ticks",
			`{"ticks":[{"symbol":"AAPL","at":"2016-01-04T14:30:00.123456789Z","trade":17,"price":101.5,"volume":10}]}`,
			`201 {"stored":0,"duplicates":1}`},
		{"bars are stored", "POST", "/api/bars",
			`{"bars":[{"symbol":"AAPL","day":"2016-01-04","open":1,"high":3,"low":0.5,"close":2,"volume":9}]}`,
			`201 {"stored":1,"duplicates":0}`},
		{"the latest price", "GET", "/api/prices/latest?symbol=AAPL", "",
			`200 {"symbol":"AAPL","price":101.5,"volume":10,"trade":17,"at":"2016-01-04T14:30:00.123456Z"}`},
		{"the prices, oldest first", "GET", "/api/prices?symbol=AAPL", "",
			`200 {"symbol":"AAPL","prices":[{"at":"2016-01-04T14:30:00Z","trade":18,"price":102.5,"volume":30},` +
				`{"at":"2016-01-04T14:30:00.123456Z","trade":17,"price":101.5,"volume":10}]}`},
		{"a span is half open", "GET", "/api/prices?symbol=AAPL&from=2016-01-04T14:30:00Z&to=2016-01-04T14:30:00.123456Z&limit=5", "",
			`200 {"symbol":"AAPL","prices":[{"at":"2016-01-04T14:30:00Z","trade":18,"price":102.5,"volume":30}]}`},
		{"no prices in the span", "GET", "/api/prices?symbol=MSFT", "", `200 {"symbol":"MSFT","prices":[]}`},
		{"the average", "GET", "/api/prices/vwap?symbol=AAPL", "",
			`200 {"symbol":"AAPL","vwap":102.25,"volume":40,"trades":2}`},
		{"the bars", "GET", "/api/bars?symbol=AAPL&from=2016-01-01&to=2017-01-01", "",
			`200 {"symbol":"AAPL","bars":[{"day":"2016-01-04","open":1,"high":3,"low":0.5,"close":2,"volume":9}]}`},
		{"no latest price", "GET", "/api/prices/latest?symbol=MSFT", "",
			`404 {"error":{"code":"no_prices","message":"the instrument has no prices there","field":"symbol"}}`},
		{"an unknown instrument", "GET", "/api/prices?symbol=NOPE", "",
			`404 {"error":{"code":"unknown_instrument","message":"unknown instrument NOPE","field":"symbol"}}`},
	}
	for _, step := range steps {
		require.Equal(t, step.want, s.ask(step.method, step.path, step.body), step.name)
	}
}

func TestEveryNewTickIsPublishedAndNoOther(t *testing.T) {
	s := newSurface(t, "")
	conn, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/ws", nil)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, answer.Body.Close())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))

	s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`)
	first := `{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":1.5,"volume":2}`
	second := `{"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":2,"price":2.5,"volume":2}`
	s.ask("POST", "/api/ticks", `{"ticks":[`+first+`]}`)
	s.ask("POST", "/api/ticks", `{"ticks":[`+first+`,`+second+`]}`)

	var trades []int64
	for len(trades) < 2 {
		var message struct {
			Type string      `json:"type"`
			Data stream.Tick `json:"data"`
		}
		require.NoError(t, conn.ReadJSON(&message))
		if message.Type == "market_data" {
			trades = append(trades, message.Data.Trade)
		}
	}
	require.Equal(t, []int64{1, 2}, trades)
}

func TestWhatIsWrongIsRefusedWithItsField(t *testing.T) {
	s := newSurface(t, "")
	s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`)
	tick := func(fields string) string { return `{"ticks":[{` + fields + `}]}` }
	tests := map[string]struct{ method, path, body, want string }{
		"an unknown field": {"POST", "/api/ticks", tick(`"symbol":"AAPL","prize":1`),
			`400 {"error":{"code":"unknown_field","message":"ticks[0].prize: is not known","field":"ticks[0].prize"}}`},
		"a field in another case": {"POST", "/api/ticks", tick(`"Symbol":"AAPL"`),
			`400 {"error":{"code":"unknown_field","message":"ticks[0].Symbol: is not known","field":"ticks[0].Symbol"}}`},
		"a field twice": {"POST", "/api/ticks", tick(`"trade":1,"trade":2`),
			`400 {"error":{"code":"duplicate_field","message":"ticks[0].trade: is given twice","field":"ticks[0].trade"}}`},
		"a price as text": {"POST", "/api/ticks", tick(`"price":"1"`),
			`400 {"error":{"code":"invalid_field","message":"ticks[0].price: must be a number","field":"ticks[0].price"}}`},
		"half a trade": {"POST", "/api/ticks", tick(`"trade":1.5`),
			`400 {"error":{"code":"invalid_field","message":"ticks[0].trade: must be a whole number","field":"ticks[0].trade"}}`},
		"a time in words": {"POST", "/api/ticks", tick(`"at":"noon"`),
			`400 {"error":{"code":"invalid_field","message":"ticks[0].at: must be a time such as 2016-01-04T14:30:00.123456Z","field":"ticks[0].at"}}`},
		"ticks that are no list": {"POST", "/api/ticks", `{"ticks":{}}`,
			`400 {"error":{"code":"invalid_field","message":"ticks: must be a list","field":"ticks"}}`},
		"a body that is no object": {"POST", "/api/ticks", `[]`,
			`400 {"error":{"code":"invalid_field","message":"the body: must be an object"}}`},
		"no body": {"POST", "/api/ticks", ``,
			`400 {"error":{"code":"malformed_json","message":"the body is not one JSON value: wrong at byte 0"}}`},
		"something after the value": {"POST", "/api/ticks", `{"ticks":[]} {}`,
			`400 {"error":{"code":"malformed_json","message":"the body is not one JSON value: wrong at byte 13"}}`},
		"no ticks": {"POST", "/api/ticks", `{"ticks":[]}`,
			`400 {"error":{"code":"invalid_field","message":"ticks: must not be empty","field":"ticks"}}`},
		"no trade number": {"POST", "/api/ticks", tick(`"symbol":"AAPL","at":"2016-01-04T14:30:00Z","price":1,"volume":1`),
			`400 {"error":{"code":"invalid_field","message":"ticks[0].trade: is missing","field":"ticks[0].trade"}}`},
		"a negative price": {"POST", "/api/ticks", tick(`"symbol":"AAPL","at":"2016-01-04T14:30:00Z","trade":1,"price":-1,"volume":1`),
			`400 {"error":{"code":"invalid_field","message":"ticks[0].price: must be positive","field":"ticks[0].price"}}`},
		"an unknown instrument": {"POST", "/api/ticks", tick(`"symbol":"NOPE","at":"2016-01-04T14:30:00Z","trade":1,"price":1,"volume":1`),
			`422 {"error":{"code":"unknown_instrument","message":"unknown instrument NOPE (register it with POST /api/instruments)","field":"ticks[0].symbol"}}`},
		"a day that is none": {"POST", "/api/bars", `{"bars":[{"symbol":"AAPL","day":"2016-02-30"}]}`,
			`400 {"error":{"code":"invalid_field","message":"bars[0].day: must be a day such as 2016-01-04","field":"bars[0].day"}}`},
		"a bar without low": {"POST", "/api/bars", `{"bars":[{"symbol":"AAPL","day":"2016-02-01","open":1,"high":1}]}`,
			`400 {"error":{"code":"invalid_field","message":"bars[0].low: is missing","field":"bars[0].low"}}`},
		"an unknown parameter": {"GET", "/api/prices?symbol=AAPL&form=x", "",
			`400 {"error":{"code":"unknown_field","message":"form: is not known","field":"form"}}`},
		"a parameter twice": {"GET", "/api/prices?symbol=AAPL&symbol=X", "",
			`400 {"error":{"code":"duplicate_field","message":"symbol: is given twice","field":"symbol"}}`},
		"no symbol": {"GET", "/api/prices", "",
			`400 {"error":{"code":"invalid_field","message":"symbol: is missing","field":"symbol"}}`},
		"a span that ends before it begins": {"GET", "/api/prices?symbol=AAPL&from=2016-01-02T00:00:00Z&to=2016-01-01T00:00:00Z", "",
			`400 {"error":{"code":"invalid_field","message":"to: must be after from","field":"to"}}`},
		"a time that is none": {"GET", "/api/prices/vwap?symbol=AAPL&from=yesterday", "",
			`400 {"error":{"code":"invalid_field","message":"from: must be a time such as 2016-01-04T14:30:00Z","field":"from"}}`},
		"a limit too large": {"GET", "/api/prices?symbol=AAPL&limit=10001", "",
			`400 {"error":{"code":"invalid_field","message":"limit: must be a whole number from 1 to 10000","field":"limit"}}`},
		"another method": {"DELETE", "/api/ticks", "",
			`405 {"error":{"code":"method_not_allowed","message":"this path takes POST"}}`},
		"another path": {"GET", "/api/nothing", "",
			`404 {"error":{"code":"not_found","message":"there is nothing at this path"}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, s.ask(test.method, test.path, test.body))
		})
	}
}

func TestABodyIsBounded(t *testing.T) {
	s := newSurface(t, "")
	require.Equal(t,
		`413 {"error":{"code":"body_too_large","message":"the body must have at most 8388608 bytes; send smaller batches"}}`,
		s.ask("POST", "/api/ticks", `{"ticks":[`+strings.Repeat(" ", 9<<20)+`]}`))
}

func TestWritingNeedsTheTokenAndReadingDoesNot(t *testing.T) {
	s := newSurface(t, "open sesame")
	body := `{"instruments":[{"symbol":"AAPL"}]}`
	refused := `401 {"error":{"code":"unauthorized","message":"this needs the header Authorization: Bearer TOKEN"}}`
	require.Equal(t, refused, s.ask("POST", "/api/instruments", body))
	require.Equal(t, refused, s.ask("POST", "/api/instruments", body, "Authorization", "Bearer open"))
	require.Equal(t, refused, s.ask("POST", "/api/instruments", body, "Authorization", "open sesame"))
	require.Equal(t, `201 {"stored":1,"duplicates":0}`,
		s.ask("POST", "/api/instruments", body, "Authorization", "Bearer open sesame"))
	require.Equal(t, `200 {"symbol":"AAPL","prices":[]}`, s.ask("GET", "/api/prices?symbol=AAPL", ""))
}

func TestAPageOfAnotherSiteMayNotWrite(t *testing.T) {
	s := newSurface(t, "")
	require.Equal(t, `403 {"error":{"code":"cross_site","message":"a page of another site may not write here"}}`,
		s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`, "Origin", "https://evil.example"))
}

func TestADatabaseThatIsGoneIsAFixedErrorWithoutItsWords(t *testing.T) {
	s := newSurface(t, "")
	s.pool.Close()
	got := s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"AAPL"}]}`)
	require.Equal(t, `503 {"error":{"code":"database_unavailable","message":"the database does not answer; `+
		`nothing is known to be stored, sending the same again is safe"}}`, got)
	require.Contains(t, s.log.String(), "closed pool", "the log has the driver's words")
}

func TestAPanicIsAFixedErrorAndInTheLog(t *testing.T) {
	var log strings.Builder
	handler := httpapi.New(httpapi.Dependencies{
		Store: nil, Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/prices?symbol=AAPL", nil))
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	require.JSONEq(t, `{"error":{"code":"internal_error","message":"the request could not be carried out; the service's log says why"}}`,
		answer.Body.String())
	require.Contains(t, log.String(), "request panicked")
}

// surface is the whole service but its process.
type surface struct {
	t    *testing.T
	url  string
	pool *pgxpool.Pool
	log  *strings.Builder
}

func newSurface(t *testing.T, token string) surface {
	t.Helper()
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), testdb.Migrated(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	var written strings.Builder
	log := slog.New(slog.NewTextHandler(&written, nil))
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{Pool: pool, Log: log}), Monitor: monitor.New(monitor.Config{}),
		Stream: stream.NewManager(stream.Config{}), Log: log, Token: token, History: history.New(history.Config{}),
	})))
	t.Cleanup(server.Close)
	return surface{t, server.URL, pool, &written}
}

// ask sends a request and returns status and body on one line.
func (s surface) ask(method, path, body string, headers ...string) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	var client http.Client
	answer, err := client.Do(request)
	require.NoError(s.t, err)
	defer answer.Body.Close()
	require.Equal(s.t, "application/json", answer.Header.Get("Content-Type"))
	content, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	return strings.Split(answer.Status, " ")[0] + " " + strings.TrimSuffix(string(content), "\n")
}
