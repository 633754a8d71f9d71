package environ

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// daemon is a container daemon that answers.
type daemon struct {
	client client.APIClient
	host   string // such as unix:///var/run/docker.sock
}

// findDaemon looks for the container daemon where testcontainers would, with
// one difference: when DOCKER_HOST names one, there is no looking elsewhere.
func findDaemon(ctx context.Context) (d *daemon, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	named, err := client.New(client.FromEnv)
	if err != nil {
		return nil, unusable{why: "DOCKER_HOST or a variable beside it cannot be read", wayOut: "correct or unset it"}
	}
	defer func() { _ = named.Close() }()
	if host := named.DaemonHost(); host != client.DefaultDockerHost {
		if _, err := named.Ping(ctx, client.PingOptions{}); err != nil {
			return nil, noDaemon(host, err)
		}
	}
	// Some versions of the library panic where there is no daemon.
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, noDaemon(named.DaemonHost(), fmt.Errorf("%v", r))
		}
	}()
	if err := tameTestcontainers(); err != nil {
		return nil, err
	}
	found, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, noDaemon(named.DaemonHost(), err)
	}
	if _, err := found.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, noDaemon(found.DaemonHost(), err)
	}
	return &daemon{client: found, host: found.DaemonHost()}, nil
}

// tameTestcontainers silences the library and switches its reaper off. The
// reaper is a second container, whose image can often not be pulled and which
// would run beside what is measured; the janitor process does its work. The
// library reads this switch from the environment, once, and from nowhere else.
func tameTestcontainers() error {
	tclog.SetDefault(tclog.NewNoopLogger())
	return os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
}

func noDaemon(host string, err error) error {
	if errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "permission denied") {
		return unusable{
			why:    fmt.Sprintf("this user may not use the container daemon at %s", host),
			wayOut: "add the user to the group docker, or use rootless Docker",
		}
	}
	return unusable{
		why:    fmt.Sprintf("no container daemon answers at %s", host),
		wayOut: "start Docker, or set DOCKER_HOST",
	}
}

// publishedHost is the host on which the daemon's published ports are reached
// when we are the machine that it runs on, and empty when that is not sure. A
// machine whose image was once a container looks like one from within; but if
// the daemon's bridge is an interface of ours, we are its host.
func (d *daemon) publishedHost(ctx context.Context) string {
	if !strings.HasPrefix(d.host, "unix://") {
		return ""
	}
	bridge, err := d.client.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil {
		return ""
	}
	name := bridge.Network.Options["com.docker.network.bridge.name"]
	if _, err := net.InterfaceByName(name); err == nil {
		return "127.0.0.1"
	}
	ours := ownAddresses()
	for _, config := range bridge.Network.IPAM.Config {
		if ours[config.Gateway] {
			return "127.0.0.1"
		}
	}
	return ""
}

// ownAddresses are the addresses of this machine's interfaces.
func ownAddresses() map[netip.Addr]bool {
	ours := map[netip.Addr]bool{}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ours
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			ours[prefix.Addr()] = true
		}
	}
	return ours
}

// sweepContainer removes the container of a run that was killed. The daemon
// may just be making it, whoever asked being gone, so one that is not there is
// waited for.
func sweepContainer(ctx context.Context, host, name string) error {
	return repeat(ctx, 15*time.Second, func() (bool, error) {
		found, err := removeContainer(ctx, host, name)
		return found && err == nil, err
	})
}

// removeContainer removes a container with its volumes, running or not, and
// reports whether there was one.
func removeContainer(ctx context.Context, host, name string) (found bool, err error) {
	c, err := client.New(client.FromEnv, client.WithHost(host))
	if err != nil {
		return false, fmt.Errorf("removing container %s: the daemon at %s cannot be reached", name, host)
	}
	defer func() { _ = c.Close() }()
	_, err = c.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case errdefs.IsNotFound(err):
		return false, nil
	case err != nil:
		return true, fmt.Errorf("removing container %s: run docker rm -f -v %s", name, name)
	}
	return true, nil
}
