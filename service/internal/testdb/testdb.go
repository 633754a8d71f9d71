// Package testdb gives the tests of the service databases on a real Postgres:
// a private cluster for each test binary, gone when the binary is, or the
// server that SIGNOFF_TEST_DATABASE names.
//
// It exists because the service may not import the harness, which has
// providers of its own, and because a store that was never tried on Postgres
// was never tried. It refuses to know what is stored; only tests import it.
package testdb

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/migrate"
)

// Variable names the environment variable with the server to test on, as a
// postgres:// URL of a user who may create databases.
const Variable = "SIGNOFF_TEST_DATABASE"

// script runs a cluster until its standard input closes, which it does
// however the test binary ends.
const script = `
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$2/log" 2>&1 ||
	{ cat "$2/log" >&2; rm -rf "$2"; exit 1; }
"$1/postgres" -D "$2/data" -c listen_addresses= -c unix_socket_directories="$2" -c fsync=off \
	-c max_connections=200 >"$2/log" 2>&1 </dev/null &
server=$!
trap 'kill -INT $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$2"' EXIT
trap '' INT TERM
waits=0
until grep -q 'ready to accept connections' "$2/log"; do
	waits=$((waits + 1))
	if [ $waits -gt 600 ] || ! kill -0 $server 2>/dev/null; then
		cat "$2/log" >&2
		exit 1
	fi
	sleep 0.05
done
echo ready
read -r _ || true
`

// Main runs the tests with a server. Call it from TestMain and return:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
func Main(m *testing.M) {
	if server() != "" {
		m.Run()
		dropTemplate()
		return
	}
	programs, err := findPrograms()
	if err != nil {
		m.Run() // those tests that need a server say why they cannot run
		return
	}
	stop, err := start(programs)
	if err != nil {
		panic(fmt.Sprintf("starting a Postgres for the tests: %v", err))
	}
	defer stop()
	m.Run()
}

// Empty makes a database with nothing in it and returns its URL. It is
// dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	return copyOf(t, "template1")
}

// needServer returns the address of the server and skips the test if there is
// none.
func needServer(t testing.TB) string {
	t.Helper()
	if server := server(); server != "" {
		return server
	}
	_, err := findPrograms()
	if err == nil {
		t.Fatal("TestMain does not call testdb.Main")
	}
	t.Skipf("no Postgres to test on: %v, and %s is not set", err, Variable)
	return ""
}

func copyOf(t testing.TB, template string) string {
	t.Helper()
	server := needServer(t)
	name := "marketd_test_" + rand.Text()
	identifier := pgx.Identifier{name}.Sanitize()
	execute(t, server, "create database "+identifier+" template "+template)
	t.Cleanup(func() {
		execute(t, server, "drop database if exists "+identifier+" with (force)")
	})
	return address(t, name)
}

func address(t testing.TB, name string) string {
	t.Helper()
	address, err := url.Parse(needServer(t))
	if err != nil {
		t.Fatalf("%s is not a URL", Variable)
	}
	address.Path = "/" + name
	return address.String()
}

// Migrated makes a database at the newest migration and returns its URL. It
// is dropped when the test ends.
func Migrated(t testing.TB) string {
	t.Helper()
	return copyOf(t, template(t))
}

// template returns the name of a migrated database of this test binary, which
// is copied in a fraction of the time that the migrations take.
func template(t testing.TB) string {
	t.Helper()
	ctx := t.Context()
	name := fmt.Sprintf("marketd_template_%d", os.Getpid())
	conn, err := pgx.Connect(ctx, needServer(t))
	if err != nil {
		t.Fatalf("connecting to the test server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }() // and with it goes the lock
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(hashtext($1))`, name); err != nil {
		t.Fatalf("waiting for the template: %v", err)
	}
	var there bool // one that takes no connections is complete
	if err := conn.QueryRow(ctx, `
		select exists (select from pg_database where datname = $1 and not datallowconn)`, name).Scan(&there); err != nil {
		t.Fatalf("looking for the template: %v", err)
	}
	if there {
		return name
	}
	for _, statement := range []string{"drop database if exists %s with (force)", "create database %s"} {
		execute(t, needServer(t), fmt.Sprintf(statement, name))
	}
	migrateAll(t, name)
	execute(t, needServer(t), fmt.Sprintf("alter database %s with allow_connections false", name))
	return name
}

func migrateAll(t testing.TB, name string) {
	t.Helper()
	config, err := pgx.ParseConfig(address(t, name))
	if err != nil {
		t.Fatalf("reading the address of %s: %v", name, err)
	}
	migrator, err := migrate.Open(config, migrate.Options{})
	if err != nil {
		t.Fatalf("opening the migrations: %v", err)
	}
	defer func() { _ = migrator.Close() }() // what it did is committed
	if _, err := migrator.Up(t.Context(), migrator.Newest()); err != nil {
		t.Fatalf("migrating %s: %v", name, err)
	}
}

// dropTemplate drops what template made on a server that outlives the tests.
func dropTemplate() {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server())
	if err != nil {
		return // the server is gone, and the template with it
	}
	defer func() { _ = conn.Close(ctx) }() // the statement has its own answer
	_, _ = conn.Exec(ctx, fmt.Sprintf("drop database if exists marketd_template_%d with (force)", os.Getpid()))
}

func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connecting to the test server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }() // the statement has its own answer
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func server() string {
	return os.Getenv(Variable) //nolint:forbidigo // a test binary has no main of its own to read it
}

// findPrograms returns the directory with initdb and postgres.
func findPrograms() (string, error) {
	var places []string
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil {
			places = append(places, filepath.Dir(found))
		}
	}
	for _, usual := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin",
	} {
		found, _ := filepath.Glob(usual) // the pattern is ours and well formed
		slices.Reverse(found)
		places = append(places, found...)
	}
	for _, place := range places {
		if _, err := os.Stat(filepath.Join(place, "postgres")); err == nil {
			return place, nil
		}
	}
	return "", errors.New("initdb and postgres are neither on PATH nor in the usual places")
}

// start runs a private cluster and puts its URL into the environment.
func start(programs string) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "marketd-test-")
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(context.Background(), "/bin/sh", "-c", script, "sh", programs, dir)
	command.Dir = dir
	// Ctrl-C goes to the tests; the cluster ends with them.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := dropPrivileges(command, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	hold, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if line, _ := bufio.NewReader(said).ReadString('\n'); line != "ready\n" {
		return nil, errors.Join(command.Wait(), errors.New(complaint.String()), os.RemoveAll(dir))
	}
	stop = func() {
		_ = hold.Close() // the script then ends the server
		_ = command.Wait()
	}
	return stop, os.Setenv(Variable, "postgres://postgres@/postgres?host="+url.QueryEscape(dir))
}

// dropPrivileges makes the command run as another user if we are root, for
// Postgres will not run as root.
func dropPrivileges(command *exec.Cmd, dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(account.Uid)
		gid, errGID := strconv.Atoi(account.Gid)
		if err := errors.Join(errUID, errGID); err != nil {
			return fmt.Errorf("reading the ids of user %s: %w", name, err)
		}
		command.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(dir, uid, gid)
	}
	return errors.New("we are root and there is neither a user postgres nor nobody to run as")
}
