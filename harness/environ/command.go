package environ

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tailSize is how much of what a process prints is kept, in bytes.
const tailSize = 16 << 10

// Command runs a short-lived program on a database, such as marketd migrate up,
// to its end and returns what it printed on standard output. The connection
// string goes into its DATABASE_URL, not onto its command line, which every
// user of the machine can read. The error carries the exit
// code and the last line of standard error. Cancelling ctx kills the program
// and all that it started.
func Command(ctx context.Context, path, dsn string, args ...string) (string, error) {
	var stdout bytes.Buffer
	stderr := newTail(nil)
	cmd := groupCommand(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	cmd.Env = append(cmd.Environ(), "DATABASE_URL="+dsn)
	err := cmd.Start()
	if err != nil {
		return "", startError(path, err)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return stdout.String(), fmt.Errorf("running %s: %w", spoken(path, args), context.Cause(ctx))
	}
	if err != nil {
		return stdout.String(), fmt.Errorf("running %s: it ended with %s; last it said: %s",
			spoken(path, args), endState(cmd.ProcessState), stderr.last())
	}
	return stdout.String(), nil
}

// groupCommand is a command that leads a process group, so that Ctrl-C reaches
// it through us only, and whose whole group dies when ctx is cancelled.
func groupCommand(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A grandchild that keeps the output open must not keep us waiting.
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// spoken is a command without its flags: one of them may hold a password.
func spoken(path string, args []string) string {
	words := []string{baseName(path)}
	for _, a := range args {
		if strings.HasPrefix(a, "-") || strings.Contains(a, "://") {
			break
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

func startError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("starting %s: there is no such program; build it first (make build) or name another", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("starting %s: it may not be executed", path)
	}
	return fmt.Errorf("starting %s: %w", path, err)
}

func endState(state *os.ProcessState) string {
	if state == nil {
		return "an unknown state"
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("signal %v", status.Signal())
	}
	return fmt.Sprintf("exit code %d", state.ExitCode())
}

func baseName(path string) string { return filepath.Base(path) }

// tail passes bytes on and keeps the last of them.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	kept []byte
}

func newTail(to io.Writer) *tail { return &tail{to: to} }

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*tailSize {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-tailSize:]...)
	}
	if t.to != nil {
		_, _ = t.to.Write(b) // a full log must not stop the service
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) <= tailSize {
		return string(t.kept)
	}
	return string(t.kept[len(t.kept)-tailSize:])
}

// last is the last line, in words: of a structured one, message and error.
func (t *tail) last() string {
	line := lastLine([]byte(t.String()))
	if line == "" {
		return "nothing"
	}
	var entry struct{ Msg, Error, Err string }
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" {
		return line
	}
	if detail := entry.Error + entry.Err; detail != "" {
		return entry.Msg + ": " + detail
	}
	return entry.Msg
}

// firstLine hands over the first line and passes on what follows it.
type firstLine struct {
	line chan string // of capacity 1
	rest io.Writer
	head []byte
	done bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	if f.done {
		return f.rest.Write(b)
	}
	f.head = append(f.head, b...)
	before, after, found := bytes.Cut(f.head, []byte("\n"))
	if !found && len(f.head) < tailSize {
		return len(b), nil
	}
	f.done = true
	f.line <- strings.TrimSpace(string(before))
	_, err := f.rest.Write(after)
	return len(b), err
}
