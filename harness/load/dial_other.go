//go:build !unix

package load

import (
	"context"
	"net"
)

// Dial connects like net.Dialer.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}
