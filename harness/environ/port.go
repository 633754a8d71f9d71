package environ

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
)

// The ports that a server of ours gets lie between these, unless the machine
// gives out such ports by itself.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// freePort returns a port of the loopback address that nobody listens on. It is
// not one that the system gives to outgoing connections: while a server is
// down, one of those could take its port, even a connection to that very port.
func freePort(ctx context.Context) (uint16, error) {
	highest := min(highestPort, firstOutgoing())
	for range 50 {
		if highest <= lowestPort {
			break
		}
		port := lowestPort + rand.IntN(highest-lowestPort) //nolint:gosec // not a secret
		if l, err := listen(ctx, port); err == nil {
			return uint16(port), l.Close() //nolint:gosec // below 32000
		}
	}
	l, err := listenLoopback(ctx)
	if err != nil {
		return 0, err
	}
	where, err := netip.ParseAddrPort(l.Addr().String())
	if closeErr := l.Close(); err == nil {
		err = closeErr
	}
	return where.Port(), err
}

// firstOutgoing is the lowest port that the system gives out by itself.
func firstOutgoing() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return highestPort // elsewhere they begin at 49152
	}
	var first int
	if _, err := fmt.Sscan(string(text), &first); err != nil {
		return highestPort
	}
	return first
}

func listenLoopback(ctx context.Context) (net.Listener, error) {
	l, err := listen(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("looking for a free port: %w", err)
	}
	return l, nil
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
