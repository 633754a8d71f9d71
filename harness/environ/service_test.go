package environ_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// service starts the fake with a behaviour.
func service(t testing.TB, behaviour string) (*environ.Service, error) {
	return environ.StartService(t.Context(), environ.ServiceOptions{
		Path: self(t), DSN: "postgres://user:secret@127.0.0.1/" + behaviour,
		Ready: 2 * time.Second, Grace: 200 * time.Millisecond,
	})
}

func TestAServiceServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	s, err := service(t, "well")
	require.NoError(t, err)
	response, err := http.Get(s.URL() + "/api/health/live")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	select {
	case <-s.Exited():
		require.Fail(t, "it must still run")
	default:
	}
	require.NoError(t, s.Stop(t.Context()))
	<-s.Exited()
	require.NoError(t, s.Stop(t.Context()), "stopping again says the same")
	require.Contains(t, s.LogTail(), "serving")
	requireGone(t, s.PID())
}

func TestAServiceThatDoesNotGetReadySaysWhy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ behaviour, want string }{
		"it dies at once":        {"dies", "it ended with exit code 1; last it said: serving: the schema is not the newest; run marketd migrate up"},
		"it never says a word":   {"mute", "it was not ready within 2s; last it said: nothing"},
		"it says something else": {"babbles", `its first line is "hello"`},
		"it is never healthy":    {"sick", "it was not ready within 2s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := service(t, test.behaviour)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAServiceThatDoesNotEndIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	s, err := service(t, "stubborn")
	require.NoError(t, err)
	_, after, found := strings.Cut(s.LogTail(), "child ")
	require.True(t, found, s.LogTail())
	child, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	require.ErrorContains(t, s.Stop(t.Context()), "did not end within 200ms of SIGTERM and was killed")
	requireGone(t, s.PID())
	requireGone(t, child)
}

func TestAServiceThatEndsBadlySaysSo(t *testing.T) {
	t.Parallel()
	s, err := service(t, "sulks")
	require.NoError(t, err)
	require.ErrorContains(t, s.Stop(t.Context()), "exit code 1; last it said: not all writes were drained")
}

func TestAServiceThatIsKilledOnPurposeIsNoError(t *testing.T) {
	t.Parallel()
	s, err := service(t, "well")
	require.NoError(t, err)
	require.NoError(t, s.Kill())
	<-s.Exited()
	require.NoError(t, s.Stop(t.Context()))
}

func TestAServiceThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	_, err := environ.StartService(t.Context(), environ.ServiceOptions{Path: filepath.Join(t.TempDir(), "marketd")})
	require.ErrorContains(t, err, "there is no such program")
}

func TestACommandReturnsItsOutputOrItsLastWords(t *testing.T) {
	t.Parallel()
	out, err := environ.Command(t.Context(), self(t), "postgres://user:secret@h/d", "migrate", "status")
	require.NoError(t, err)
	require.Equal(t, "version 1\n", out)

	_, err = environ.Command(t.Context(), self(t), "postgres://user:secret@h/d", "migrate", "up")
	require.ErrorContains(t, err, "migrate up: it ended with exit code 3; last it said: migrating: step 00002 needs more room")
	require.NotContains(t, err.Error(), "secret")

	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("the scenario's time is over"))
	defer cancel()
	_, err = environ.Command(ctx, self(t), "", "migrate", "hang")
	require.ErrorContains(t, err, "migrate hang: the scenario's time is over")
}

// requireGone waits until a process is no more; a child that nobody waited for
// would stay as a zombie.
func requireGone(t testing.TB, pid int) {
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) },
		5*time.Second, 10*time.Millisecond, "process %d must be gone", pid)
}
