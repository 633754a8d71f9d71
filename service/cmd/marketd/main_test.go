package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// marketd runs one command line with an empty environment.
func marketd(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), program{&stdout, &stderr, func(string) string { return "" }}, args)
	return code, stdout.String(), stderr.String()
}

func TestTheWholeWayFromAnEmptyDatabaseToServingAndBack(t *testing.T) {
	dsn := testdb.Empty(t)
	code, _, complaint := marketd(t, "serve", "--listen", "127.0.0.1:0", "--database", dsn)
	require.Equal(t, exitFailed, code)
	require.Contains(t, complaint, "run `marketd migrate up` first")

	code, out, complaint := marketd(t, "migrate", "up", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "the database is at 00007; the newest is 00007")

	file := filepath.Join(t.TempDir(), "bars.csv")
	require.NoError(t, os.WriteFile(file, []byte(
		"Date,Open,High,Low,Close,Volume,Name\n2016-01-04,1,2,0.5,1.5,100,AAPL\n2016-01-05,,2,0.5,1.5,100,AAPL\n"), 0o600))
	code, out, complaint = marketd(t, "ingest", file, "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "skipped line 3: Open: is empty\nstored 1, duplicates 0, skipped 1\n", out)

	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		p := program{write, io.Discard, func(string) string { return "" }}
		ended <- run(ctx, p, []string{"serve", "--listen", "127.0.0.1:0", "--database", dsn})
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^marketd listening on http://127\.0\.0\.1:\d+\n$`, line)
	address := strings.TrimSuffix(strings.TrimPrefix(line, "marketd listening on "), "\n")
	var client http.Client
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/bars?symbol=AAPL", nil)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, answer.Body.Close())

	code, _, complaint = marketd(t, "serve", "--database", dsn, "--listen", strings.TrimPrefix(address, "http://"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, complaint, "the port is in use; stop what uses it or choose another with --listen")
	stop()
	require.Equal(t, exitDone, <-ended, "a stop that was asked for is no failure")

	code, out, complaint = marketd(t, "migrate", "down", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "the database is at 00006", "down takes one step")
	code, out, complaint = marketd(t, "migrate", "status", "--database", dsn)
	require.Equal(t, exitFailed, code, "a status that is behind is no success")
	require.Contains(t, out, "00007  monitoring     not applied")
	require.Contains(t, complaint, "it is at 00006, ")
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `insert into goose_db_version (version_id, is_applied) values (99, true)`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	for _, verb := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"migrate", "up"}, {"migrate", "down"}} {
		code, _, complaint := marketd(t, append(verb, "--database", dsn)...)
		require.Equal(t, exitFailed, code, verb)
		require.Contains(t, complaint, "the database is newer than this program", verb)
	}
}

func TestWrongInputEndsInOneClearLine(t *testing.T) {
	migrated := testdb.Migrated(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	require.NoError(t, closed.Close())
	missing, err := url.Parse(migrated)
	require.NoError(t, err)
	missing.Path = "/missing"

	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"no database": {
			[]string{"serve"}, exitUsage,
			"no database is named: want postgres://user:password@host:port/name in --database or DATABASE_URL",
		},
		"an address nobody can read": {
			[]string{"migrate", "up", "--database", "postgres://u:se cret@host:port/x"}, exitUsage,
			"the database's address cannot be read: want postgres://user:password@host:port/name in --database or DATABASE_URL",
		},
		"nobody at home": {
			[]string{"migrate", "status", "--database", "postgres://u:secret@" + nobody + "/x"}, exitFailed,
			`reaching database "x" at 127.0.0.1 port ` + nobody[len("127.0.0.1:"):] +
				` as user "u": nothing listens there; is Postgres running?`,
		},
		"a database that does not exist": {
			[]string{"migrate", "up", "--database", missing.String()}, exitFailed,
			"the database does not exist; create it first",
		},
		"a public address without a token": {
			[]string{"serve", "--database", migrated, "--listen", "0.0.0.0:0"}, exitUsage,
			"--listen 0.0.0.0:0: is open to others, and writing would be too; put a token into the environment's MARKETD_TOKEN, or listen on 127.0.0.1",
		},
		"privacy without a token": {
			[]string{"serve", "--database", migrated, "--private"}, exitUsage,
			"--private: needs a token; put one into the environment's MARKETD_TOKEN",
		},
		"an address without a port": {
			[]string{"serve", "--database", migrated, "--listen", "localhost"}, exitUsage,
			"--listen localhost: must be HOST:PORT, such as 127.0.0.1:8080",
		},
		"a file that is not there": {
			[]string{"ingest", "nowhere.csv", "--database", migrated}, exitFailed,
			"opening nowhere.csv: no such file or directory",
		},
		"a verb nobody knows": {[]string{"frobnicate"}, exitUsage, `unknown command "frobnicate" for "marketd"`},
		"migrate to nowhere":  {[]string{"migrate"}, exitUsage, "say what to do: marketd migrate up, down, to, status or verify"},
		"a version nobody knows": {
			[]string{"migrate", "up", "--to", "77", "--database", migrated}, exitFailed,
			"there is no migration 00077; the newest is 00007",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, _, complaint := marketd(t, test.args...)
			require.Equal(t, test.code, code, complaint)
			require.Contains(t, complaint, "marketd: ")
			require.Contains(t, complaint, test.want)
			require.NotContains(t, complaint, "secret")
			require.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
		})
	}
}

func TestAFileWithAnotherHeaderIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other.csv")
	require.NoError(t, os.WriteFile(file, []byte("a,b\n1,2\n"), 0o600))
	code, out, complaint := marketd(t, "ingest", file, "--database", testdb.Migrated(t))
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Equal(t, "marketd: ingesting "+file+
		": reading line 1: want the columns Date,Open,High,Low,Close,Volume,Name, found a,b\n", complaint)
}
