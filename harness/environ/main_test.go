package environ_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// TestMain lets this binary play the other processes that the tests need: its
// first argument says which.
func TestMain(m *testing.M) {
	plays := map[string]func() error{
		"janitor": func() error { return environ.Janitor(context.Background(), os.Stdin) },
		"harness": harness,
		"serve":   fakeService,
		"migrate": fakeMigration,
		"pull":    pull,
		"crasher": crasher,
		"task":    fakeTask,
		"boss":    boss,
	}
	if len(os.Args) > 1 {
		if play, ok := plays[os.Args[1]]; ok {
			if err := play(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(3)
			}
			os.Exit(0)
		}
	}
	_ = flag.Set("test.parallel", "4") // they wait more than they work; an argument of go test goes before this
	os.Exit(m.Run())
}

// self is the path of this test binary.
func self(t testing.TB) string {
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// options are those of a private cluster with a janitor.
func options(t testing.TB, choice string) environ.Options {
	return environ.Options{
		Choice:         choice,
		RunID:          runID(t),
		JanitorCommand: []string{self(t), "janitor"},
		Progress:       func(line string) { t.Log(line) },
	}
}

// runID names what a test of this process makes, and its helpers: no other
// test that runs beside it finds that.
func runID(t testing.TB) string {
	return fmt.Sprintf("test%dt%08x", os.Getpid(), crc32.ChecksumIEEE([]byte(t.Name())))
}

// start provides a server for one test.
func start(t testing.TB, o environ.Options) *environ.Postgres {
	p, err := environ.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	return p
}

// needLocal skips a test on a machine without Postgres binaries.
func needLocal(t testing.TB) {
	options, err := environ.Survey(t.Context(), environ.Options{Choice: environ.Local})
	require.NoError(t, err)
	for _, o := range options {
		if o.Name == environ.Local && !o.Usable {
			t.Skipf("no local Postgres: %s", o.Why)
		}
	}
}

// harness plays a run that starts a server, a database and a service, says
// where they are, and waits to be killed, or panics, as its arguments say.
func harness() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	me, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := environ.Start(ctx, environ.Options{
		Choice: os.Args[2], RunID: os.Args[4], TempDir: os.Args[3],
		JanitorCommand: []string{me, "janitor"},
		Progress:       func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	defer func() { _ = p.Stop(context.Background()) }()
	dsn, err := p.CreateDatabase(ctx, "scenario", "")
	if err != nil {
		return err
	}
	s, err := environ.StartService(ctx, environ.ServiceOptions{Path: me, DSN: dsn, Guard: p})
	if err != nil {
		return err
	}
	defer func() { _ = s.Stop(context.Background()) }()
	fmt.Println(dsn)
	fmt.Println(s.PID())
	fmt.Println("ready")
	go func() {
		if word, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			panic("a bug in a goroutine: " + strings.TrimSpace(word))
		}
	}()
	<-ctx.Done()
	return nil
}

// fakeService plays marketd serve; its database's name says how it behaves.
func fakeService() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	behaviour := filepath.Base(os.Getenv("DATABASE_URL"))
	switch behaviour {
	case "dies":
		fmt.Fprintln(os.Stderr, `{"level":"INFO","msg":"opening the database"}`)
		fmt.Fprintln(os.Stderr, `{"level":"ERROR","msg":"serving","error":"the schema is not the newest; run marketd migrate up"}`)
		os.Exit(1)
	case "mute":
		<-ctx.Done()
		return nil
	case "babbles":
		fmt.Println("hello")
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		ctx = context.Background()
		child := exec.Command("sleep", "300")
		if err := child.Start(); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "child", child.Process.Pid)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("marketd listening on http://%s\n", l.Addr())
	fmt.Fprintln(os.Stderr, "serving")
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if behaviour == "sick" || r.URL.Path != "/api/health/live" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if behaviour == "sulks" {
		fmt.Fprintln(os.Stderr, "not all writes were drained")
		os.Exit(1)
	}
	return nil
}

// fakeMigration plays marketd migrate.
func fakeMigration() error {
	if os.Args[2] == "status" {
		fmt.Println("version 1")
		return nil
	}
	if os.Args[2] == "hang" {
		fmt.Println("waiting")
		<-make(chan struct{})
	}
	return errors.New(`{"level":"ERROR","msg":"migrating","error":"step 00002 needs more room"}`)
}
