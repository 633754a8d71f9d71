package load_test

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
)

// echo answers every connection with what it sends, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestDialledConnectionsCarryBytes(t *testing.T) {
	address := echo(t)
	c, err := load.Dial(t.Context(), "tcp", address)
	require.NoError(t, err)
	require.Equal(t, address, c.RemoteAddr().String())
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	for _, word := range []string{"buy", "sell"} {
		_, err = io.WriteString(c, word)
		require.NoError(t, err)
		answer := make([]byte, len(word))
		_, err = io.ReadFull(c, answer)
		require.NoError(t, err)
		require.Equal(t, word, string(answer))
	}
	require.NoError(t, c.Close())
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestAWaitingReadCanBeEnded(t *testing.T) {
	tests := map[string]struct {
		end   func(net.Conn) error
		wants error
	}{
		"by a deadline in the past":   {func(c net.Conn) error { return c.SetDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"by a deadline in the future": {func(c net.Conn) error { return c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) }, os.ErrDeadlineExceeded},
		"by closing":                  {func(c net.Conn) error { return c.Close() }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := load.Dial(t.Context(), "tcp", echo(t))
			require.NoError(t, err)
			defer c.Close()
			ended := make(chan error, 1)
			go func() {
				_, err := c.Read(make([]byte, 1))
				ended <- err
			}()
			require.NoError(t, tt.end(c))
			select {
			case err := <-ended:
				require.Error(t, err)
				if tt.wants != nil {
					require.ErrorIs(t, err, tt.wants)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the read still waits")
			}
		})
	}
}

func TestDialTellsWhyItCannot(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = load.Dial(t.Context(), "tcp", l.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = load.Dial(ctx, "tcp", echo(t))
	require.Error(t, err)
}
