package environ

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/wait"
)

// containerPort is the server's port inside the container.
const containerPort = "5432/tcp"

// container is a server in a container that is never reused. Its data are on
// the container's own file system, where fsync means something.
type container struct{ o Options }

func (container) name() string { return Container }

func (c container) probe(ctx context.Context) (string, error) {
	d, err := findDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer d.client.Close()
	img, err := c.o.chooseImage(ctx, d)
	if err != nil {
		return "", err
	}
	if !img.present {
		return "image " + img.name + ", pulled from its registry", nil
	}
	return "image " + img.name, nil
}

func (c container) start(ctx context.Context, k *keeper) (*server, error) {
	d, err := findDaemon(ctx)
	if err != nil {
		return nil, err
	}
	defer d.client.Close()
	img, err := c.o.chooseImage(ctx, d)
	if err != nil {
		return nil, err
	}
	if !img.present {
		if err := c.o.pull(ctx, d, img.name); err != nil {
			return nil, err
		}
		if img, err = c.o.chooseImage(ctx, d); err != nil {
			return nil, err
		}
	}
	c.o.say("postgres: starting a container of %s", img.name)
	kept := item{Kind: keptContainer, Host: d.host, Name: c.o.runName("-") + randomHex(6)}
	release, err := k.keep(kept)
	if err != nil {
		return nil, err
	}
	stop := func(ctx context.Context) error {
		_, err := removeContainer(ctx, kept.Host, kept.Name)
		release()
		return err
	}
	where, err := run(ctx, d, img.name, kept.Name)
	if err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return &server{address: where, image: img.name, imageDigest: img.digest, stop: stop}, nil
}

// run starts the container and waits until the server in it answers.
func run(ctx context.Context, d *daemon, imageName, name string) (address, error) {
	const user = "postgres"
	password := randomHex(16)
	host := d.publishedHost(ctx)
	// Its making is not cut short: the daemon would go on, and the container
	// would appear once nobody looks for it any more.
	making, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	ctr, err := postgres.Run(making, imageName,
		testcontainers.WithName(name),
		testcontainers.WithNoStart(),
		testcontainers.WithLogger(tclog.NewNoopLogger()),
		testcontainers.WithEnv(map[string]string{
			"POSTGRES_USER": user, "POSTGRES_PASSWORD": password,
			"POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C --no-sync",
		}),
		// The module starts its server with fsync off; this replaces that.
		testcontainers.WithCmd(append([]string{"postgres"}, settingArguments()...)...),
		testcontainers.WithHostConfigModifier(func(c *dockercontainer.HostConfig) {
			c.ShmSize = 256 << 20 // parallel queries need more than the usual 64 MB
			if host != "" {
				c.PortBindings = onLoopback()
			}
		}),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute,
			wait.ForLog("database system is ready to accept connections").WithOccurrence(2)),
	)
	if err == nil {
		err = ctr.Start(ctx)
	}
	if ctx.Err() != nil {
		return address{}, context.Cause(ctx)
	}
	if err != nil {
		return address{}, notStarted(ctx, ctr, imageName)
	}
	if host == "" {
		if host, err = ctr.Host(ctx); err != nil {
			return address{}, notReached(imageName)
		}
	}
	port, err := ctr.MappedPort(ctx, containerPort)
	if err != nil {
		return address{}, notReached(imageName)
	}
	where := loopbackAddress(host, port.Num(), user, password)
	err = repeat(ctx, 30*time.Second, func() (bool, error) {
		if err := where.ping(ctx); err != nil {
			return false, notReached(imageName)
		}
		return true, nil
	})
	return where, err
}

// onLoopback publishes the server's port to this machine only.
func onLoopback() network.PortMap {
	return network.PortMap{
		network.MustParsePort(containerPort): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: "0"}},
	}
}

// notStarted tells the last line that a container printed.
func notStarted(ctx context.Context, ctr *postgres.PostgresContainer, imageName string) error {
	said := "it printed nothing"
	if ctr != nil && ctr.Container != nil {
		if logs, err := ctr.Logs(ctx); err == nil {
			if line := lastPrinted(logs); line != "" {
				said = line
			}
			_ = logs.Close() // only read
		}
	}
	return unusable{
		why:    fmt.Sprintf("the container of image %s did not get ready: %s", imageName, said),
		wayOut: "name another image with SIGNOFF_POSTGRES_IMAGE, or choose --postgres local",
	}
}

func lastPrinted(r io.Reader) string {
	last := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if text := lastLine(lines.Bytes()); text != "" {
			last = text
		}
	}
	return last
}

func notReached(imageName string) error {
	return unusable{
		why:    fmt.Sprintf("the port of the container of image %s cannot be reached from here", imageName),
		wayOut: "choose --postgres local",
	}
}
