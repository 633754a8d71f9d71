package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/partition"
)

func TestPartitionsAreLookedAfterByHand(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), `insert into instruments (symbol, name) values ('AAPL', 'Apple');
		insert into ticks (instrument_id, at, trade, price, volume) select id, '2024-02-29 12:00+00', 1, 1, 1 from instruments`)
	require.NoError(t, err)

	code, out, complaint := marketd(t, "partitions", "status", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "1 row in the default partition")
	require.Contains(t, out, "rows wait in the default partition (marketd partitions repair)")
	code, out, complaint = marketd(t, "partitions", "repair", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "created ticks_p20240229\nmoved 1 row out of the default partitions\n", out)
	code, out, complaint = marketd(t, "partitions", "retain", "--keep-ticks", "400d", "--drop", "--dry-run", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "would detach ticks_p20240229\nwould drop ticks_p20240229 with its rows\n", out)
	code, out, complaint = marketd(t, "partitions", "retain", "--keep-ticks", "400d", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	var report partition.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Equal(t, []string{"ticks_kept_20240229"}, report.Detached)

	code, out, complaint = marketd(t, "partitions", "retain", "--keep-ticks", "400d", "--drop", "--dry-run", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.JSONEq(t, `{"would_detach": [], "would_drop": ["ticks_kept_20240229"], "skipped": ""}`, out)
	code, out, complaint = marketd(t, "partitions", "status", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	var status partition.Status
	require.NoError(t, json.Unmarshal([]byte(out), &status))
	require.Equal(t, []string{"ticks_kept_20240229"}, status.Tables[0].Kept)
	code, _, complaint = marketd(t, "migrate", "verify", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)

	_, err = conn.Exec(t.Context(), `select pg_advisory_lock(7306001)`)
	require.NoError(t, err)
	code, out, complaint = marketd(t, "partitions", "ensure", "--ahead", "9", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "skipped: a migration is under way\n", out)
}

func TestPartitionsExplainWhatTheyCannotDo(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), `create table ticks_p20300101 (cheese text)`)
	require.NoError(t, err)
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"no verb":       {nil, exitUsage, "say what to do: marketd partitions status, ensure, retain or repair"},
		"no period":     {[]string{"retain"}, exitUsage, "say how long to keep: --keep-ticks 90d, --keep-bars 10y, or both"},
		"a bad period":  {[]string{"retain", "--keep-ticks", "soon"}, exitUsage, `period "soon": want a number with d, m or y`},
		"a bad moment":  {[]string{"ensure", "--now", "noon"}, exitUsage, "--now noon: want a moment such as 2026-12-31T23:59:00Z"},
		"too far ahead": {[]string{"ensure", "--ahead", "100000"}, exitUsage, "--ahead 100000: must be from 1 to 1000"},
		"a table in the way": {
			[]string{"ensure", "--now", "2029-12-31T00:00:00Z"}, exitFailed,
			"adopting table ticks_p20300101, which has the name of a partition and is none: rename or drop it if it is not to be one: " +
				"its columns or constraints are not those of a partition",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, _, complaint := marketd(t, append(append([]string{"partitions"}, test.args...), "--database", dsn)...)
			require.Equal(t, test.code, code, complaint)
			require.Contains(t, complaint, test.want)
			require.NotContains(t, complaint, "SQLSTATE")
			require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
		})
	}
}
