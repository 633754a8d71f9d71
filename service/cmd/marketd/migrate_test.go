package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
)

func TestTheCourseOfAMigrationIsToldToPeople(t *testing.T) {
	dsn := testdb.Empty(t)
	code, out, progress := marketd(t, "migrate", "up", "--to", "2", "--database", dsn)
	require.Equal(t, exitDone, code, progress)
	require.Regexp(t, `^up   00001 baseline +\d+ ms\nup   00002 lean_indexes +\d+ ms\n`+
		`made schema monitoring, where several marketd on this database meet\nthe database is at 00002; the newest is 0000\d\n$`, out)
	require.Contains(t, progress, "up 00002 lean_indexes\n")
	require.Regexp(t, `(?m)^ +1/\d+ +\d+ ms  \S`, progress)
	require.NotContains(t, progress, "\r", "not a terminal")

	_, out, progress = marketd(t, "migrate", "up", "--to", "1", "--database", dsn)
	require.Contains(t, out, "nothing to do: the database is at 00002")
	require.Empty(t, progress)
	code, out, progress = marketd(t, "migrate", "to", "1", "--database", dsn)
	require.Equal(t, exitDone, code, progress)
	require.Regexp(t, `^down 00002 lean_indexes +\d+ ms\nthe database is at 00001`, out)
}

