package environ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
	owner    *owner // nil: as ourselves
	password string
	port     uint16
	command  *exec.Cmd
	log      string
	exited   chan struct{}
	exitErr  error // valid once exited is closed
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
	c := &cluster{dir: dir, owner: who, password: randomHex(16), log: filepath.Join(dir, "log")}
	directory := item{Kind: keptDirectory, Path: c.dir}
	if _, err := k.keep(directory); err != nil {
		return nil, err
	}
	stop := func(ctx context.Context) error {
		err := errors.Join(c.stop(ctx, k), os.RemoveAll(c.dir))
		k.forget(directory)
		return err
	}
	if err := c.make(ctx, o, k, find); err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return &server{address: loopbackAddress("127.0.0.1", c.port, clusterRole, c.password), stop: stop}, nil
}

// make lays the directory out, initialises the cluster and starts the server.
func (c *cluster) make(ctx context.Context, o Options, k *keeper, find func(context.Context, *cluster) (string, error)) error {
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
	bin, err := find(ctx, c)
	if err != nil {
		return err
	}
	o.say("postgres: making a private cluster in %s", c.dir)
	if err := c.initialise(ctx, bin, secret); err != nil {
		return err
	}
	// Another process may take the port between our looking and its use.
	for range 3 {
		if err = c.serve(ctx, bin, k); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (c *cluster) initialise(ctx context.Context, bin, secret string) error {
	cmd := c.program(ctx, filepath.Join(bin, "initdb"),
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

// serve starts the server on a free port and waits until it answers.
func (c *cluster) serve(ctx context.Context, bin string, k *keeper) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	c.port = port
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	defer func() { _ = log.Close() }() // the server has its own
	args := append([]string{"-D", c.data(), "-p", fmt.Sprint(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + c.socketDirectory()}, settingArguments()...)
	cmd := c.program(context.WithoutCancel(ctx), filepath.Join(bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	exited := make(chan struct{})
	c.command, c.exited = cmd, exited
	go func() { // ends with the server, which stop waits for
		c.exitErr = cmd.Wait()
		close(exited)
	}()
	if _, err := k.keep(c.item()); err != nil {
		return errors.Join(err, c.stop(context.WithoutCancel(ctx), k))
	}
	if err := c.awaken(ctx); err != nil {
		return errors.Join(err, c.stop(context.WithoutCancel(ctx), k))
	}
	return nil
}

// awaken waits until the server answers, at most a minute.
func (c *cluster) awaken(ctx context.Context) error {
	where := loopbackAddress("127.0.0.1", c.port, clusterRole, c.password)
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

// stop ends the server and waits for it. The data are thrown away, so nothing
// is flushed first.
func (c *cluster) stop(ctx context.Context, k *keeper) error {
	if c.command == nil {
		return nil
	}
	it := c.item()
	_ = c.command.Process.Signal(syscall.SIGQUIT) // may have ended already
	patience := time.NewTimer(10 * time.Second)
	defer patience.Stop()
	select {
	case <-c.exited:
	case <-patience.C:
		_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
		<-c.exited
	case <-ctx.Done():
		_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
		<-c.exited
	}
	k.forget(it)
	c.command = nil
	return nil
}

func (c *cluster) item() item {
	born, _ := processStart(c.command.Process.Pid)
	return item{Kind: keptProcess, PID: c.command.Process.Pid, Born: born, Signal: int(syscall.SIGQUIT)}
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

func freePort(ctx context.Context) (uint16, error) {
	l, err := listenLoopback(ctx)
	if err != nil {
		return 0, err
	}
	where, err := netip.ParseAddrPort(l.Addr().String())
	return where.Port(), errors.Join(err, l.Close())
}

func listenLoopback(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	return l, nil
}

// complaint returns the last line that complains, or else the last one.
func complaint(text []byte) string {
	last := text
	for line := range bytes.Lines(text) {
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
