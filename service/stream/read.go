package stream

import (
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// allowance is how much a client may still say: a bucket that holds
// MessageBurst and fills by MessagesPerSecond.
type allowance struct {
	left float64
	at   time.Time
}

// take says whether one more is allowed.
func (a *allowance) take(now time.Time) bool {
	a.left = min(MessageBurst, a.left+max(0, now.Sub(a.at).Seconds())*MessagesPerSecond)
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

var errFlooding = errors.New("the client says too much")

// read answers what the client says until it leaves, breaks a rule or stays
// silent for too long. What a client says after it was told to leave is read
// and dropped.
func (c *client) read() {
	defer close(c.unread)
	c.socket.SetReadLimit(readLimit)
	c.socket.SetPongHandler(func(string) error { return c.heard() })
	c.socket.SetPingHandler(func(payload string) error {
		c.offer([]*frame{{control: websocket.PongMessage, payload: []byte(payload)}})
		return c.heard()
	})
	c.socket.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = CloseNormal
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(ending{code: code, reason: ""})
		return nil
	})
	for c.alive() == nil {
		kind, message, err := c.socket.ReadMessage()
		if left := (*websocket.CloseError)(nil); errors.As(err, &left) {
			return
		}
		if err != nil || c.heard() != nil || !c.acceptable(kind, message) {
			break
		}
		c.answer(message)
	}
	if c.socket.SetReadDeadline(time.Now().Add(c.manager.config.CloseWait)) == nil {
		_, _ = io.Copy(io.Discard, c.socket.NetConn())
	}
}

// heard counts what the client has said and ends the connection of one that
// floods. What is waiting for it is dropped: it may not read either.
func (c *client) heard() error {
	if !c.allowance.take(time.Now()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(ending{code: CloseFlooding, reason: "the client says too much"})
		return errFlooding
	}
	return c.alive()
}

// acceptable ends the connection of a client whose message is no text.
func (c *client) acceptable(kind int, message []byte) bool {
	switch {
	case kind != websocket.TextMessage:
		c.finish(CloseBinary, "messages are text")
	case !utf8.Valid(message):
		c.finish(CloseInvalidText, "text is UTF-8")
	default:
		return true
	}
	return false
}

func (c *client) alive() error {
	return c.socket.SetReadDeadline(time.Now().Add(c.manager.config.PongWait))
}
