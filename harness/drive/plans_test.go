package drive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestEveryQueryOfTheServiceHasAPlan(t *testing.T) {
	t.Parallel()
	s := released(t, 7)
	s.trades(t, 300)
	queries, err := drive.ServiceQueries(t.Context(), s.operator.Tool)
	require.NoError(t, err)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	planned, err := drive.PlanQueries(t.Context(), s.operator.DSN, queries, drive.Sample{
		Symbol: s.symbols[0], From: today.AddDate(0, 0, -1), To: today.AddDate(0, 0, 1), Limit: 100,
	})
	require.NoError(t, err)
	require.Len(t, planned, len(queries))
	for i, p := range planned {
		require.Equal(t, queries[i].Name, p.Name)
		require.NotEmpty(t, p.Plan.Shape(), p.Name)
		t.Logf("%s\n%s", p.Name, strings.Join(p.Plan.Lines(), "\n"))
		require.Equal(t, queries[i].Writes, p.Plan.Actual == nil, "%s: what reads is carried out, what writes is not", p.Name)
	}
}

func TestAProgramWithoutACatalogueIsToldFromOneThatFails(t *testing.T) {
	t.Parallel()
	program := func(script string) string {
		path := filepath.Join(t.TempDir(), "marketd")
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700))
		return path
	}
	tests := map[string]struct{ script, want string }{
		"older than the verb": {`echo 'marketd: unknown command "queries" for "marketd"' >&2; exit 2`, drive.ErrNoCatalogue.Error()},
		"broken":              {`echo 'marketd: no memory' >&2; exit 1`, "reading which queries there are: running marketd queries: it ended with exit code 1; last it said: marketd: no memory"},
		"no JSON":             {`echo hello`, "reading which queries there are: the catalogue is not JSON as agreed: invalid character 'h' looking for beginning of value"},
		"empty":               {`echo '{"queries":[]}'`, "reading which queries there are: the catalogue is empty"},
		"no text":             {`echo '{"queries":[{"name":"a"}]}'`, "reading which queries there are: queries[0] of the catalogue has no name or no sql"},
		"a name twice":        {`echo '{"queries":[{"name":"a","sql":"x"},{"name":"a","sql":"y"}]}'`, `reading which queries there are: queries[1] of the catalogue is called "a", like one before`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := drive.ServiceQueries(t.Context(), program(test.script))
			require.EqualError(t, err, test.want)
		})
	}
}

func TestWhatCannotBePlannedIsToldByItsName(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout)
	ask := func(q drive.ServiceQuery) error {
		q.Name = "a question"
		_, err := drive.PlanQueries(t.Context(), dsn, []drive.ServiceQuery{q}, drive.Sample{Symbol: "AAPL"})
		return err
	}
	require.NoError(t, ask(drive.ServiceQuery{SQL: "SELECT id FROM instruments WHERE symbol = $1", Parameters: []string{"symbol"}}))
	require.EqualError(t, ask(drive.ServiceQuery{SQL: "SELECT $1::int", Parameters: []string{"colour"}}),
		`asking for the plans of queries: a question: nobody knows what its parameter $1, "colour", means; `+
			"name it like one of the other queries, or teach the harness its meaning (Sample in harness/drive)")
	require.EqualError(t, ask(drive.ServiceQuery{SQL: "SELECT $1::int", Parameters: []string{"id"}}),
		"asking for the plans of queries: a question: instrument AAPL is not listed, and its plan would tell of nothing")
	require.EqualError(t, ask(drive.ServiceQuery{SQL: "SELECT colour FROM instruments"}),
		`asking for the plans of queries: a question: the server says: column "colour" does not exist (SQLSTATE 42703)`)
	require.EqualError(t, ask(drive.ServiceQuery{SQL: "SELECT 1", Settings: map[string]string{"no_such_setting": "on"}}),
		`asking for the plans of queries: a question: the server says: unrecognized configuration parameter "no_such_setting" (SQLSTATE 42704)`)
}

