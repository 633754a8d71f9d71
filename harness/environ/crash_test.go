package environ_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/signoff-dev/signoff/harness/environ"
)

func TestALocalServerComesBackFromEveryCrashWithWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	needLocal(t)
	o := options(t, environ.Local)
	o.TempDir = sharedTemp(t)
	p := start(t, o)
	checkCrashes(t, p, 6, func(pids []int) bool { return !slices.ContainsFunc(pids, lives) })
	memory := memoryOf(t, show(t, p, "data_directory"))
	require.True(t, memoryThere(memory))
	require.NoError(t, p.Stop(context.Background()))
	require.False(t, memoryThere(memory), "shared memory must be free")
	left, err := os.ReadDir(o.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAContainerComesBackFromEveryCrashWithWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	needContainer(t)
	p := start(t, options(t, environ.Container))
	checkCrashes(t, p, 2, func([]int) bool {
		out, err := exec.Command("docker", "ps", "--quiet", "--filter", "name=signoff-"+runID(t)).Output() //nolint:gosec // a number
		return err == nil && len(out) == 0
	})
	require.NoError(t, p.Stop(context.Background()))
	require.Empty(t, containers(t))
}

// checkCrashes crashes a server, again and again, while four clients write,
// and looks each time for the rows whose commit was acknowledged.
func checkCrashes(t *testing.T, p *environ.Postgres, cycles int, gone func(pids []int) bool) {
	facts, before := p.Facts(), p.DSN("")
	dsn, err := p.CreateDatabase(t.Context(), "kept", "")
	require.NoError(t, err)
	execute(t, dsn, "CREATE TABLE kept (writer int, n int, PRIMARY KEY (writer, n))")
	acknowledged := make([]int, 4) // the last number of each writer
	var crashes, restarts []time.Duration
	for cycle := range cycles {
		target := slices.Max(acknowledged) + 20
		ended := make(chan error, len(acknowledged))
		enough := make(chan struct{}, len(acknowledged))
		for writer := range acknowledged {
			go func() { ended <- write(dsn, writer, &acknowledged[writer], target, enough) }()
		}
		select {
		case <-enough:
		case err := <-ended:
			require.NoError(t, err, "a client must be able to write")
		}
		pids := serverProcesses(t, p)
		began := time.Now()
		require.NoError(t, p.Crash(t.Context()), "cycle %d", cycle)
		crashes = append(crashes, time.Since(began))
		require.True(t, gone(pids), "no process of the server may be left")
		for range acknowledged {
			require.Error(t, <-ended, "a client must lose its connection")
		}
		_, err := p.CreateDatabase(t.Context(), "none", "")
		require.ErrorContains(t, err, "the server is down: it was crashed and not yet restarted")

		began = time.Now()
		require.NoError(t, p.Restart(t.Context()), "cycle %d", cycle)
		restarts = append(restarts, time.Since(began))
		require.Equal(t, before, p.DSN(""), "the address stays")
		require.Equal(t, facts, p.Facts())
		require.Equal(t, "on", show(t, p, "fsync"))
		for writer, last := range acknowledged {
			rows, highest := kept(t, dsn, writer)
			require.GreaterOrEqual(t, rows, last, "cycle %d: writer %d was told that %d rows are kept", cycle, writer, last)
			require.Equal(t, rows, highest, "cycle %d: rows of writer %d are missing or strange", cycle, writer)
			acknowledged[writer] = highest // a commit may be kept and not acknowledged
		}
	}
	_, err = p.CreateDatabase(t.Context(), "copy", "kept")
	require.NoError(t, err)
	slices.Sort(crashes)
	slices.Sort(restarts)
	t.Logf("%s, %d cycles: crash %v (median) to %v, restart %v to %v", facts.Provider, cycles,
		crashes[cycles/2].Round(time.Millisecond), crashes[cycles-1].Round(time.Millisecond),
		restarts[cycles/2].Round(time.Millisecond), restarts[cycles-1].Round(time.Millisecond))
}

// write inserts rows, a transaction each, until the connection breaks, and says
// so when it has come far enough.
func write(dsn string, writer int, acknowledged *int, target int, enough chan<- struct{}) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for {
		if _, err := conn.Exec(ctx, "INSERT INTO kept VALUES ($1, $2)", writer, *acknowledged+1); err != nil {
			return err
		}
		if *acknowledged++; *acknowledged == target {
			enough <- struct{}{}
		}
	}
}

// serverProcesses are the numbers of the processes of a server, as it sees them.
func serverProcesses(t testing.TB, p *environ.Postgres) []int {
	conn, err := pgx.Connect(t.Context(), p.DSN(""))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "SELECT pid FROM pg_stat_activity")
	require.NoError(t, err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Greater(t, len(pids), 8, "four writers and those that every server has")
	return pids
}

// lives reports whether a process runs; one that ended may wait to be reaped.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func kept(t testing.TB, dsn string, writer int) (rows, highest int) {
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT count(*), coalesce(max(n), 0) FROM kept WHERE writer = $1", writer).Scan(&rows, &highest))
	return rows, highest
}

