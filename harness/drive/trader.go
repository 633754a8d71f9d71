package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Gallery is the traders who watch the market. Each has a line of their own.
type Gallery struct {
	traders []*trader
	stalled []*stalledLine
	readers sync.WaitGroup
}

// trader reads every price that arrives on one line.
type trader struct {
	conn *websocket.Conn
	// greeted is closed by the first message, or when the line ends: the
	// handshake alone does not say that the trader is among those who are sent
	// the prices.
	greeted chan struct{}

	mu    sync.Mutex
	sheet sheet // its tape is nil until a session is followed
	lag   *measure.Histogram
}

// Seat opens a line for each of n traders who read, and one for each of
// stalled more who never read what they are sent. It returns when the service
// has greeted the traders, and the lines that stall have asked for more than a
// line holds.
func (m *Market) Seat(ctx context.Context, n, stalled int) (*Gallery, error) {
	g := &Gallery{}
	for i := range n + stalled {
		conn, err := m.dial(ctx, i >= n)
		if err != nil {
			g.Leave()
			return nil, fmt.Errorf("seating trader %d of %d: %w", i+1, n+stalled, err)
		}
		if i >= n {
			g.stalled = append(g.stalled, newStalledLine(conn))
			continue
		}
		t := &trader{conn: conn, greeted: make(chan struct{})}
		g.traders = append(g.traders, t)
		g.readers.Go(t.read)
	}
	for _, t := range g.traders {
		if err := awaited(ctx, t.greeted); err != nil {
			g.Leave()
			return nil, fmt.Errorf("seating %d traders: %w", n, err)
		}
	}
	for _, line := range g.stalled {
		if err := awaited(ctx, line.full); err != nil {
			g.Leave()
			return nil, fmt.Errorf("seating %d traders whose line stalls: %w", stalled, err)
		}
	}
	return g, nil
}

func awaited(ctx context.Context, happens <-chan struct{}) error {
	bound := time.NewTimer(patience)
	defer bound.Stop()
	select {
	case <-happens:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-bound.C:
		return errors.New("the service did not send in time what it begins with")
	}
}

func (m *Market) dial(ctx context.Context, stalls bool) (*websocket.Conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	if stalls {
		dialer.NetDialContext = (&net.Dialer{Control: narrow}).DialContext
	}
	address := "ws" + strings.TrimPrefix(m.base, "http") + "/ws"
	conn, resp, err := dialer.DialContext(ctx, address, http.Header{})
	if resp != nil {
		_ = resp.Body.Close()
	}
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, websocket.ErrBadHandshake) && resp != nil:
		return nil, fmt.Errorf("opening a line to the market: the service answered %d and opened none", resp.StatusCode)
	}
	return nil, fmt.Errorf("opening a line to the market: %w", lineError(err))
}

// lineError says why a line cannot be used. What the libraries say holds
// addresses that differ in every run.
func lineError(err error) error {
	var number syscall.Errno
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &number):
		return number
	}
	return errors.New("the service ended the line")
}

// Leave closes every line and waits until its reader is gone.
func (g *Gallery) Leave() {
	for _, t := range g.traders {
		_ = t.conn.Close()
	}
	for _, line := range g.stalled {
		line.leave()
	}
	g.readers.Wait()
}

// Len is the number of traders who read.
func (g *Gallery) Len() int { return len(g.traders) }

func (g *Gallery) follow(t *tape) {
	t.expect()
	for _, trader := range g.traders {
		trader.mu.Lock()
		trader.sheet, trader.lag = t.sheet(), measure.NewHistogram()
		trader.mu.Unlock()
	}
}

func (t *trader) read() {
	greet := sync.OnceFunc(func() { close(t.greeted) })
	defer greet()
	for {
		_, raw, err := t.conn.ReadMessage()
		if err != nil {
			return // what is still due will be missing
		}
		greet()
		t.hear(raw, time.Now())
	}
}

func (t *trader) hear(raw []byte, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tape := t.sheet.tape
	if tape == nil {
		return
	}
	d, isPrice := tape.read(raw)
	if !isPrice {
		return
	}
	i, isNew := t.sheet.enter(d)
	if !isNew {
		return
	}
	t.lag.Record(now.Sub(tape.start) - time.Duration(tape.due[i].Load()))
	tape.arrived.Add(1)
	select {
	case tape.wake <- struct{}{}:
	default:
	}
}

// witnessed sums up what the gallery saw of the tape, of which offered prices
// were due and stored were acknowledged; see Market.Trade.
func (g *Gallery) witnessed(t *tape, offered, stored int64) measure.Set {
	seen := measure.Set{}
	if len(g.traders) > 0 {
		lag := measure.NewHistogram()
		delivered := measure.Share{Of: offered * int64(len(g.traders))}
		var wrong measure.Share
		for _, trader := range g.traders {
			trader.mu.Lock()
			lag.Merge(trader.lag)
			delivered.Hits += trader.sheet.count
			wrong.Hits += trader.sheet.wrong
			wrong.Of += trader.sheet.heard
			trader.mu.Unlock()
		}
		seen["delivery lag"] = measure.Value{Unit: measure.Milliseconds, Histogram: lag}
		seen["prices delivered"] = measure.Value{Unit: "%", Share: &delivered}
		seen["prices delivered wrong"] = measure.Value{Share: &wrong}
	}
	if len(g.stalled) > 0 {
		seen["lines that stalled"] = measure.Value{Share: g.stalls(t, stored)}
	}
	return seen
}
