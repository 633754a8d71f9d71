package environ_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// helper is another process that plays a run.
type helper struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  *strings.Builder
	temp    string
	dsn     string // of its database
	service int    // process number of its service
}

// startHelper starts a run on a choice of Postgres and waits until it is ready.
func startHelper(t testing.TB, choice string) *helper {
	h := &helper{temp: sharedTemp(t), stderr: &strings.Builder{}}
	h.command = exec.Command(self(t), "harness", choice, h.temp, runID(t)) //nolint:gosec // ourselves
	h.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.command.Stderr = h.stderr
	stdin, err := h.command.StdinPipe()
	require.NoError(t, err)
	h.stdin = stdin
	stdout, err := h.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.command.Start())
	t.Cleanup(func() { _ = h.command.Process.Kill() }) // ended long ago in a good test
	var lines []string
	for s := bufio.NewScanner(stdout); s.Scan(); {
		lines = append(lines, s.Text())
		if s.Text() == "ready" {
			break
		}
	}
	require.Len(t, lines, 3, h.stderr)
	h.dsn = lines[0]
	h.service, err = strconv.Atoi(lines[1])
	require.NoError(t, err)
	return h
}

// requireNothingLeft waits until all that the run made is gone.
func (h *helper) requireNothingLeft(t testing.TB) {
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(h.service, 0), syscall.ESRCH) },
		20*time.Second, 50*time.Millisecond, "the service must be gone")
	require.Eventually(t, func() bool {
		_, err := pgx.Connect(context.Background(), h.dsn)
		return err != nil
	}, 20*time.Second, 50*time.Millisecond, "the database must be gone")
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(h.temp)
		return err == nil && len(left) == 0
	}, 20*time.Second, 50*time.Millisecond, "the directory must be gone")
}

// The ways in which a run ends before its time.
func endings() map[string]func(h *helper) error {
	signal := func(s syscall.Signal) func(*helper) error {
		return func(h *helper) error { return h.command.Process.Signal(s) }
	}
	group := func(s syscall.Signal) func(*helper) error {
		return func(h *helper) error { return syscall.Kill(-h.command.Process.Pid, s) }
	}
	return map[string]func(h *helper) error{
		"SIGTERM":                      signal(syscall.SIGTERM),
		"SIGKILL":                      signal(syscall.SIGKILL),
		"SIGKILL of its whole group":   group(syscall.SIGKILL),
		"Ctrl-C, which a group gets":   group(syscall.SIGINT),
		"a panic in another goroutine": func(h *helper) error { _, err := io.WriteString(h.stdin, "panic\n"); return err },
	}
}

func TestNothingIsLeftBehindWhateverEndsARun(t *testing.T) {
	t.Parallel()
	needLocal(t)
	for name, end := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := startHelper(t, environ.Local)
			require.NoError(t, end(h))
			_ = h.command.Wait() // killed, as it should be
			h.requireNothingLeft(t)
		})
	}
}

func TestARunThatIsKilledWhileItStartsLeavesNothing(t *testing.T) {
	t.Parallel()
	needLocal(t)
	temp := sharedTemp(t)
	killWhen(t, "making a private cluster", environ.Local, temp, func() bool { return true })
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(temp)
		return err == nil && len(left) == 0
	}, 20*time.Second, 50*time.Millisecond)
}

func TestARunThatIsKilledWhileItsContainerStartsLeavesNothing(t *testing.T) {
	t.Parallel()
	needContainer(t)
	temp := sharedTemp(t)
	for _, ready := range []func() bool{
		func() bool { return true }, // the daemon may just be making it
		func() bool { return containers(t) != "" },
	} {
		killWhen(t, "starting a container", environ.Container, temp, ready)
		require.Eventually(t, func() bool { return containers(t) == "" }, 20*time.Second, 50*time.Millisecond)
	}
}

// killWhen starts a run and kills it when it has said something and is ready.
func killWhen(t testing.TB, says, choice, temp string, ready func() bool) {
	cmd := exec.Command(self(t), "harness", choice, temp, runID(t)) //nolint:gosec // ourselves
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for s := bufio.NewScanner(stderr); s.Scan() && !strings.Contains(s.Text(), says); {
	}
	require.Eventually(t, ready, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
}

func TestAKilledRunLeavesNoContainer(t *testing.T) {
	t.Parallel()
	needContainer(t)
	h := startHelper(t, environ.Container)
	require.NotEmpty(t, containers(t))
	require.NoError(t, h.command.Process.Kill())
	_ = h.command.Wait() // killed, as it should be
	h.requireNothingLeft(t)
	require.Eventually(t, func() bool { return containers(t) == "" }, 20*time.Second, 100*time.Millisecond)
}

func TestAKilledRunLeavesNoDatabaseOnAnExternalServer(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	h := startHelper(t, p.DSN(""))
	require.Contains(t, databases(t, p), "signoff_"+runID(t))
	require.NoError(t, h.command.Process.Kill())
	_ = h.command.Wait() // killed, as it should be
	h.requireNothingLeft(t)
	require.Equal(t, "postgres", databases(t, p))
}

// databases are the names of a server's databases, in order.
func databases(t testing.TB, p *environ.Postgres) string {
	conn, err := pgx.Connect(t.Context(), p.DSN(""))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var names string
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate").Scan(&names))
	return names
}

func TestTheJanitorCleansUpNothingAfterAFarewell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := `{"keep":{"kind":"directory","path":"` + dir + `"}}` + "\n"
	require.NoError(t, environ.Janitor(t.Context(), strings.NewReader(keep+`{"done":true}`+"\n")))
	require.DirExists(t, dir)
	require.NoError(t, environ.Janitor(t.Context(), strings.NewReader(
		keep+`{"forget":{"kind":"directory","path":"`+dir+`"}}`+"\nhalf a li")))
	require.DirExists(t, dir)
	require.NoError(t, environ.Janitor(t.Context(), strings.NewReader(keep)))
	require.NoDirExists(t, dir)
}

func TestTheJanitorLeavesAProcessThatGotTheNumberLater(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "300")
	require.NoError(t, cmd.Start())
	line := `{"keep":{"kind":"process","pid":` + strconv.Itoa(cmd.Process.Pid) + `,"born":"1","signal":9}}` + "\n"
	require.NoError(t, environ.Janitor(t.Context(), strings.NewReader(line)))
	require.NoError(t, cmd.Process.Signal(syscall.Signal(0)), "it must still run")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
}
