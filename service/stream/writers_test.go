package stream_test

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/stream"
)

// Virtual time passes only if somebody has to wait.
func TestHoweverManyLinesWaitTheOthersDoNot(t *testing.T) {
	tests := map[string]func(*desk, *client){
		"for a client that reads nothing": func(*desk, *client) {},
		"for a client that is being told of its mistake": func(_ *desk, c *client) {
			go func() { _ = c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 5000)) }()
		},
	}
	for name, behave := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				for range 8 * runtime.GOMAXPROCS(0) {
					behave(d, d.dial(t))
				}
				quick := d.dial(t)
				synctest.Wait()
				began := time.Now()
				for range 20 {
					d.PublishTicks(ticks(20))
					for trade := range 20 {
						require.EqualValues(t, trade, quick.expect("market_data")["trade"])
					}
				}
				require.Zero(t, time.Since(began))
			})
		})
	}
}

// The lines are real here, and take a part of what is written to them.
func TestHoweverManySocketsAreFullTheOthersHearAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := stream.NewManager(stream.Config{WriteWait: time.Minute})
	server := httptest.NewServer(m)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	dial := func() *websocket.Conn {
		conn, _, err := websocket.DefaultDialer.Dial(url, nil)
		require.NoError(t, err)
		return conn
	}
	var stalled []*websocket.Conn
	for range 8 * runtime.GOMAXPROCS(0) {
		conn := dial()
		require.NoError(t, conn.NetConn().(*net.TCPConn).SetReadBuffer(4096))
		stalled = append(stalled, conn)
	}
	quick := dial()
	require.NoError(t, quick.SetReadDeadline(time.Now().Add(30*time.Second)))
	heard := 0
	for batch := range 5 {
		m.PublishTicks(ticks(1000))
		for heard < 1000*(batch+1) {
			_, message, err := quick.ReadMessage()
			require.NoError(t, err, "after %d prices", heard)
			if bytes.Contains(message, []byte(`"type":"market_data"`)) {
				require.Contains(t, string(message), `"trade":`+strconv.Itoa(heard%1000)+`,`)
				heard++
			}
		}
	}
	for _, conn := range append(stalled, quick) {
		_ = conn.Close()
	}
	cancel()
	require.NoError(t, <-ran)
	server.Close()
}
