package stream_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/stream"
)

func TestAClientThatCannotKeepUpIsClosedAndNobodyWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{Queue: 10})
		slow, quick := d.dial(t), d.dial(t)
		for trade := range 20 {
			d.PublishTicks(ticks(1))
			require.EqualValues(t, 0, quick.expect("market_data")["trade"], "tick %d", trade)
			synctest.Wait()
		}
		code, before := slow.closed()
		require.Equal(t, stream.CloseTooSlow, code)
		require.Equal(t, 1, before, "what was waiting is dropped, only the message under way arrives")
		d.PublishTicks(ticks(1))
		quick.expect("market_data")
		synctest.Wait()
		require.Equal(t, 1, d.Connections())
	})
}

func TestAClientThatReadsNothingIsGoneAfterTheWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.dial(t)
		d.PublishTicks(ticks(1))
		wait(t, 4*time.Second)
		require.Equal(t, 1, d.Connections())
		wait(t, 3*time.Second)
		require.Equal(t, 0, d.Connections())
	})
}

func TestOneLongBatchDoesNotMakeAClientSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{Queue: 10})
		c := d.dial(t)
		d.PublishTicks(ticks(1000))
		for trade := range 1000 {
			require.EqualValues(t, trade, c.expect("market_data")["trade"])
		}
	})
}

func TestASilentClientIsPingedAndThenLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c := d.dial(t)
		began := time.Now()
		var pings []time.Duration
		c.SetPingHandler(func(string) error { // and does not answer
			pings = append(pings, time.Since(began))
			return nil
		})
		for _, _, err := c.ReadMessage(); err == nil; _, _, err = c.ReadMessage() {
		}
		require.Equal(t, []time.Duration{25 * time.Second, 50 * time.Second}, pings)
		require.InDelta(t, 60, time.Since(began).Seconds(), 1.5)
		synctest.Wait()
		require.Equal(t, 0, d.Connections())
	})
}

func TestAClientThatAnswersPingsStaysAndHearsAHeartbeatEveryHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c := d.dial(t)
		began := time.Now()
		for minute := 1; minute <= 10; minute++ {
			c.expect("heartbeat")
			require.Equal(t, time.Duration(minute)*30*time.Second, time.Since(began))
			c.expect("health_status")
		}
	})
}

func TestAChangeOfHealthIsToldWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var health atomic.Value
		health.Store("healthy")
		d := open(t, stream.Config{Health: func() string { return health.Load().(string) }})
		c := d.dial(t)
		wait(t, 3*time.Second)
		for _, status := range []string{"unhealthy", "degraded", "healthy"} {
			health.Store(status)
			changed := time.Now()
			require.Equal(t, status, c.expect("health_status")["status"])
			require.LessOrEqual(t, time.Since(changed), time.Second)
		}
	})
}

func TestAClientsPingFrameIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c := d.dial(t)
		var payload string
		c.SetPongHandler(func(p string) error { payload = p; return nil })
		require.NoError(t, c.WriteControl(websocket.PingMessage, []byte("42"), time.Now().Add(time.Second)))
		c.say(`{"type":"ping"}`)
		c.expect("pong")
		require.Equal(t, "42", payload)
	})
}

func TestEveryEndHasItsCloseCode(t *testing.T) {
	tests := map[string]struct {
		end  func(*desk, *client)
		code int
	}{
		"the service stops": {func(d *desk, _ *client) { go d.stop() }, websocket.CloseGoingAway},
		"a message of more than 4 KB": {func(_ *desk, c *client) {
			go func() { _ = c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 5000)) }()
		}, websocket.CloseMessageTooBig},
		"a frame that is none": {func(_ *desk, c *client) {
			go func() { _, _ = c.NetConn().Write([]byte{0xff, 0xff, 0xff, 0xff}) }()
		}, websocket.CloseProtocolError},
		"a binary frame": {func(_ *desk, c *client) {
			go func() { _ = c.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)) }()
		}, stream.CloseBinary},
		"text that is not UTF-8": {func(_ *desk, c *client) {
			go func() { _ = c.WriteMessage(websocket.TextMessage, []byte("{\"type\":\"\xff\"}")) }()
		}, stream.CloseInvalidText},
		"the client says good-bye": {func(_ *desk, c *client) {
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		}, websocket.CloseNormalClosure},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				c := d.dial(t)
				test.end(d, c)
				code, _ := c.closed()
				require.Equal(t, test.code, code)
				_ = c.Close()
				wait(t, 2*time.Second)
				require.Equal(t, 0, d.Connections())
			})
		})
	}
}

func TestStoppingSendsWhatIsWaitingFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c := d.dial(t)
		d.PublishTicks(ticks(50))
		go d.stop()
		synctest.Wait()
		for range 50 {
			c.expect("market_data")
		}
		code, _ := c.closed()
		require.Equal(t, websocket.CloseGoingAway, code)
	})
}

func TestStoppingDoesNotWaitForAClientThatReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.dial(t)
		d.PublishTicks(ticks(50))
		began := time.Now()
		d.stop()
		require.LessOrEqual(t, time.Since(began), 6*time.Second)
		require.Equal(t, 0, d.Connections())
	})
}

func TestAHandshakeIsRefusedWithACodeOfOurs(t *testing.T) {
	tests := map[string]struct {
		config stream.Config
		header http.Header
		before func(*testing.T, *desk)
		status int
		code   string
	}{
		"a page of another site": {header: http.Header{"Origin": {"https://evil.example"}}, status: 403, code: "origin_refused"},
		"a page without a host":  {header: http.Header{"Origin": {"null"}}, status: 403, code: "origin_refused"},
		"too many clients": {
			config: stream.Config{MaxClients: 1}, before: func(t *testing.T, d *desk) { d.dial(t) },
			status: 503, code: "too_many_clients",
		},
		"a page of ours": {header: http.Header{"Origin": {"http://DESK.example"}}, status: 101},
		"a listed page": {
			config: stream.Config{Origins: []string{"https://friend.example"}},
			header: http.Header{"Origin": {"https://friend.example"}}, status: 101,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, test.config)
				if test.before != nil {
					test.before(t, d)
				}
				_, answer := d.try(t, test.header)
				require.Equal(t, test.status, answer.StatusCode)
				if test.code != "" {
					requireError(t, answer.Body, test.code)
				}
			})
		})
	}
}

func TestAnOrdinaryRequestIsToldToUpgrade(t *testing.T) {
	answer := httptest.NewRecorder()
	stream.NewManager(stream.Config{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ws", nil))
	require.Equal(t, http.StatusUpgradeRequired, answer.Code)
	require.Equal(t, "websocket", answer.Header().Get("Upgrade"))
	requireError(t, answer.Body, "websocket_required")
}

func TestAfterTheEndNobodyIsAdmitted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := stream.NewManager(stream.Config{})
	require.NoError(t, m.Run(ctx))
	answer := httptest.NewRecorder()
	m.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ws", nil))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	requireError(t, answer.Body, "shutting_down")
}

func TestAMistakeOfTheProgramIsLoggedAndNobodySuffers(t *testing.T) {
	var log bytes.Buffer
	m := stream.NewManager(stream.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	m.Broadcast("weather", "sunny")
	m.Broadcast(stream.DatabasePerformance, func() {})
	require.Equal(t, 2, strings.Count(log.String(), "message not broadcast"))
}

// Closing a socket with unread bytes may throw away what was sent last: the
// close frame. So what the client still says is read and dropped.
func TestAClientThatIsToldToLeaveIsHeardForAMoment(t *testing.T) {
	tests := map[string]func(*desk, *client){
		"since the service stops": func(d *desk, _ *client) { go d.stop() },
		"since it said too much": func(_ *desk, c *client) {
			go func() { _ = c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 5000)) }()
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				c := d.dial(t)
				c.SetCloseHandler(func(int, string) error { return nil }) // and goes on talking
				end(d, c)
				c.closed()
				wait(t, 500*time.Millisecond)
				_, err := c.NetConn().Write([]byte("and another thing"))
				require.NoError(t, err)
				wait(t, 2*time.Second)
				_, err = c.NetConn().Write([]byte("and another"))
				require.Error(t, err)
				require.Equal(t, 0, d.Connections())
			})
		})
	}
}

