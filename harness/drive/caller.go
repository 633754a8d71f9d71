package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

// heard is one message as it came. Its type is empty if it has no envelope.
type heard struct {
	Type string `json:"type"`
	Seq  *int64 `json:"seq"`

	raw []byte
	at  time.Time
}

// caller is a client that talks as well as it listens.
type caller struct {
	conn   *websocket.Conn
	began  time.Time // when the line was open
	frames chan heard
	ended  chan struct{} // closed when the line is gone
	code   int           // with which the service closed it; to be read when ended is closed
}

func (m *Market) call(ctx context.Context) (*caller, error) {
	conn, err := m.dial(ctx, false)
	if err != nil {
		return nil, err
	}
	c := &caller{conn: conn, began: time.Now(), frames: make(chan heard, 4096), ended: make(chan struct{})}
	go c.listen()
	return c, nil
}

func (c *caller) listen() {
	defer close(c.frames)
	for {
		_, raw, err := c.conn.ReadMessage()
		if err != nil {
			if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
				c.code = closed.Code
			}
			close(c.ended)
			return
		}
		h := heard{raw: raw, at: time.Now()}
		if json.Unmarshal(raw, &h) != nil {
			h.Type = "" // no envelope: a message that changed
		}
		c.frames <- h
	}
}

// hangUp ends the call and reads what is left, so that the listener can end.
func (c *caller) hangUp() {
	_ = c.conn.Close()
	for range c.frames {
		continue // drained on purpose
	}
}

func (c *caller) say(message string) error {
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		return fmt.Errorf("sending a message: %w", lineError(err))
	}
	return nil
}

// gone reports whether the line was ended by the service.
func (c *caller) gone() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// answerTime is how long a caller waits for the answer to a message.
const answerTime = 5 * time.Second

// anything is a type that no message has: a caller who waits for it listens
// until time is up.
const anything = "\x00"

// until collects messages until one is of the wanted type, the line is gone or
// ctx is done; what has arrived by then is heard.
func (c *caller) until(ctx context.Context, wanted string) (all []heard, came bool) {
	for {
		select {
		case h, open := <-c.frames:
			if !open {
				return all, false
			}
			all = append(all, h)
			if h.Type == wanted {
				return all, true
			}
		case <-ctx.Done():
			for range len(c.frames) {
				if h, open := <-c.frames; open {
					all = append(all, h)
				}
			}
			return all, false
		}
	}
}

// answer collects messages until the answer comes or answerTime is over.
func (c *caller) answer(ctx context.Context, wanted string) ([]heard, bool) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return c.until(ctx, wanted)
}

// evenly spreads the prices over the time.
func evenly(prices []market.Tick, lasts time.Duration) load.Schedule {
	return load.Constant(float64(len(prices))/lasts.Seconds(), lasts)
}

// trading has the market trade prices while something else is looked at.
func (m *Market) trading(ctx context.Context, prices []market.Tick, lasts time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := m.Trade(ctx, nil, Session{Schedule: evenly(prices, lasts), Prices: prices})
		done <- err
	}()
	return done
}

// hours are a stretch of trading that a caller listens to.
type hours struct {
	schedule load.Schedule
	tape     *tape
	began    time.Time
	over     chan struct{}
	err      error // to be read when over is closed
}

func (m *Market) begin(ctx context.Context, prices []market.Tick, lasts time.Duration) *hours {
	h := &hours{schedule: evenly(prices, lasts), tape: newTape(prices), began: time.Now(), over: make(chan struct{})}
	trading := m.trading(ctx, prices, lasts)
	go func() {
		defer close(h.over)
		h.err = <-trading
	}()
	return h
}

// echo is how long the last prices may take to arrive.
const echo = time.Second

// open returns a context that is done when the hours and their echo are over.
func (h *hours) open(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-h.over:
		case <-ctx.Done():
			return
		}
		last := time.AfterFunc(echo, cancel)
		<-ctx.Done()
		last.Stop()
	}()
	return ctx, cancel
}

// dueAfter counts the prices that come due after a moment.
func (h *hours) dueAfter(moment time.Time) int64 {
	n := int64(0)
	for i := 0; ; i++ {
		due, more := h.schedule.Due(i)
		if !more {
			return n
		}
		if h.began.Add(due).After(moment) {
			n++
		}
	}
}
