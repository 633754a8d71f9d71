package httpapi_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
	"github.com/signoff-dev/signoff/service/stream"
)

// past serves the history of a database; without one, of memory.
func past(t *testing.T, dsn string) *house {
	t.Helper()
	var config history.Config
	if dsn != "" {
		pool, err := history.OpenPool(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		config.Pool = pool
	}
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{}), Monitor: monitor.New(monitor.Config{}), Stream: stream.NewManager(stream.Config{}),
		History: history.New(config),
	})))
	t.Cleanup(server.Close)
	return &house{t: t, url: server.URL}
}

// archived makes a database with seconds of the last three minutes.
func archived(t *testing.T, from time.Time) string {
	t.Helper()
	dsn := testdb.Empty(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = replica.Prepare(t.Context(), conn.Config())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `insert into monitoring.history_seconds
		select $1::timestamptz + n * interval '1 second', jsonb_build_object('pool.utilisation', n / 256.0, 'locks.waiting', 1)
		from generate_series(0, 119) n where n not between 60 and 69`, from)
	require.NoError(t, err)
	return dsn
}

func TestTheHistoryIsAsked(t *testing.T) {
	from := time.Now().UTC().Truncate(time.Minute).Add(-3 * time.Minute)
	h := past(t, archived(t, from))
	at := func(seconds int) string { return from.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	span := "&from=" + at(0) + "&to=" + at(120)

	require.JSONEq(t, `{"from":"`+at(0)+`","to":"`+at(120)+`","step_ms":60000,"resolution_ms":1000,"source":"database","oldest":"`+at(0)+`","measures":[
		{"measure":"pool.utilisation","unit":"share","points":[
			{"at":"`+at(0)+`","least":0,"mean":0.115234375,"greatest":0.23046875,"count":60},
			{"at":"`+at(60)+`","least":0.2734375,"mean":0.369140625,"greatest":0.46484375,"count":50}]},
		{"measure":"locks.waiting","unit":"sessions","points":[
			{"at":"`+at(0)+`","least":1,"mean":1,"greatest":1,"count":60},
			{"at":"`+at(60)+`","least":1,"mean":1,"greatest":1,"count":50}]}]}`,
		h.ask("GET", "/api/history?step=1m&measure=pool.utilisation&measure=locks.waiting"+span, "", 200, "http/history"))
	text := h.ask("GET", "/api/history?step=10s&measure=pool.utilisation"+span, "", 200, "http/history")
	require.NotContains(t, text, at(60), "a gap is no point")
	require.Contains(t, text, at(70))
	text = h.ask("GET", "/api/history?measure=locks.waiting", "", 200, "http/history")
	require.Contains(t, text, `"step_ms":10000`, "an hour fits into 600 points then")
	require.Contains(t, h.ask("GET", "/api/history/measures", "", 200, "http/history_measures"), `{"measure":"pool.utilisation","unit":"share","says":"Connections in use,`)
}

func TestWithoutTablesTheHistoryIsThatOfMemory(t *testing.T) {
	for name, dsn := range map[string]string{"no database": "", "no tables": testdb.Empty(t)} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, past(t, dsn).ask("GET", "/api/history?measure=locks.waiting", "", 200, "http/history"),
				`"source":"memory","oldest":null,"measures":[{"measure":"locks.waiting","unit":"sessions","points":[]}]`)
		})
	}
}

