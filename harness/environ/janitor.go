package environ

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// janitorPatience bounds the removal of one thing.
const janitorPatience = 20 * time.Second

// Janitor reads from the run that started it what there is to clean up. When
// the stream ends without a farewell (the run was killed), it stops and
// removes all of that, newest first. It is meant to be a process of its own:
// it ignores the signals that end a run.
func Janitor(ctx context.Context, in io.Reader) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	var kept []item
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			continue // half a line: the run died while writing it
		}
		switch {
		case m.Done:
			return nil
		case m.Keep != nil:
			kept = append(kept, *m.Keep)
		case m.Forget != nil:
			kept = slices.DeleteFunc(kept, func(it item) bool { return it == *m.Forget })
		}
	}
	var errs []error
	for _, it := range slices.Backward(kept) {
		bounded, cancel := context.WithTimeout(ctx, janitorPatience)
		errs = append(errs, it.remove(bounded))
		cancel()
	}
	return errors.Join(errs...)
}

// remove makes sure that the thing is gone; one that is gone already is fine.
func (it item) remove(ctx context.Context) error {
	switch it.Kind {
	case keptProcess:
		return it.endProcess(ctx)
	case keptDirectory:
		// A server may have been started there that we never heard of. Others
		// who still write there, such as initdb, end without it.
		for _, p := range usersOf(it.Path) {
			_ = item{PID: p.pid, Born: p.born, Signal: int(syscall.SIGQUIT)}.endProcess(ctx) // the removal fails then
		}
		return repeat(ctx, 10*time.Second, func() (bool, error) {
			err := os.RemoveAll(it.Path)
			return err == nil, err
		})
	case keptContainer:
		return sweepContainer(ctx, it.Host, it.Name)
	case keptDatabase:
		return it.dropDatabase(ctx)
	case keptFile:
		return it.removeFile()
	case keptMemory:
		return it.removeMemory()
	}
	return fmt.Errorf("cleaning up: there is no kind %q", it.Kind)
}

// endProcess signals the process, kills it with all below it when that does
// not end it, and then kills what is left of its group.
func (it item) endProcess(ctx context.Context) error {
	if !it.alive() {
		return nil
	}
	_ = syscall.Kill(it.PID, syscall.Signal(it.Signal)) // may just have ended
	_ = syscall.Kill(it.PID, syscall.SIGCONT)           // a halted one hears nothing else
	err := repeat(ctx, 5*time.Second, func() (bool, error) {
		if it.alive() {
			return false, errors.New("still running")
		}
		return true, nil
	})
	if err != nil {
		err = killFamily(ctx, it.PID)
	}
	_ = syscall.Kill(-it.PID, syscall.SIGKILL) // there may be no group
	return err
}

// alive reports whether the very process that was registered still runs.
func (it item) alive() bool {
	if syscall.Kill(it.PID, 0) == syscall.ESRCH {
		return false
	}
	found, _ := readProcess(it.PID)
	return found.born == it.Born && !found.ended()
}

func (it item) dropDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, it.DSN)
	if err != nil {
		return nil // the server is gone, and the database with it
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(it.Name)+" WITH (FORCE)")
	return err
}
