package stream

import (
	"errors"
	"io"
	"net"
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
	defer c.lost()
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
		kind, message, err := c.message()
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

// message reads one message. It may come in any number of pieces, which nobody
// counts, so that all of them are to come within the time of a write.
func (c *client) message() (kind int, message []byte, err error) {
	kind, pieces, err := c.socket.NextReader()
	if err != nil {
		return kind, nil, err
	}
	if err := c.socket.SetReadDeadline(time.Now().Add(c.manager.config.WriteWait)); err != nil {
		return kind, nil, err
	}
	c.amid = true
	message, err = io.ReadAll(pieces)
	c.amid = false
	if late := (net.Error)(nil); errors.As(err, &late) && late.Timeout() {
		c.flooded()
	}
	return kind, message, err
}

// heard counts what the client has said and ends the connection of one that
// floods. What is waiting for it is dropped: it may not read either.
func (c *client) heard() error {
	if !c.allowance.take(time.Now()) {
		c.flooded()
		return errFlooding
	}
	return c.alive()
}

func (c *client) flooded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(ending{code: CloseFlooding, reason: "the client says too much"})
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

// alive gives a client time to say more; amid a message it has what is left.
func (c *client) alive() error {
	if c.amid {
		return nil
	}
	return c.socket.SetReadDeadline(time.Now().Add(c.manager.config.PongWait))
}
