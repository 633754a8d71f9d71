package stream_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a running service on a line inside this process, so that a test can
// run on virtual time.
type desk struct {
	*stream.Manager
	line     line
	stop     func()
	document *contracts.Document
}

type line chan net.Conn

func (l line) Accept() (net.Conn, error) {
	if conn, open := <-l; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l line) Close() error   { return nil }
func (l line) Addr() net.Addr { return &net.UnixAddr{Name: "desk", Net: "unix"} }

// open starts a service; it is stopped at the end of the test at the latest.
func open(t *testing.T, config stream.Config) *desk {
	t.Helper()
	d := &desk{Manager: stream.NewManager(config), line: make(line), document: readDocument(t)}
	server := &http.Server{Handler: d.Manager}
	ctx, cancel := context.WithCancel(t.Context())
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	go func() { served <- server.Serve(d.line) }()
	stopped := false
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-ran)
		close(d.line)
		_ = server.Close()
		<-served
	}
	t.Cleanup(d.stop)
	return d
}

// client is a trader's program.
type client struct {
	*websocket.Conn
	t        *testing.T
	document *contracts.Document
}

// dial connects and reads the greeting.
func (d *desk) dial(t *testing.T) *client {
	t.Helper()
	c, answer := d.try(t, nil)
	require.NotNil(t, c, "the handshake was answered with %v", answer)
	c.expect("connection_established")
	c.expect("health_status")
	return c
}

func (d *desk) try(t *testing.T, header http.Header) (*client, *http.Response) {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		d.line <- there
		return here, nil
	}}
	conn, answer, err := dialer.DialContext(t.Context(), "ws://desk.example/ws", header)
	if err != nil {
		require.NotNil(t, answer, "%v", err)
		return nil, answer
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, t, d.document}, answer
}

// next reads one message and checks it against its contract.
func (c *client) next() (kind string, data map[string]any, seq int) {
	c.t.Helper()
	_, message, err := c.ReadMessage()
	require.NoError(c.t, err)
	return c.check(message)
}

// check holds a message against its contract.
func (c *client) check(message []byte) (kind string, data map[string]any, seq int) {
	c.t.Helper()
	var envelope struct {
		Type string
		Data map[string]any
		Seq  int
	}
	require.NoError(c.t, json.Unmarshal(message, &envelope))
	name := "ws/" + envelope.Type
	if _, resumed := envelope.Data["since"]; resumed && envelope.Type == "subscribed" {
		name = "ws/subscribed_since"
	}
	require.NoError(c.t, contracts.Check(name, message))
	require.NoError(c.t, c.document.Check(message, payload(strings.TrimPrefix(name, "ws/"))...))
	if slices.Contains(contracts.GoldenNames(), name) {
		require.NoError(c.t, contracts.Golden(name, message))
	}
	return envelope.Type, envelope.Data, envelope.Seq
}

func (c *client) expect(kind string) map[string]any {
	c.t.Helper()
	got, data, _ := c.next()
	require.Equal(c.t, kind, got)
	return data
}

func (c *client) say(message string) {
	c.t.Helper()
	require.NoError(c.t, c.WriteMessage(websocket.TextMessage, []byte(message)))
}

// closed reads to the end and returns the close code and how many messages
// came before it.
func (c *client) closed() (code, before int) {
	c.t.Helper()
	for ; ; before++ {
		_, _, err := c.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		require.ErrorAs(c.t, err, &closed)
		return closed.Code, before
	}
}

func ticks(n int) []stream.Tick {
	made := make([]stream.Tick, n)
	for i := range made {
		made[i] = stream.Tick{Symbol: "AAPL", Price: 101.5, Volume: 10, Trade: int64(i)}
	}
	return made
}

func TestAConversationKeepsToTheContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c, answer := d.try(t, nil)
		require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
		greeting := c.expect("connection_established")
		require.Equal(t, []any{"market_data", "health_status", "heartbeat", "database_performance", "performance_alert", "partition_status"}, greeting["channels"])
		require.Equal(t, "healthy", c.expect("health_status")["status"])

		d.PublishTicks(ticks(2))
		require.EqualValues(t, 0, c.expect("market_data")["trade"])
		require.EqualValues(t, 1, c.expect("market_data")["trade"])
		c.say(`{"type":"ping"}`)
		c.expect("pong")
		c.say(`{"type":"subscribe","data":{"channel":"market_data"}}`)
		require.Equal(t, "market_data", c.expect("subscribed")["channel"])
		c.say(`{"type":"unsubscribe","data":{"channel":"market_data"}}`)
		require.Equal(t, "market_data", c.expect("unsubscribed")["channel"])
	})
}

func TestTwoClientsHaveDifferentNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		a, _ := d.try(t, nil)
		b, _ := d.try(t, nil)
		require.NotEqual(t, a.expect("connection_established")["client_id"], b.expect("connection_established")["client_id"])
		require.Equal(t, 2, d.Connections())
	})
}

func TestWhatIsNotUnderstoodIsAnsweredAndTheConnectionStays(t *testing.T) {
	tests := map[string]struct{ say, code string }{
		"no JSON":                        {`hello`, "malformed_message"},
		"nothing":                        {``, "malformed_message"},
		"a list":                         {`[1]`, "malformed_message"},
		"a type that is a number":        {`{"type":1}`, "malformed_message"},
		"no type":                        {`{"data":{}}`, "malformed_message"},
		"data that is a string":          {`{"type":"subscribe","data":"market_data"}`, "malformed_message"},
		"a type that nobody knows":       {`{"type":"sing"}`, "unknown_type"},
		"a message only the server says": {`{"type":"market_data","data":{}}`, "unknown_type"},
		"a channel that nobody knows":    {`{"type":"subscribe","data":{"channel":"weather"}}`, "unknown_channel"},
		"no channel":                     {`{"type":"unsubscribe"}`, "unknown_channel"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				c := d.dial(t)
				c.say(test.say)
				require.Equal(t, test.code, c.expect("error")["code"])
				c.say(`{"type":"ping","extra":"v1 ignores it"}`)
				c.expect("pong")
			})
		})
	}
}

func TestAClientHearsWhatItChose(t *testing.T) {
	subscribe := func(channel string) string { return `{"type":"subscribe","data":{"channel":"` + channel + `"}}` }
	unsubscribe := func(channel string) string { return `{"type":"unsubscribe","data":{"channel":"` + channel + `"}}` }
	tests := map[string]struct {
		says []string
		want []string
	}{
		"who never subscribes hears everything":   {nil, []string{"market_data", "heartbeat", "database_performance"}},
		"the first subscription narrows to it":    {[]string{subscribe("heartbeat")}, []string{"heartbeat"}},
		"the second adds to the first":            {[]string{subscribe("heartbeat"), subscribe("market_data")}, []string{"market_data", "heartbeat"}},
		"leaving one channel of everything":       {[]string{unsubscribe("market_data")}, []string{"heartbeat", "database_performance"}},
		"leaving and coming back":                 {[]string{unsubscribe("market_data"), subscribe("market_data")}, []string{"market_data", "heartbeat", "database_performance"}},
		"leaving the only channel is no channel":  {[]string{subscribe("heartbeat"), unsubscribe("heartbeat")}, nil},
		"a refused subscription changes nothing":  {[]string{subscribe("weather")}, []string{"market_data", "heartbeat", "database_performance"}},
		"subscribing twice is as good as once":    {[]string{subscribe("heartbeat"), subscribe("heartbeat")}, []string{"heartbeat"}},
		"leaving what was never chosen is no sin": {[]string{subscribe("heartbeat"), unsubscribe("market_data")}, []string{"heartbeat"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				c := d.dial(t)
				for _, say := range test.says {
					c.say(say)
					c.next()
				}
				d.PublishTicks(ticks(1))
				d.Broadcast(stream.Heartbeat, struct{}{})
				d.Broadcast(stream.DatabasePerformance, json.RawMessage(performance))
				c.say(`{"type":"ping"}`)
				var heard []string
				for kind, _, _ := c.next(); kind != "pong"; kind, _, _ = c.next() {
					heard = append(heard, kind)
				}
				require.Equal(t, test.want, heard)
			})
		})
	}
}

func TestAServiceAloneCountsTheMessagesOfNewChannelsFromOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.Broadcast(stream.DatabasePerformance, json.RawMessage(performance))
		c := d.dial(t)
		for want := 2; want < 5; want++ {
			d.Broadcast(stream.DatabasePerformance, json.RawMessage(performance))
			kind, _, seq := c.next()
			require.Equal(t, "database_performance", kind)
			require.Equal(t, want, seq)
		}
	})
}

const performance = `{"status":"fail","reasons":["not_collected"],"checked_at":"2026-01-05T14:30:00Z",` +
	`"pool":{"acquired":0,"max":8,"utilisation":0,"wait_share":null,"wait_ms":null},` +
	`"inserts":{"rows_per_second":null,"stored_rows_per_second":null,"writing_share":null},` +
	`"queries":{"count":0,"p50_ms":null,"p95_ms":null,"p99_ms":null},"cache":{"hit_ratio":null},` +
	`"connections":{"open":null,"max":null},"locks":{"waiting":null,"longest_wait_ms":null},` +
	`"partitions":null,"replicas":1,"stale":[]}`