func TestFiguresOfPlansSeeWhatIsWrong(t *testing.T) {
	t.Parallel()
	const fill = "INSERT INTO ticks SELECT 1, now() - i * interval '1 second', i, 1, 1 FROM generate_series(1, 1000) i"
	question := drive.ServiceQuery{
		Name: "prices", Parameters: []string{"id"}, SQL: "SELECT price FROM ticks WHERE instrument_id = $1",
		Settings: map[string]string{"enable_bitmapscan": "off"},
	}
	figures := func(statements ...string) measure.Set {
		t.Helper()
		dsn, _ := database(t, append([]string{currentLayout, "INSERT INTO instruments (symbol) VALUES ('AAPL'), ('MSFT')"}, statements...)...)
		planned, err := drive.PlanQueries(t.Context(), dsn, []drive.ServiceQuery{question}, drive.Sample{Symbol: "AAPL"})
		require.NoError(t, err)
		seen, err := drive.PlanFigures(planned, []string{"prices"})
		require.NoError(t, err)
		return seen
	}
	const quiet, analyse = "ALTER TABLE ticks SET (autovacuum_enabled = off)", "ANALYZE ticks"
	// The table is so wide that the index is worth its while.
	const many = "INSERT INTO ticks SELECT 2, now(), i, 1, 1 FROM generate_series(1, 50000) i"

	good := figures(quiet, fill, many, analyse)
	require.Equal(t, &measure.Share{Hits: 0, Of: 1}, good["sequential scans (prices)"].Share)
	require.Less(t, good["rows estimated wrong by (prices)"].Amount.Value, 2.0)
	require.Zero(t, good["partitions read (prices)"].Amount.Value)

	bare := figures(quiet, fill, many, analyse, "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey")
	require.Equal(t, &measure.Share{Hits: 1, Of: 1}, bare["sequential scans (prices)"].Share, "the index is gone")

	stale := figures(quiet, many, analyse, fill)
	require.Greater(t, stale["rows estimated wrong by (prices)"].Amount.Value, 20.0, "the statistics know nothing of the instrument")

	divided := figures("DROP TABLE ticks", `CREATE TABLE ticks (instrument_id int, at timestamptz, trade bigint, price float8, volume float8) PARTITION BY RANGE (at);
		CREATE TABLE ticks_default PARTITION OF ticks DEFAULT;
		CREATE TABLE ticks_p20160104 PARTITION OF ticks FOR VALUES FROM ('2016-01-04 00:00+00') TO ('2016-01-05 00:00+00')`, fill)
	require.EqualValues(t, 2, divided["partitions read (prices)"].Amount.Value, "nothing in the question says which day")

	_, err := drive.PlanFigures(nil, []string{"prices"})
	require.EqualError(t, err, `reading the plans: the service has no query "prices" in its catalogue; it has 0 others`)
}

// pastOf is two days of prices of three instruments.
func pastOf() drive.Past {
	first := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	return drive.Past{
		Prices: market.NewTicks(1, market.Calibration{}, market.Symbols(3), first, 5*time.Minute).Take(576), First: first, Days: 2,
	}
}

func TestBarsSumTheirDayUp(t *testing.T) {
	at := time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC)
	tick := func(after time.Duration, price float64) market.Tick {
		return market.Tick{Symbol: "AAPL", At: at.Add(after), Price: price, Volume: 2}
	}
	bars := drive.Past{Prices: []market.Tick{tick(0, 5), tick(time.Minute, 9), tick(2*time.Minute, 3), tick(3*time.Minute, 4), tick(time.Hour, 7)}}.DailyBars()
	require.Equal(t, []market.Bar{
		{Symbol: "AAPL", Day: at.Truncate(24 * time.Hour), Open: 5, High: 9, Low: 3, Close: 4, Volume: 8},
		{Symbol: "AAPL", Day: at.Add(time.Hour), Open: 7, High: 7, Low: 7, Close: 7, Volume: 2},
	}, bars)
}

func TestATraderWhoAsksAboutThePastNoticesWrongAnswers(t *testing.T) {
	t.Parallel()
	s := released(t, 7)
	past := pastOf()
	require.NoError(t, s.operator.Remember(t.Context(), past))
	ask := func() measure.Set {
		t.Helper()
		seen, err := s.market.Inquire(t.Context(), drive.Inquiry{
			Past: past, From: past.First.AddDate(0, 0, 1), To: past.First.AddDate(0, 0, 2), Each: 6, Rate: 300,
		})
		require.NoError(t, err)
		return seen
	}
	seen := ask()
	require.Equal(t, &measure.Share{Hits: 0, Of: 30}, seen["answers that are wrong"].Share)
	for _, name := range drive.TraderQueries() {
		require.EqualValues(t, 6, seen["query ("+name+")"].Histogram.Count(), name)
	}
	execute(t, s.operator.DSN, "DELETE FROM ticks WHERE trade = (SELECT max(trade) FROM ticks)", "UPDATE bars SET close = high + 1, high = high + 1")
	require.GreaterOrEqual(t, ask()["answers that are wrong"].Share.Hits, int64(6+2), "all bars, and the instrument that lost a price")

	_, err := s.market.Inquire(t.Context(), drive.Inquiry{Past: past, Rate: 1})
	require.EqualError(t, err, "asking 0 questions about 576 prices, 1 a second: nothing would be asked")
}
