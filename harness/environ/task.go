package environ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

const (
	// taskLines is how many lines of a task wait for their reader.
	taskLines = 4096
	// taskLine is the longest line that is kept whole, in bytes.
	taskLine = 64 << 10
)

// Task is a program of the system under test that runs beside us, such as
// marketd migrate up while marketd serves.
type Task struct {
	name    string
	command *exec.Cmd
	lines   *lines
	stderr  *tail
	exited  chan struct{}
	err     error // valid once exited is closed
}

// Begin starts a program and lets it run. Like [Command], it puts the
// connection string into the program's DATABASE_URL. Cancelling ctx kills the
// program and all that it started; so does the janitor of the guard when this
// process is killed, and nobody does where the guard is nil. The caller ends it
// with Wait or Kill.
func Begin(ctx context.Context, path, dsn string, guard *Postgres, args ...string) (*Task, error) {
	t := &Task{
		name:   spoken(path, args),
		lines:  &lines{queue: make(chan string, taskLines)},
		stderr: newTail(nil),
		exited: make(chan struct{}),
	}
	t.command = groupCommand(ctx, path, args...)
	t.command.Stdout, t.command.Stderr = t.lines, t.stderr
	t.command.Env = append(t.command.Environ(), "DATABASE_URL="+dsn)
	if err := t.command.Start(); err != nil {
		return nil, startError(path, err)
	}
	release := func() {}
	var guardErr error
	if guard != nil {
		release, guardErr = guard.keeper.keepProcess(t.PID(), syscall.SIGKILL)
	}
	go func() { // ends with the process, which Wait and Kill wait for
		err := t.command.Wait()
		t.lines.close()
		t.err = t.verdict(ctx, err)
		if guardErr == nil {
			release()
		}
		close(t.exited)
	}()
	if guardErr != nil {
		return nil, errors.Join(guardErr, t.Kill())
	}
	return t, nil
}

// PID is the process number of the program.
func (t *Task) PID() int { return t.command.Process.Pid }

// Lines are those that the program prints on its standard output, without
// their ends; the channel is closed once there are no more. The program is
// never made to wait for its reader: of a reader who falls more than 4,096
// lines behind, the oldest are thrown away, and Missed counts them. A line of
// more than 64 KiB is cut there.
func (t *Task) Lines() <-chan string { return t.lines.queue }

// Missed is how many lines were thrown away because nobody read them in time.
func (t *Task) Missed() int64 {
	t.lines.mu.Lock()
	defer t.lines.mu.Unlock()
	return t.lines.missed
}

// Wait waits until the program has ended. It returns nil for exit code 0, and
// otherwise an error with the exit code, or the signal, and the last line that
// the program printed on standard error (on standard output when there is
// none). It may be called more than once.
func (t *Task) Wait() error {
	<-t.exited
	return t.err
}

// Kill ends the program the hard way, with all that it started, and waits for
// it. Wait then says that it was killed, unless it had ended before.
func (t *Task) Kill() error {
	err := syscall.Kill(-t.PID(), syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing %s: %w", t.name, err)
	}
	<-t.exited
	return nil
}

// verdict says how the program ended.
func (t *Task) verdict(ctx context.Context, err error) error {
	state := t.command.ProcessState
	switch {
	case state != nil && state.Success():
		return nil // a grandchild may still hold the output open
	case ctx.Err() != nil:
		return fmt.Errorf("running %s: %w", t.name, context.Cause(ctx))
	case state == nil:
		return fmt.Errorf("running %s: %w", t.name, err)
	}
	last := t.stderr.last()
	if last == "nothing" && t.lines.last != "" {
		last = t.lines.last
	}
	return fmt.Errorf("running %s: it ended with %s; last it said: %s", t.name, endState(state), last)
}

// lines cuts what is written into lines and keeps the newest for a reader. It
// has one writer.
type lines struct {
	queue chan string
	part  []byte // of a line that has no end yet
	last  string

	mu     sync.Mutex
	missed int64
}

func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte("\n"))
		l.part = append(l.part, line[:min(len(line), taskLine-len(l.part))]...)
		if !found {
			return n, nil
		}
		l.hand()
		b = rest
	}
}

// hand gives the line to the reader; where there is no room, the oldest goes.
func (l *lines) hand() {
	line := strings.TrimSuffix(string(l.part), "\r")
	l.part = l.part[:0]
	if strings.TrimSpace(line) != "" {
		l.last = line
	}
	for {
		select {
		case l.queue <- line:
			return
		default:
		}
		select {
		case <-l.queue:
			l.mu.Lock()
			l.missed++
			l.mu.Unlock()
		default: // the reader took one meanwhile
		}
	}
}

// close hands over a last line without an end; nothing is written afterwards.
func (l *lines) close() {
	if len(l.part) > 0 {
		l.hand()
	}
	close(l.queue)
}
