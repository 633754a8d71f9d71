package environ

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
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
	box := box{host: d.host, name: kept.Name}
	release, err := k.keep(kept)
	if err != nil {
		return nil, err
	}
	stop := func(ctx context.Context) error {
		_, err := removeContainer(ctx, kept.Host, kept.Name)
		release()
		return err
	}
	if box.address, err = runOnFreePort(ctx, d, img.name, kept.Name); err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	same := c
	same.o.Image = img.name
	return &server{
		address: box.address, image: img.name, imageDigest: img.digest,
		stop: stop, another: same.start, crash: box.crash, restart: box.restart,
	}, nil
}

// runOnFreePort runs the container on a port that stays its own when it is
// restarted. Another process may take it between our looking and its use.
func runOnFreePort(ctx context.Context, d *daemon, imageName, name string) (address, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort(ctx)
		if err != nil {
			return address{}, err
		}
		where, err := run(ctx, d, imageName, name, port)
		if !errors.Is(err, errPortTaken) || attempt == 3 {
			return where, err
		}
		if _, err := removeContainer(context.WithoutCancel(ctx), d.host, name); err != nil {
			return address{}, err
		}
	}
}

// errPortTaken is of a container whose port somebody else was given.
var errPortTaken = errors.New("the port of the container was taken by somebody else; try again")

// run starts the container and waits until the server in it answers.
func run(ctx context.Context, d *daemon, imageName, name string, port uint16) (address, error) {
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
			c.PortBindings = publish(port, host != "")
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
	if err != nil && portTaken(err) {
		return address{}, errPortTaken
	}
	if err != nil {
		return address{}, notStarted(ctx, ctr, imageName)
	}
	if host == "" {
		if host, err = ctr.Host(ctx); err != nil {
			return address{}, notReached(imageName)
		}
	}
	where := loopbackAddress(host, port, user, password)
	err = repeat(ctx, 30*time.Second, func() (bool, error) {
		if err := where.ping(ctx); err != nil {
			return false, notReached(imageName)
		}
		return true, nil
	})
	return where, err
}

// publish gives the server a port of the daemon's host, on its loopback address
// when that is this machine.
func publish(port uint16, loopback bool) network.PortMap {
	from := netip.IPv4Unspecified()
	if loopback {
		from = netip.MustParseAddr("127.0.0.1")
	}
	return network.PortMap{
		network.MustParsePort(containerPort): {{HostIP: from, HostPort: strconv.Itoa(int(port))}},
	}
}

// portTaken reports whether the daemon could not publish a port.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "already allocated") || strings.Contains(err.Error(), "already in use")
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
