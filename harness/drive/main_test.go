package drive_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// TestMain lets this binary play the janitor of its server and the tool of an
// operator; otherwise it runs the tests.
func TestMain(m *testing.M) {
	plays := map[string]func() error{
		"janitor":    func() error { return environ.Janitor(context.Background(), os.Stdin) },
		"migrate":    tool,
		"ingest":     tool,
		"partitions": tool,
	}
	if len(os.Args) > 1 && plays[os.Args[1]] != nil {
		if err := plays[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	_ = flag.Set("test.parallel", "3") // they wait more than they work; an argument of go test goes before this
	code := m.Run()
	if program.path != "" {
		_ = os.RemoveAll(filepath.Dir(program.path))
	}
	if err := server.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// tool plays the operator's tool: what it does is a function that the test put
// into the database. It is given the first two words, and finds them all in
// the setting tool.words. Asked for JSON, it tells first that it begins.
func tool() error {
	if strings.Join(os.Args[1:], " ") == "migrate status --json" {
		fmt.Println(`{"version":2,"newest":2,"running":null,"migrations":[{"version":1,"name":"baseline"},{"version":2,"name":"everything"}]}`)
		return nil
	}
	conn, err := pgx.Connect(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	var answer string
	if _, err := conn.Exec(context.Background(), "SELECT set_config('tool.words', $1, false)", strings.Join(os.Args[1:], " ")); err != nil {
		return err
	}
	if slices.Contains(os.Args, "--json") && os.Args[1] == "migrate" {
		fmt.Println(`{"event":"begin","version":2,"up":true,"statement":1,"of":1,"title":"everything"}`)
	}
	if err := conn.QueryRow(context.Background(), "SELECT tool($1)", strings.Join(os.Args[1:3], " ")).Scan(&answer); err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}

// server is the one Postgres of this test binary, made when it is first needed.
var server shared //nolint:gochecknoglobals // one server for all tests, put away by TestMain

type shared struct {
	once     sync.Once
	postgres *environ.Postgres
	why      string // there is none
	err      error
	made     atomic.Int64
}

func (s *shared) start() {
	ctx := context.Background()
	found, err := environ.Survey(ctx, environ.Options{Choice: environ.Local})
	if err != nil {
		s.err = err
		return
	}
	for _, o := range found {
		if o.Name == environ.Local && !o.Usable {
			s.why = o.Why
			return
		}
	}
	self, err := os.Executable()
	if err != nil {
		s.err = err
		return
	}
	s.postgres, s.err = environ.Start(ctx, environ.Options{
		Choice: environ.Local, RunID: fmt.Sprintf("drive%d", os.Getpid()), JanitorCommand: []string{self, "janitor"},
	})
}

func (s *shared) stop() error {
	if s.postgres == nil {
		return nil
	}
	return s.postgres.Stop(context.Background())
}

// Layouts of the two schemas, as far as the drivers read and write them.
const (
	baselineLayout = `CREATE TABLE market_data (id bigserial PRIMARY KEY, kind varchar(8) NOT NULL, symbol varchar(20) NOT NULL,
		at timestamptz NOT NULL, trade bigint NOT NULL DEFAULT 0, open numeric(20,8), high numeric(20,8), low numeric(20,8),
		close numeric(20,8) NOT NULL, volume numeric(20,8) NOT NULL);
		CREATE INDEX by_symbol ON market_data (symbol, at)`
	currentLayout = `CREATE TABLE instruments (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, symbol text NOT NULL UNIQUE, name text NOT NULL DEFAULT '');
		CREATE TABLE ticks (instrument_id integer NOT NULL REFERENCES instruments, at timestamptz NOT NULL, trade bigint NOT NULL,
			price float8 NOT NULL, volume float8 NOT NULL, PRIMARY KEY (instrument_id, at, trade));
		CREATE TABLE bars (instrument_id integer NOT NULL REFERENCES instruments, day date NOT NULL, open float8 NOT NULL, high float8 NOT NULL,
			low float8 NOT NULL, close float8 NOT NULL, volume float8 NOT NULL, PRIMARY KEY (instrument_id, day))`
)

// database makes a database of the test's own and carries statements out in it.
// Without server binaries the test is skipped.
func database(t *testing.T, statements ...string) (dsn, name string) {
	t.Helper()
	server.once.Do(server.start)
	require.NoError(t, server.err)
	if server.postgres == nil {
		t.Skipf("no local Postgres: %s", server.why)
	}
	short := fmt.Sprintf("t%d", server.made.Add(1))
	dsn, err := server.postgres.CreateDatabase(t.Context(), short, "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.postgres.DropDatabase(context.Background(), short)) })
	execute(t, dsn, statements...)
	return dsn, short
}

func execute(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
}

// self is the path of this binary, which plays the operator's tool.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}