func TestCrashAndRestartInTheWrongStateSaySo(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	data := show(t, p, "data_directory")
	require.EqualError(t, p.Restart(t.Context()), "restarting Postgres: it was not crashed")
	require.NoError(t, p.Crash(t.Context()))
	require.EqualError(t, p.Crash(t.Context()), "crashing Postgres: it is down already; restart it first")
	memory := memoryOf(t, data)
	require.True(t, memoryThere(memory), "a real crash leaves it")
	require.NoError(t, p.Stop(context.Background()), "a server that is down can be stopped")
	require.False(t, memoryThere(memory), "shared memory must be free")
	require.EqualError(t, p.Restart(t.Context()), "restarting Postgres: it is stopped")
	require.EqualError(t, p.Crash(t.Context()), "crashing Postgres: it is stopped")
}

func TestAnExternalServerIsNeitherCrashedNorDoubled(t *testing.T) {
	t.Parallel()
	needLocal(t)
	theirs := start(t, options(t, environ.Local))
	p := start(t, options(t, theirs.DSN("")))
	for doing, err := range map[string]error{
		"crashing":   p.Crash(t.Context()),
		"restarting": p.Restart(t.Context()),
		"starting another": func() error {
			_, err := p.Another(t.Context())
			return err
		}(),
	} {
		require.ErrorContains(t, err, doing+" Postgres: the server at 127.0.0.1:")
		require.ErrorContains(t, err, "is external: it is somebody else's")
		require.ErrorContains(t, err, "choose --postgres container, local or embedded")
	}
	require.Equal(t, "on", show(t, p, "fsync"), "it still serves")
}

func TestAServerThatComesBackOtherwiseIsAnError(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	run(t, p, "ALTER SYSTEM SET commit_delay = 10")
	require.NoError(t, p.Crash(t.Context()))
	require.ErrorContains(t, p.Restart(t.Context()), "it came back with other settings: commit_delay=10 (it was 0)")
}

func TestARestartThatFailsCanBeRepeated(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	control := filepath.Join(show(t, p, "data_directory"), "global", "pg_control")
	require.NoError(t, p.Crash(t.Context()))
	require.NoError(t, os.Rename(control, control+".away"))
	require.ErrorContains(t, p.Restart(t.Context()), "pg_control")
	require.ErrorContains(t, p.Crash(t.Context()), "it is down already")
	require.NoError(t, os.Rename(control+".away", control))
	require.NoError(t, p.Restart(t.Context()))
	require.Equal(t, "on", show(t, p, "fsync"))
}

func TestAServerThatEndedByItselfIsNotCrashed(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	pids := processesOf(show(t, p, "data_directory"))
	require.Len(t, pids, 1)
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGINT))
	requireGone(t, pids[0])
	require.ErrorContains(t, p.Crash(t.Context()), "it has ended by itself")
}

func TestAnotherServerSharesNothingWithTheFirst(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T) environ.Options{
		environ.Local:     func(t *testing.T) environ.Options { needLocal(t); return options(t, environ.Local) },
		environ.Container: func(t *testing.T) environ.Options { needContainer(t); return options(t, environ.Container) },
		environ.Embedded: func(t *testing.T) environ.Options {
			jar := ownBinaries(t)
			o, _ := embeddedOptions(t, newRepository(t, jar, checksum(jar)))
			return o
		},
	}
	for provider, choose := range tests {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			o := choose(t)
			o.TempDir = sharedTemp(t)
			began := time.Now()
			first := start(t, o)
			took := time.Since(began)
			began = time.Now()
			second, err := first.Another(t.Context())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, second.Stop(context.Background())) })
			t.Logf("%s: the first took %v, another %v", provider, took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
			require.Equal(t, first.Facts().Settings, second.Facts().Settings)
			require.Equal(t, first.Facts().Version, second.Facts().Version)
			require.Equal(t, first.Facts().ImageDigest, second.Facts().ImageDigest)
			require.NotEqual(t, first.DSN(""), second.DSN(""))

			require.NoError(t, first.Crash(t.Context()))
			checkServer(t, second, provider)
			require.NoError(t, first.Restart(t.Context()))
			require.NoError(t, first.Stop(context.Background()))
			require.NoError(t, second.Crash(t.Context()))
			require.NoError(t, second.Restart(t.Context()), "it needs nothing of the first")
			_, err = first.Another(t.Context())
			require.EqualError(t, err, "starting another Postgres: the first is stopped")
			require.NoError(t, second.Stop(context.Background()))
			left, err := os.ReadDir(o.TempDir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// memoryOf is the number of the shared memory of a server of ours.
func memoryOf(t testing.TB, data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	require.NoError(t, err)
	id, err := strconv.Atoi(strings.Fields(strings.Split(string(text), "\n")[6])[1])
	require.NoError(t, err)
	return id
}

func memoryThere(id int) bool {
	var about unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &about)
	return !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EIDRM)
}

func show(t testing.TB, p *environ.Postgres, setting string) string {
	conn, err := pgx.Connect(t.Context(), p.DSN(""))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&value))
	return value
}

func execute(t testing.TB, dsn, statement string) {
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}
