package environ_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

const secretDSN = "postgres://user:secret@h/d"

func TestATaskTellsItsLinesAndHowItEnded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		behaviour string
		lines     []string
		want      string // of the error; empty for none
	}{
		"all went well":                   {"fine", []string{"one " + secretDSN, "", "three"}, ""},
		"its last words are on stderr":    {"refuses", []string{"one"}, "task refuses: it ended with exit code 3; last it said: migrating: a row has no place"},
		"its last words are on stdout":    {"sulks", []string{"one", `a "reason"`}, `task sulks: it ended with exit code 1; last it said: a "reason"`},
		"it says nothing at all":          {"mute", nil, "it ended with exit code 1; last it said: nothing"},
		"its last line has no end":        {"halfway", []string{"one", "half"}, ""},
		"a line is longer than is useful": {"long", []string{strings.Repeat("x", 64<<10), "next"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task, err := environ.Begin(t.Context(), self(t), secretDSN, nil, "task", test.behaviour)
			require.NoError(t, err)
			var lines []string
			for line := range task.Lines() {
				lines = append(lines, line)
			}
			require.Equal(t, test.lines, lines)
			err = task.Wait()
			require.Equal(t, err, task.Wait(), "waiting again says the same")
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestATaskIsNotHeldUpByAReaderWhoDoesNotCome(t *testing.T) {
	t.Parallel()
	task, err := environ.Begin(t.Context(), self(t), secretDSN, nil, "task", "talks")
	require.NoError(t, err)
	require.NoError(t, task.Wait())
	require.EqualValues(t, 100_000-4096, task.Missed())
	require.Equal(t, strconv.Itoa(100_000-4096), <-task.Lines(), "the newest are kept")
}

func TestATaskIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	ways := map[string]struct {
		end  func(*environ.Task) error
		want string
	}{
		"by Kill":          {(*environ.Task).Kill, "it ended with signal killed"},
		"with its context": {func(*environ.Task) error { cancel(errors.New("the scenario is over")); return nil }, "the scenario is over"},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			task, err := environ.Begin(ctx, self(t), secretDSN, nil, "task", "stays")
			require.NoError(t, err)
			child, err := strconv.Atoi(<-task.Lines())
			require.NoError(t, err)
			require.NoError(t, way.end(task))
			require.ErrorContains(t, task.Wait(), way.want)
			require.NoError(t, task.Kill(), "killing again does nothing")
			requireGone(t, task.PID())
			requireGone(t, child)
			_, open := <-task.Lines()
			require.False(t, open)
		})
		ctx, cancel = context.WithCancelCause(t.Context())
	}
	cancel(nil)
}

func TestATaskThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	_, err := environ.Begin(t.Context(), "/nowhere/marketd", secretDSN, nil, "migrate")
	require.ErrorContains(t, err, "starting /nowhere/marketd: there is no such program")
}

func TestAKilledRunLeavesNoTask(t *testing.T) {
	t.Parallel()
	needLocal(t)
	cmd := exec.Command(self(t), "boss", sharedTemp(t), runID(t)) //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // ended long ago in a good test
	var task, child int
	_, err = fmt.Fscan(out, &task, &child)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(task, 0))
	require.NoError(t, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, out)
	require.Error(t, cmd.Wait())
	requireGone(t, task)
	requireGone(t, child)
}
