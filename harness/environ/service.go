package environ

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// greeting precedes the address in the first line that a service prints.
const greeting = " listening on "

// ServiceOptions says which service to start and on what.
type ServiceOptions struct {
	// Path is the program; it is called with serve --listen 127.0.0.1:0 and
	// the further arguments.
	Path string
	// DSN is the connection string of its database; the program finds it in
	// the variable DATABASE_URL.
	DSN string
	// Args are further arguments.
	Args []string
	// Env are further variables, NAME=value, beside our own environment.
	Env []string
	// Log receives what the service prints; nil keeps only the tail.
	Log io.Writer
	// Ready bounds the time until it serves; zero means 20 s.
	Ready time.Duration
	// Grace is the time that Stop gives it to end by itself; zero means 10 s.
	Grace time.Duration
	// Guard is the server whose janitor ends the service as well when this
	// process is killed; nil means that nobody does.
	Guard *Postgres
}

// Service is a running system under test, a process with a group of its own.
type Service struct {
	name    string
	url     string
	command *exec.Cmd
	tail    *tail
	exited  chan struct{}
	grace   time.Duration
	release func() // of the janitor's list

	ending sync.Once
	endErr error
}

// StartService starts the service and waits until it says where it listens and
// answers there. One that ends first yields an error with its exit code and
// last log line; one that never gets ready is ended.
func StartService(ctx context.Context, o ServiceOptions) (*Service, error) {
	if o.Ready == 0 {
		o.Ready = 20 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	s := &Service{name: baseName(o.Path), tail: newTail(o.Log), exited: make(chan struct{}), grace: o.Grace}
	first := &firstLine{line: make(chan string, 1), rest: s.tail}
	args := append([]string{"serve", "--listen", "127.0.0.1:0"}, o.Args...)
	s.command = groupCommand(context.WithoutCancel(ctx), o.Path, args...)
	s.command.Stdout, s.command.Stderr = first, s.tail
	// Every user of the machine can read a command line; the address may hold
	// a password.
	s.command.Env = append(append(s.command.Environ(), "DATABASE_URL="+o.DSN), o.Env...)
	if err := s.command.Start(); err != nil {
		return nil, startError(o.Path, err)
	}
	go func() { // ends with the process, which Stop and Kill wait for
		_ = s.command.Wait() // the state is kept by the command
		close(s.exited)
	}()
	if err := s.register(o.Guard); err != nil {
		return nil, errors.Join(err, s.Kill())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Ready, fmt.Errorf("it was not ready within %v", o.Ready))
	defer cancel()
	if err := s.awaken(ctx, first.line); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", s.name, err), s.Kill())
	}
	return s, nil
}

// URL is where the service serves, such as http://127.0.0.1:40123.
func (s *Service) URL() string { return s.url }

// PID is the process number of the service.
func (s *Service) PID() int { return s.command.Process.Pid }

// LogTail returns the last lines that the service printed.
func (s *Service) LogTail() string { return s.tail.String() }

// Exited is closed once the process has ended, for whatever reason.
func (s *Service) Exited() <-chan struct{} { return s.exited }

// Stop asks the service to end and waits; one that does not is killed, with
// all that it started. The error says when it had to be, or when the service
// ended with an exit code other than 0. After Kill there is nothing to say.
func (s *Service) Stop(ctx context.Context) error {
	s.ending.Do(func() { s.endErr = s.stop(ctx) })
	return s.endErr
}

// Kill ends the service the hard way, as a power cut would, and waits.
func (s *Service) Kill() error {
	s.ending.Do(func() { s.finish() })
	return s.endErr
}

func (s *Service) stop(ctx context.Context) error {
	defer s.finish()
	_ = s.command.Process.Signal(syscall.SIGTERM) // may have ended already
	patience := time.NewTimer(s.grace)
	defer patience.Stop()
	select {
	case <-s.exited:
	case <-patience.C:
		return fmt.Errorf("stopping %s: it did not end within %v of SIGTERM and was killed", s.name, s.grace)
	case <-ctx.Done():
		return fmt.Errorf("stopping %s: it was killed: %w", s.name, context.Cause(ctx))
	}
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("stopping %s: %s", s.name, s.farewell())
	}
	return nil
}

// finish kills what is left of the process group and waits for the process.
func (s *Service) finish() {
	_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
	<-s.exited
	if s.release != nil {
		s.release()
	}
}

// register has the janitor of the guard look after the process.
func (s *Service) register(guard *Postgres) error {
	if guard == nil {
		return nil
	}
	release, err := guard.keeper.keepProcess(s.PID(), syscall.SIGKILL)
	s.release = release
	return err
}

// awaken waits for the first line and then for the first answer.
func (s *Service) awaken(ctx context.Context, line <-chan string) error {
	var text string
	select {
	case text = <-line:
	case <-s.exited:
		return errors.New(s.farewell())
	case <-ctx.Done():
		return fmt.Errorf("%w; last it said: %s", context.Cause(ctx), s.tail.last())
	}
	_, where, ok := strings.Cut(text, greeting)
	if u, err := url.Parse(where); !ok || err != nil || u.Scheme != "http" || u.Port() == "" {
		return fmt.Errorf("its first line is %q, where \"%s%shttp://HOST:PORT\" was expected", text, s.name, greeting)
	}
	s.url = where
	return repeat(ctx, time.Hour, func() (bool, error) { // ctx is the bound
		select {
		case <-s.exited:
			return true, errors.New(s.farewell())
		default:
			return answers(ctx, s.url+"/api/health/live"), nil
		}
	})
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// farewell says how the process ended. It may be called once it has.
func (s *Service) farewell() string {
	return fmt.Sprintf("it ended with %s; last it said: %s", endState(s.command.ProcessState), s.tail.last())
}
