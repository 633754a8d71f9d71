package environ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// box is a container with a server in it.
type box struct {
	host    string // of the daemon
	name    string
	address address
}

// crash kills all processes of the container at once and waits until the
// daemon has put it away. It is carried through whatever becomes of ctx.
func (b box) crash(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	c, err := b.daemon()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err = c.ContainerKill(ctx, b.name, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
			return fmt.Errorf("it has ended by itself: %s", b.last(ctx, c))
		}
		return fmt.Errorf("container %s cannot be killed", b.name)
	}
	wait := c.ContainerWait(ctx, b.name, client.ContainerWaitOptions{Condition: dockercontainer.WaitConditionNotRunning})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		if err == nil {
			return nil
		}
		return fmt.Errorf("container %s was killed, and the daemon does not say that it ended", b.name)
	}
}

// restart starts the container again and waits until the server in it answers.
// When that fails, it may still come to life once nobody waits for it any more;
// so it is put down.
func (b box) restart(ctx context.Context) error {
	c, err := b.daemon()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := b.awaken(ctx, c); err != nil {
		return errors.Join(err, b.putDown(ctx, c))
	}
	return nil
}

func (b box) awaken(ctx context.Context, c *client.Client) error {
	if _, err := c.ContainerStart(ctx, b.name, client.ContainerStartOptions{}); err != nil {
		if portTaken(err) {
			return errPortTaken
		}
		return fmt.Errorf("container %s cannot be started again", b.name)
	}
	return repeat(ctx, time.Minute, func() (bool, error) {
		if b.address.ping(ctx) == nil {
			return true, nil
		}
		found, err := c.ContainerInspect(ctx, b.name, client.ContainerInspectOptions{})
		if err == nil && found.Container.State != nil && !found.Container.State.Running {
			return true, fmt.Errorf("container %s ended at once: %s", b.name, b.last(ctx, c))
		}
		return false, fmt.Errorf("the server in container %s does not answer", b.name)
	})
}

func (b box) putDown(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if _, err := c.ContainerStop(ctx, b.name, client.ContainerStopOptions{Signal: "SIGKILL"}); err != nil {
		return fmt.Errorf("container %s cannot be stopped", b.name)
	}
	return nil
}

func (b box) daemon() (*client.Client, error) {
	c, err := client.New(client.FromEnv, client.WithHost(b.host))
	if err != nil {
		return nil, fmt.Errorf("the container daemon at %s cannot be reached", b.host)
	}
	return c, nil
}

// last is the last line that the server printed.
func (b box) last(ctx context.Context, c *client.Client) string {
	logs, err := c.ContainerLogs(ctx, b.name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return "nothing is known of it any more"
	}
	defer func() { _ = logs.Close() }() // only read
	var printed bytes.Buffer
	if _, err := stdcopy.StdCopy(&printed, &printed, logs); err != nil {
		return "its log cannot be read"
	}
	if line := complaint(printed.Bytes()); line != "" {
		return line
	}
	return "it printed nothing"
}
