package environ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// clusterRole is the superuser of a private cluster.
const clusterRole = "signoff"

// cluster is a Postgres that lives in one directory of its own: everything it
// has is below that directory, and is gone with it.
type cluster struct {
	dir      string
	bin      string // where its programs are
	owner    *owner // nil: as ourselves
	keeper   *keeper
	password string
	port     uint16
	log      string

	command *exec.Cmd     // the server; nil while none runs
	exited  chan struct{} // closed once the command has ended
	release func()        // of the command from the janitor's list
	left    []item        // what a crash left, until there is a new server
}

// startCluster makes a cluster and starts it. The binaries come from the
// function, which may put them below the cluster's directory.
func startCluster(ctx context.Context, o Options, k *keeper, find func(context.Context, *cluster) (string, error)) (*server, error) {
	who, err := clusterUser()
	if err != nil {
		return nil, err
	}
	dir, err := privateDirectory(o.TempDir, who)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, owner: who, keeper: k, password: randomHex(16), log: filepath.Join(dir, "log")}
	directory := item{Kind: keptDirectory, Path: c.dir}
	if _, err := k.keep(directory); err != nil {
		return nil, err
	}
	stop := func(ctx context.Context) error {
		err := errors.Join(c.stop(ctx), os.RemoveAll(c.dir))
		k.forget(directory)
		return err
	}
	if err := c.make(ctx, o, find); err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return &server{
		address: c.address(), stop: stop, crash: c.crash, restart: c.restart,
		another: func(ctx context.Context, k *keeper) (*server, error) { return startCluster(ctx, o, k, find) },
	}, nil
}

// make lays the directory out, initialises the cluster and starts the server.
func (c *cluster) make(ctx context.Context, o Options, find func(context.Context, *cluster) (string, error)) error {
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return unusable{
			why:    fmt.Sprintf("the directory %s cannot be made (%v)", c.dir, errors.Unwrap(err)),
			wayOut: "set TMPDIR to a directory with room that can be written",
		}
	}
	secret := filepath.Join(c.dir, "secret")
	if err := os.WriteFile(secret, []byte(c.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("making a cluster: %w", err)
	}
	if err := c.owner.give(c.dir, secret); err != nil {
		return err
	}
	var err error
	if c.bin, err = find(ctx, c); err != nil {
		return err
	}
	o.say("postgres: making a private cluster in %s", c.dir)
	if err := c.initialise(ctx, secret); err != nil {
		return err
	}
	// Another process may take the port between our looking and its use.
	for range 3 {
		if c.port, err = freePort(ctx); err != nil {
			return err
		}
		if err = c.serve(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (c *cluster) initialise(ctx context.Context, secret string) error {
	cmd := c.program(ctx, filepath.Join(c.bin, "initdb"),
		"--pgdata", c.data(), "--username", clusterRole, "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return unusable{
			why:    fmt.Sprintf("initdb could not make a cluster in %s: %s", c.dir, complaint(out)),
			wayOut: "see that the directory has 100 MB of room, or set TMPDIR to one that has",
		}
	}
	return os.Remove(secret)
}

// serve starts the server on the cluster's port and waits until it answers.
func (c *cluster) serve(ctx context.Context) error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	defer func() { _ = log.Close() }() // the server has its own
	args := append([]string{"-D", c.data(), "-p", fmt.Sprint(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + c.socketDirectory()}, settingArguments()...)
	cmd := c.program(context.WithoutCancel(ctx), filepath.Join(c.bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	exited := make(chan struct{})
	c.command, c.exited = cmd, exited
	go func() { // ends with the server, which stop and crash wait for
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	c.release, err = c.keeper.keepProcess(cmd.Process.Pid, syscall.SIGQUIT)
	if err == nil {
		err = c.awaken(ctx)
	}
	if err != nil {
		return errors.Join(err, c.end(context.WithoutCancel(ctx)))
	}
	return nil
}

// awaken waits until the server answers, at most a minute.
func (c *cluster) awaken(ctx context.Context) error {
	where := c.address()
	err := repeat(ctx, time.Minute, func() (bool, error) {
		select {
		case <-c.exited:
			return true, errors.New("it ended at once")
		default:
		}
		if err := where.ping(ctx); err != nil {
			return false, errors.New("it does not answer")
		}
		return true, nil
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("starting the cluster on port %d: %w: %s", c.port, err, complaint(c.readLog()))
}

// stop ends the server, if one runs, and removes what an earlier one left.
func (c *cluster) stop(ctx context.Context) error {
	return errors.Join(c.end(ctx), c.tidy(ctx))
}

// end ends the server and waits for it. The data are thrown away, so nothing
// is flushed first.
func (c *cluster) end(ctx context.Context) error {
	if c.command == nil {
		return nil
	}
	_ = c.command.Process.Signal(syscall.SIGQUIT) // may have ended already
	patience := time.NewTimer(10 * time.Second)
	defer patience.Stop()
	select {
	case <-c.exited:
		c.gone()
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	return c.kill(ctx)
}

// gone notes that the server has ended.
func (c *cluster) gone() {
	if c.release != nil {
		c.release()
	}
	c.command, c.release = nil, nil
}

func (c *cluster) address() address {
	return loopbackAddress("127.0.0.1", c.port, clusterRole, c.password)
}

// program is a command in a session of its own, as the cluster's owner and
// with none of our environment: PG… variables would change what it does.
func (c *cluster) program(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: c.owner.credential()}
	return cmd
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// socketDirectory is the cluster's own, or none where its path is longer than
// a socket's name may be.
func (c *cluster) socketDirectory() string {
	if len(c.dir) > 80 {
		return ""
	}
	return c.dir
}

func (c *cluster) readLog() []byte {
	b, err := os.ReadFile(c.log)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

// complaint returns the last line that complains, or else the last one.
func complaint(text []byte) string {
	last := text
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte("the database system is ")) {
			continue // starting up, as it tells those who are early
		}
		if bytes.Contains(line, []byte("FATAL:")) || bytes.Contains(line, []byte("error:")) {
			last = line
		}
	}
	return lastLine(last)
}

// lastLine returns the last line that says something.
func lastLine(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}