func TestAWrongQuestionAboutTheHistoryIsRefusedWithItsField(t *testing.T) {
	h := past(t, archived(t, time.Now().UTC().Truncate(time.Minute).Add(-3*time.Minute)))
	const one = "measure=pool.wait_share"
	ago := func(d time.Duration) string {
		return "&from=" + url.QueryEscape(time.Now().Add(-d).Format(time.RFC3339))
	}
	many := one
	for _, m := range monitor.Measures()[1:12] {
		many += "&measure=" + m.Name
	}
	for name, test := range map[string]struct{ question, code, field, says string }{
		"no measure":             {"", "invalid_field", "measure", "is missing; GET /api/history/measures lists all"},
		"an unknown measure":     {"measure=pool.wait_shard", "invalid_field", "measure", `\"pool.wait_shard\" is not known; near it are pool.wait_share, pool.wait_ms,`},
		"a measure of no group":  {"measure=wait_share", "invalid_field", "measure", `near it are pool.wait_share; GET /api/history/measures lists all`},
		"a measure from nowhere": {"measure=weather", "invalid_field", "measure", `\"weather\" is not known; GET /api/history/measures lists all`},
		"a long measure":         {"measure=" + strings.Repeat("x", 9000), "invalid_field", "measure", `xxx\" is not known`},
		"the same measure twice": {one + "&" + one, "invalid_field", "measure", "pool.wait_share is given twice"},
		"too many measures":      {many, "invalid_field", "measure", "is given 12 times, and 10 is the most"},
		"no time":                {one + "&from=yesterday", "invalid_field", "from", "must be a time such as 2016-01-04T14:30:00Z"},
		"a year before our era":  {one + "&to=0000-01-01T00:00:00Z", "invalid_field", "to", "must be a time"},
		"from after to":          {one + "&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "invalid_field", "to", "must be after from"},
		"from is to":             {one + "&from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "invalid_field", "to", "must be after from"},
		"from the future":        {one + "&from=2199-01-01T00:00:00Z", "invalid_field", "from", "must be in the past"},
		"a step of nothing":      {one + "&step=0s", "invalid_field", "step", "must be whole seconds, minutes or hours, such as 10s, 5m or 1h"},
		"a negative step":        {one + "&step=-1m", "invalid_field", "step", "must be whole seconds"},
		"a step of a bit":        {one + "&step=1500ms", "invalid_field", "step", "must be whole seconds"},
		"a step that is none":    {one + "&step=often", "invalid_field", "step", "must be whole seconds"},
		"seconds of yesterday":   {one + "&step=10s" + ago(24*time.Hour), "invalid_field", "step", "is finer than what is kept from that long ago; 1m would do"},
		"minutes of last month":  {one + "&step=5m" + ago(720*time.Hour), "invalid_field", "step", "is finer than what is kept from that long ago; 1h would do"},
		"too many points":        {one + "&step=1s", "invalid_field", "step", "makes 3600 points of each measure, and 2000 is the most; 2s would do"},
		"an unknown parameter":   {one + "&limit=3", "unknown_field", "limit", "is not known"},
		"a step twice":           {one + "&step=1s&step=2s", "duplicate_field", "step", "is given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			text := h.ask("GET", "/api/history?"+test.question, "", 400, "http/error")
			require.Contains(t, text, `"code":"`+test.code+`"`)
			require.Contains(t, text, `"field":"`+test.field+`"`)
			require.Contains(t, text, test.says)
			require.Less(t, len(text), 700)
		})
	}
	h.t = t
	h.ask("GET", "/api/history/measures?x=1", "", 400, "http/error")
}

func TestTheHistoryOfADatabaseThatIsAwayIsRefusedWithinTwoSeconds(t *testing.T) {
	gone := archived(t, time.Now().Add(-time.Minute))
	away := past(t, gone)
	away.ask("GET", "/api/history?measure=locks.waiting", "", 200, "http/history")
	takeAway(t, gone)
	for name, h := range map[string]*house{
		"refuses": away, "is mute": past(t, testdb.Mute(t)), "is nowhere": past(t, "postgres://nobody@127.0.0.1:1/x?sslmode=disable"),
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			began := time.Now()
			text := h.ask("GET", "/api/history?measure=locks.waiting", "", 503, "http/error")
			require.Less(t, time.Since(began), 2*time.Second) // a second, and a busy machine
			require.Contains(t, text, `"code":"database_unavailable"`)
			require.NotContains(t, text, "marketd_test")
		})
	}
}
