package drive

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/harness/measure"
)

// stalledLine is the line of a trader whose program has stopped reading but
// goes on asking, no faster than it may. What a line holds on its way (the
// buffers of both kernels) is more than a few seconds of prices, so prices alone
// would not make the service wait; the answers to the questions do.
type stalledLine struct {
	conn  *websocket.Conn
	full  chan struct{} // closed when the first questions have been asked
	stop  chan struct{} // closed to end the asking
	ended chan struct{} // closed when nothing is asked any more
	once  sync.Once
}

const (
	// stalledBuffer is the receive buffer of a line that stalls, in bytes. It
	// is small so that the stall reaches the service, not only the kernel.
	stalledBuffer = 4 << 10
	// stallPrices makes the prices come too; stallQuestion is answered with all
	// figures that there were, of some 700 bytes each.
	stallPrices   = `{"type":"subscribe","data":{"channel":"market_data"}}`
	stallQuestion = `{"type":"subscribe","data":{"channel":"database_performance","since":0}}`
	// stallFirst questions are asked one each stallPace, and then one each
	// stallTrickle: a client may say a hundred messages at once and 20 a second.
	stallFirst   = 90
	stallPace    = 10 * time.Millisecond
	stallTrickle = 70 * time.Millisecond
	// stallEnd is how long a line may stay full before it is read at last.
	stallEnd = 10 * time.Second
	// stallQuiet is how long a line may be silent before it counts as read
	// empty, and stallRead how long the reading may take.
	stallQuiet = 500 * time.Millisecond
	stallRead  = 2 * time.Second
)

func newStalledLine(conn *websocket.Conn) *stalledLine {
	s := &stalledLine{conn: conn, full: make(chan struct{}), stop: make(chan struct{}), ended: make(chan struct{})}
	go s.ask()
	return s
}

// ask sends questions until it is stopped or nothing can be sent any more.
func (s *stalledLine) ask() {
	defer close(s.ended)
	tick := time.NewTicker(stallPace)
	defer tick.Stop()
	filled := sync.OnceFunc(func() { close(s.full) })
	defer filled()
	for asked := 0; ; asked++ {
		question := stallQuestion
		switch asked {
		case 0:
			question = stallPrices
		case stallFirst:
			filled()
			tick.Reset(stallTrickle)
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(stallQuiet))
		if s.conn.WriteMessage(websocket.TextMessage, []byte(question)) != nil {
			return // the service has ended the line, or reads no more either
		}
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
	}
}

// quit ends the asking.
func (s *stalledLine) quit() {
	s.once.Do(func() { close(s.stop) })
	<-s.ended
}

func (s *stalledLine) leave() {
	_ = s.conn.Close()
	s.quit()
}

// lost waits until the line cannot be asked on any more, reads at last what it
// holds and reports whether the service had ended it or prices of the tape are
// missing on it.
func (s *stalledLine) lost(t *tape, stored int64) bool {
	patience := time.NewTimer(stallEnd)
	defer patience.Stop()
	select {
	case <-s.ended:
	case <-patience.C:
	}
	s.quit()
	sheet, end := t.sheet(), time.Now().Add(stallRead)
	for sheet.count < stored {
		quiet := time.Now().Add(stallQuiet)
		if quiet.After(end) {
			quiet = end
		}
		_ = s.conn.SetReadDeadline(quiet)
		_, raw, err := s.conn.ReadMessage()
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			break
		}
		if err != nil {
			return true
		}
		if d, isPrice := t.read(raw); isPrice {
			sheet.enter(d)
		}
	}
	return sheet.count < stored
}

// stalls counts the lines that were lost. A line that was not held everything
// that was sent to it and burdened nobody.
func (g *Gallery) stalls(t *tape, stored int64) *measure.Share {
	var lost atomic.Int64
	var lines sync.WaitGroup
	for _, line := range g.stalled {
		lines.Go(func() {
			if line.lost(t, stored) {
				lost.Add(1)
			}
		})
	}
	lines.Wait()
	return &measure.Share{Hits: lost.Load(), Of: int64(len(g.stalled))}
}
