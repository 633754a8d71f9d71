package testdb

import (
	"fmt"
	"net"
	"testing"
)

// Mute returns the URL of a server that takes connections and says nothing
// until the test ends, like one that hangs.
func Mute(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var held []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil { // the test ended
				for _, conn := range held {
					_ = conn.Close() // nothing was written to it
				}
				return
			}
			held = append(held, conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close() // which ends Accept
		<-ended
	})
	return fmt.Sprintf("postgres://nobody@%s/market?sslmode=disable", listener.Addr())
}