func TestTheCourseOfAMigrationIsToldToPrograms(t *testing.T) {
	dsn := testdb.Empty(t)
	code, out, complaint := marketd(t, "migrate", "up", "--to", "2", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Empty(t, complaint)
	lines := objects(t, out)
	require.Equal(t, "begin", lines[0]["event"])
	require.Equal(t, map[string]any{"event": "done", "version": 2., "newest": lines[len(lines)-1]["newest"]}, lines[len(lines)-1])
	require.Equal(t, map[string]any{"event": "monitoring"}, lines[len(lines)-2])
	step := lines[len(lines)-3]
	require.Contains(t, step, "took_ms")
	delete(step, "took_ms")
	require.Equal(t, map[string]any{"event": "step", "version": 2., "name": "lean_indexes", "up": true}, step)

	execute(t, dsn, `insert into market_data (kind, symbol, at, close, volume) values ('quote', 'A', now(), 1, 1)`)
	code, out, complaint = marketd(t, "migrate", "up", "--json", "--database", dsn)
	require.Equal(t, exitFailed, code)
	require.Contains(t, complaint, "marketd: migration 00003 refused: 1 rows")
	lines = objects(t, out)
	last := lines[len(lines)-1]
	require.Equal(t, "refused", last["event"])
	require.Equal(t, 3., last["version"])
	require.Contains(t, last["reason"], "is neither tick nor bar")
}

func TestADryRunTellsWhatWouldBeDoneAndDoesNothing(t *testing.T) {
	dsn := testdb.Empty(t)
	code, out, complaint := marketd(t, "migrate", "up", "--to", "2", "--dry-run", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "-- up 00001 baseline: ")
	require.Contains(t, out, "-- Locks: market_data SHARE\n")
	require.Contains(t, out, "-- Blocking: ")
	require.Contains(t, out, "create table")
	require.True(t, strings.HasSuffix(out, "-- Nothing was done: leave out --dry-run to do it.\n"), out)

	code, out, complaint = marketd(t, "migrate", "up", "--to", "2", "--dry-run", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	lines := objects(t, out)
	require.Equal(t, "plan", lines[0]["event"])
	require.Contains(t, lines[0], "sql")
	require.Contains(t, lines[0], "blocking")

	_, out, _ = marketd(t, "migrate", "verify", "--json", "--database", dsn)
	require.Contains(t, out, `"version":0,`)
	_, out, _ = marketd(t, "migrate", "down", "--dry-run", "--database", dsn)
	require.Equal(t, "-- There is nothing to do.\n", out)
}

func TestStatusAndVerifyChangeNothing(t *testing.T) {
	dsn := testdb.Empty(t)
	code, out, _ := marketd(t, "migrate", "status", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, "what is behind can be read")
	require.Contains(t, out, `{"version":0,"newest":`)
	require.Contains(t, out, `"running":null,"under_way":false,"migrations":[{"version":1,"name":"baseline","applied":null}`)
	code, out, complaint := marketd(t, "migrate", "verify", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "recorded     nothing; the newest is ")
	require.Contains(t, out, "all is well")
	require.Equal(t, "0", ask(t, dsn, `select count(*)::text from pg_class where relnamespace = 'public'::regnamespace`))
}

func TestADatabaseThatIsNotAsItShouldBeIsExplainedAndLeftAlone(t *testing.T) {
	tests := map[string]struct {
		to        string
		by        string
		complaint string
		report    []string
	}{
		"foreign tables of our names": {
			by:        `create table ticks (n int)`,
			complaint: "marketd: the database is not one that marketd made: there is a table ticks of user ",
			report:    []string{"differences  there is a table ticks of user ", "way out      name another database, or move "},
		},
		"half a migration made by hand": {
			to: "3", by: `alter table ticks alter column price type double precision`,
			complaint: "marketd: the schema was changed by hand: ticks.price is double precision, version 3 has numeric(20,8); " +
				"nothing was done; take these changes back by hand; `marketd migrate verify` lists what is left\n",
			report: []string{"tables       are those of no version", "differences  ticks.price is double precision, version 3 has numeric(20,8)"},
		},
		"a step that nobody recorded": {
			to: "2", by: `delete from goose_db_version where version_id = 2`,
			complaint: "a step was done and not recorded; nothing was done; " +
				"record it: insert into goose_db_version (version_id, is_applied) values (2, true)\n",
			report: []string{"recorded     version 00001; ", "tables       are those of version 00002"},
		},
		"a newer version": {
			to: "2", by: `insert into goose_db_version (version_id, is_applied) values (99, true)`,
			complaint: "the database is newer than this program; use the marketd that knows version 99, or let that one run `marketd migrate down --to ",
			report:    []string{"way out      use the marketd that knows version 99"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dsn := testdb.Empty(t)
			if test.to != "" {
				code, _, complaint := marketd(t, "migrate", "up", "--to", test.to, "--database", dsn)
				require.Equal(t, exitDone, code, complaint)
			}
			execute(t, dsn, test.by)
			for _, verb := range [][]string{{"up"}, {"down"}, {"to", "1"}, {"up", "--dry-run"}} {
				code, out, complaint := marketd(t, append(append([]string{"migrate"}, verb...), "--database", dsn)...)
				require.Equal(t, exitFailed, code, verb)
				require.Empty(t, out, verb)
				require.Contains(t, complaint, test.complaint, verb)
				require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
			}
			code, out, complaint := marketd(t, "migrate", "verify", "--database", dsn)
			require.Equal(t, exitFailed, code)
			require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
			for _, line := range test.report {
				require.Contains(t, out, line)
			}
			code, out, _ = marketd(t, "migrate", "verify", "--json", "--database", dsn)
			require.Equal(t, exitFailed, code)
			require.Len(t, objects(t, out), 1)
		})
	}
}

func TestAWrongVersionIsAUsageError(t *testing.T) {
	for _, args := range [][]string{{"up", "--to", "-1"}, {"down", "--to", "-1"}, {"to", "x"}, {"to", "-3"}, {"to"}, {"up", "3"}} {
		code, _, complaint := marketd(t, append([]string{"migrate"}, args...)...)
		require.Equal(t, exitUsage, code, args)
		require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
	}
}

func TestTheHelpDoesNotShowThePassword(t *testing.T) {
	var out bytes.Buffer
	p := program{&out, &out, func(string) string { return "postgres://u:secret@h/d" }}
	for _, verb := range [][]string{{"migrate", "up", "--help"}, {"serve", "--help"}} {
		require.Equal(t, exitDone, run(t.Context(), p, verb))
	}
	require.Contains(t, out.String(), "--database")
	require.NotContains(t, out.String(), "secret")
}

func TestAnOlderSchemaIsServed(t *testing.T) {
	dsn := testdb.Empty(t)
	code, _, complaint := marketd(t, "migrate", "up", "--to", "4", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	server := start(t, build(t), "serve", "--listen", "127.0.0.1:0", "--database", dsn)
	line, err := bufio.NewReader(server.out).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "marketd listening on")
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	require.NoError(t, server.Wait())
	require.Regexp(t, `"msg":"the schema is not the newest; it is served as it is","version":4,"newest":\d`, server.complaint.String())
}

func TestAStoppedMigrationSaysHowItGoesOnAndDoes(t *testing.T) {
	binary := build(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dsn := testdb.Empty(t)
			code, _, complaint := marketd(t, "migrate", "up", "--to", "2", "--database", dsn)
			require.Equal(t, exitDone, code, complaint)
			execute(t, dsn, `insert into market_data (kind, symbol, at, trade, close, volume)
				select 'tick', 'A', '2026-01-01', n, 1, 1 from generate_series(1, 100000) n`)

			migration := start(t, binary, "migrate", "up", "--to", "3", "--json", "--database", dsn)
			lines := bufio.NewScanner(migration.out)
			for lines.Scan() && !strings.Contains(lines.Text(), `"event":"progress"`) {
			}
			require.NoError(t, migration.Process.Signal(signal))
			var last string
			for lines.Scan() {
				last = lines.Text()
			}
			var ended *exec.ExitError
			require.ErrorAs(t, migration.Wait(), &ended)
			require.Equal(t, exitFailed, ended.ExitCode())
			require.Regexp(t, `^marketd: interrupted in step 00003 instruments \(up\), statement \d of \d+: `+
				`what it had not committed was rolled back; nothing is lost, and the same command goes on from here\n$`, migration.complaint.String())
			require.Contains(t, last, `"event":"refused"`)

			require.Eventually(t, func() bool { // the server notices a moment later that its client has gone
				return ask(t, dsn, `select count(*)::text from pg_locks where locktype = 'advisory'
					and database = (select oid from pg_database where datname = current_database())`) == "0"
			}, 10*time.Second, 10*time.Millisecond)
			code, out, _ := marketd(t, "migrate", "verify", "--database", dsn)
			require.Equal(t, exitFailed, code)
			require.Regexp(t, `not done     step 00003 \(up\) was interrupted at statement \d, begun .*: nothing is lost; `+
				"`marketd migrate up` or `marketd migrate down` finishes that step first", out)

			code, _, complaint = marketd(t, "migrate", "up", "--to", "3", "--database", dsn)
			require.Equal(t, exitDone, code, complaint)
			require.Equal(t, "100000", ask(t, dsn, `select count(*)::text from ticks`))
			code, out, complaint = marketd(t, "migrate", "verify", "--database", dsn)
			require.Equal(t, exitDone, code, out+complaint)
		})
	}
}

// process is a marketd that runs beside the test.
type process struct {
	*exec.Cmd
	out       *os.File
	complaint *bytes.Buffer
}

// build makes the program as users have it.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "marketd")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// start runs the program; it is killed with the test at the latest.
func start(t *testing.T, binary string, args ...string) process {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	p := process{Cmd: exec.CommandContext(t.Context(), binary, args...), out: read, complaint: &bytes.Buffer{}}
	p.Stdout, p.Stderr, p.WaitDelay = write, p.complaint, 10*time.Second
	require.NoError(t, p.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() { _ = read.Close() })
	return p
}

func objects(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one), line)
		all = append(all, one)
	}
	require.NotEmpty(t, all)
	return all
}

func execute(t *testing.T, dsn, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func ask(t *testing.T, dsn, query string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&answer))
	require.NoError(t, conn.Close(t.Context()))
	return answer
}
