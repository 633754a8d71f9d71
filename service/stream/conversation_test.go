package stream_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/stream"
)

// conversation is what a client in another language says and hears. It prints
// OK when everything was as it expects.
const conversation = `
import asyncio, json, sys, websockets

async def until(socket, kind):
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert list(message)[:2] == ["type", "timestamp"], message
        if message["type"] == kind:
            return message

async def talk(url):
    async with websockets.connect(url) as socket:
        first = json.loads(await socket.recv())
        assert first["type"] == "connection_established", first
        assert first["data"]["channels"][:3] == ["market_data", "health_status", "heartbeat"], first
        assert (await until(socket, "health_status"))["data"]["status"] == "healthy"
        await socket.send('{"type":"ping"}')
        assert (await until(socket, "pong"))["data"] == {}
        await socket.send('{"type":"subscribe","data":{"channel":"market_data"}}')
        assert (await until(socket, "subscribed"))["data"] == {"channel": "market_data"}
        assert "seq" not in await until(socket, "market_data")
        await socket.send('{"type":"unsubscribe","data":{"channel":"market_data"}}')
        assert (await until(socket, "unsubscribed"))["data"] == {"channel": "market_data"}
        await socket.send('{"type":"sing"}')
        assert (await until(socket, "error"))["data"]["code"] == "unknown_type"

        await socket.send('{"type":"subscribe","data":{"channel":"performance_alert","since":41}}')
        resumed = (await until(socket, "subscribed"))["data"]
        assert (resumed["replayed"], resumed["complete"], resumed["seq"]) == (3, True, 44), resumed
        for seq in 42, 43, 44:
            alert = json.loads(await socket.recv())
            assert (alert["type"], alert["seq"]) == ("performance_alert", seq), alert
        await (await socket.ping())

    for says, code in (b"{}", 1003), ("x" * 5000, 1009):
        async with websockets.connect(url) as socket:
            await socket.send(says)
            try:
                while True:
                    await asyncio.wait_for(socket.recv(), 10)
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd and closed.rcvd.code == code, (closed, code)

    async with websockets.connect(url) as socket:
        try:
            while True:
                await socket.send('{"type":"ping"}')
                await socket.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 4429, closed
    print("OK")

asyncio.run(talk(sys.argv[1]))
`

func TestAClientInPythonUnderstandsTheStream(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), python, "-c", "import websockets").Run(); err != nil {
		t.Skip("needs Debian's package python3-websockets: apt-get install python3-websockets")
	}
	ctx, cancel := context.WithCancel(t.Context())
	m := stream.NewManager(stream.Config{})
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	for seq := uint64(1); seq <= 44; seq++ {
		m.Relay(stream.PerformanceAlert, seq, at(seq), json.RawMessage(event))
	}
	server := httptest.NewServer(m)
	trading := make(chan struct{})
	go func() {
		defer close(trading)
		for ctx.Err() == nil {
			m.PublishTicks(ticks(1))
			<-time.After(5 * time.Millisecond)
		}
	}()
	said, err := exec.CommandContext(t.Context(), python, "-c", conversation, "ws"+strings.TrimPrefix(server.URL, "http")).CombinedOutput()
	cancel()
	<-trading
	require.NoError(t, <-ran)
	server.Close()
	require.NoError(t, err, string(said))
	require.Equal(t, "OK\n", string(said))
}
