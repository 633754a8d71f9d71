package drive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
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