// Clients come and go by the hundred while prices flow; run it with -race.
func TestAStormOfConnectionsLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := stream.NewManager(stream.Config{Queue: 64, WriteWait: 500 * time.Millisecond, Authenticate: func(r *http.Request) bool {
		return r.URL.Query().Get("ticket") != "none"
	}})
	server := httptest.NewServer(m)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()

	var publishing, storm sync.WaitGroup
	calm := make(chan struct{})
	for range 2 {
		publishing.Go(func() {
			for {
				select {
				case <-calm:
					return
				default:
					m.PublishTicks(ticks(10))
					m.Broadcast(stream.DatabasePerformance, struct{}{})
					m.Broadcast(stream.PerformanceAlert, struct{}{})
				}
			}
		})
	}
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	var half sync.Map // lines on which nobody says or reads any more
	for trader := range 32 {
		storm.Go(func() {
			for visit := range 12 {
				address := url
				if visit == 11 {
					address += "?ticket=none"
				}
				conn, _, err := websocket.DefaultDialer.Dial(address, nil)
				if err != nil {
					t.Errorf("seating trader %d: %v", trader, err)
					return
				}
				misbehave(conn, visit)
				if visit%6 == 4 {
					half.Store(conn, true)
					continue
				}
				if visit%2 == 0 {
					_ = conn.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second))
				}
				_ = conn.Close()
			}
		})
	}
	storm.Wait()
	close(calm)
	publishing.Wait()
	cancel()
	require.NoError(t, <-ran)
	require.Equal(t, 0, m.Connections())
	half.Range(func(conn, _ any) bool {
		_ = conn.(*websocket.Conn).Close()
		return true
	})
	server.Close()
}

// misbehave is what a trader's program does on that visit.
func misbehave(conn *websocket.Conn, visit int) {
	says, times := `{"type":"subscribe","data":{"channel":"market_data"}}`, visit
	switch visit % 4 {
	case 1:
		says = `{"type":"subscribe","data":{"channel":"performance_alert","since":1}}`
	case 3:
		says, times = `{"type":"ping"}`, 3*stream.MessageBurst
	}
	for range times {
		_ = conn.WriteMessage(websocket.TextMessage, []byte(says))
		if visit%4 != 3 {
			_, _, _ = conn.ReadMessage()
		}
	}
}

func requireError(t *testing.T, body io.Reader, code string) {
	t.Helper()
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, contracts.Check("http/error", text))
	require.Contains(t, string(text), `"code":"`+code+`"`)
}

// wait lets virtual time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
	synctest.Wait()
}

func TestAClientMaySayOnlySoMuch(t *testing.T) {
	tests := map[string]func(*client){
		"messages": func(c *client) { c.say(`{"type":"ping"}`) },
		"nonsense": func(c *client) { c.say(`hello`) },
		"pings":    func(c *client) { _ = c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) },
		"pongs":    func(c *client) { _ = c.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second)) },
	}
	for name, say := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				c, other := d.dial(t), d.dial(t)
				code := make(chan int, 1)
				go func() {
					got, _ := c.closed()
					code <- got
				}()
				for range stream.MessageBurst {
					say(c)
				}
				for range 5 * stream.MessagesPerSecond {
					wait(t, time.Second/stream.MessagesPerSecond)
					say(c)
				}
				synctest.Wait()
				require.Equal(t, 2, d.Connections(), "as much as is allowed is no flood")
				say(c)
				require.Equal(t, stream.CloseFlooding, <-code)
				_ = c.Close()
				wait(t, 2*time.Second)
				require.Equal(t, 1, d.Connections())
				other.say(`{"type":"ping"}`)
				other.expect("pong")
			})
		})
	}
}

func TestAMessageThatNeverEndsIsAFloodToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		c := d.dial(t)
		code := make(chan int, 1)
		go func() {
			got, _ := c.closed()
			code <- got
		}()
		piece := func(first byte) {
			require.NoError(t, c.NetConn().SetWriteDeadline(time.Time{}))
			_, err := c.NetConn().Write([]byte{first, 0x80, 0, 0, 0, 0}) // masked, empty, and not the last
			require.NoError(t, err)
		}
		piece(0x01)
		for range 4 { // pings between the pieces gain no time
			wait(t, time.Second)
			piece(0x00)
			require.NoError(t, c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)))
		}
		synctest.Wait()
		require.Equal(t, 1, d.Connections())
		require.Equal(t, stream.CloseFlooding, <-code)
	})
}

// Virtual time stands still while somebody talks, so this is in real time.
func TestAFloodThatReadsNothingIsGoneSoon(t *testing.T) {
	d := open(t, stream.Config{CloseWait: 50 * time.Millisecond, WriteWait: 50 * time.Millisecond})
	c := d.dial(t)
	began := time.Now()
	for c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)) == nil {
	}
	require.Less(t, time.Since(began), 5*time.Second)
	require.Eventually(t, func() bool { return d.Connections() == 0 }, 5*time.Second, 10*time.Millisecond)
}
