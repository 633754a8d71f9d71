package drive_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// exchange is a service with live prices that can be told to lie.
type exchange struct {
	// tamper returns what is sent in place of the nth message of a kind on a
	// line, counted from 1; nil sends everything as it is.
	tamper func(kind string, n int, frame []byte) [][]byte
	// stubborn keeps sending prices to those who left them.
	stubborn bool
	// oneWriter writes to all lines from one goroutine.
	oneWriter bool
	// figures is run for each line and sends live figures by their numbers.
	figures func(send func(seq int))

	mu    sync.Mutex
	lines map[*seat]struct{}
	out   *queue
}

// seat is the line of one client.
type seat struct {
	exchange *exchange
	conn     *websocket.Conn
	out      *queue

	mu      sync.Mutex
	counts  map[string]int
	chosen  bool
	choices map[string]bool
}

// queue holds what is still to be written and never makes anybody wait.
type queue struct {
	mu      sync.Mutex
	waiting []func()
	wake    chan struct{}
	closed  chan struct{}
}

func newQueue(t *testing.T) *queue {
	t.Helper()
	q := &queue{wake: make(chan struct{}, 1), closed: make(chan struct{})}
	go q.run()
	t.Cleanup(func() { close(q.closed) })
	return q
}

func (q *queue) put(do func()) {
	q.mu.Lock()
	q.waiting = append(q.waiting, do)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) run() {
	for {
		select {
		case <-q.wake:
		case <-q.closed:
			return
		}
		q.mu.Lock()
		all := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		for _, do := range all {
			do()
		}
	}
}

func (e *exchange) serve(t *testing.T) *drive.Market {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/ticks", e.store)
	mux.Handle("GET /ws", e.handler(t))
	return marketOf(t, mux)
}

// handler takes the lines.
func (e *exchange) handler(t *testing.T) http.HandlerFunc {
	t.Helper()
	e.lines, e.out = map[*seat]struct{}{}, newQueue(t)
	t.Cleanup(e.close)
	return func(w http.ResponseWriter, r *http.Request) { e.accept(t, w, r) }
}

// marketOf is the market that a service makes.
func marketOf(t *testing.T, service http.Handler) *drive.Market {
	t.Helper()
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	m := drive.NewMarket(server.URL, 16)
	t.Cleanup(m.Close)
	return m
}

func (e *exchange) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.lines {
		_ = s.conn.Close()
	}
}

func (e *exchange) store(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Ticks []struct {
			Symbol string    `json:"symbol"`
			Price  float64   `json:"price"`
			Volume float64   `json:"volume"`
			Trade  int64     `json:"trade"`
			At     time.Time `json:"at"`
		} `json:"ticks"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(`{"stored":1,"duplicates":0}`))
	data, _ := json.Marshal(body.Ticks[0])
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.lines {
		s.send("market_data", string(data))
	}
}

// lineHolds is the send buffer of a line in bytes, as small as a service with
// an eye on slow clients sets it.
const lineHolds = 64 << 10

func (e *exchange) accept(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(lineHolds)
	}
	s := &seat{exchange: e, conn: conn, out: e.out, counts: map[string]int{}, choices: map[string]bool{}}
	if !e.oneWriter {
		s.out = newQueue(t)
	}
	e.mu.Lock()
	e.lines[s] = struct{}{}
	s.send("connection_established", `{"client_id":"K7P2Q9XWVE4M","channels":["market_data","health_status","heartbeat"]}`)
	e.mu.Unlock()
	if e.figures != nil {
		go e.figures(func(seq int) { s.figure(seq) })
	}
	s.read()
	e.mu.Lock()
	delete(e.lines, s)
	e.mu.Unlock()
	_ = conn.Close()
}

func (s *seat) read() {
	for {
		var said struct {
			Type string
			Data struct{ Channel string }
		}
		if s.conn.ReadJSON(&said) != nil {
			return
		}
		channel := fmt.Sprintf(`{"channel":%q}`, said.Data.Channel)
		switch said.Type {
		case "ping":
			s.send("pong", `{}`)
		case "subscribe":
			s.choose(said.Data.Channel, true)
			s.send("subscribed", channel)
			switch said.Data.Channel {
			case "heartbeat":
				s.send("heartbeat", `{}`)
			case "database_performance": // what there was
				for seq := range 3 {
					s.figure(seq + 1)
				}
			}
		case "unsubscribe":
			s.choose(said.Data.Channel, s.exchange.stubborn)
			s.send("unsubscribed", channel)
		}
	}
}

func (s *seat) choose(channel string, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chosen = true
	s.choices[channel] = wanted
}

func (s *seat) figure(seq int) {
	s.write("database_performance", fmt.Sprintf(`{"type":"database_performance","timestamp":"2026-01-05T14:30:00.123456Z","seq":%d,"data":%s}`, seq, brief))
}

func (s *seat) send(kind, data string) {
	s.write(kind, fmt.Sprintf(`{"type":%q,"timestamp":"2026-01-05T14:30:00.123456Z","data":%s}`, kind, data))
}

func (s *seat) write(kind, frame string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == "market_data" && s.chosen && !s.choices[kind] {
		return
	}
	s.counts[kind]++
	frames := [][]byte{[]byte(frame)}
	if s.exchange.tamper != nil {
		frames = s.exchange.tamper(kind, s.counts[kind], frames[0])
	}
	for _, f := range frames {
		s.out.put(func() {
			if f == nil {
				_ = s.conn.Close() // told to hang up
				return
			}
			_ = s.conn.WriteMessage(websocket.TextMessage, f)
		})
	}
}

// prices are n prices that a test trades.
func prices(n int) []market.Tick {
	return market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Take(n)
}

// brief is what the live figures of a database look like.
const brief = `{"status":"pass","reasons":[],"checked_at":"2026-01-05T14:30:00.123456Z",` +
	`"pool":{"acquired":1,"max":8,"utilisation":0.125,"wait_share":0.01,"wait_ms":1.5},` +
	`"inserts":{"rows_per_second":167.5,"stored_rows_per_second":167.5,"writing_share":1.1},` +
	`"queries":{"count":400,"p50_ms":0.4,"p95_ms":1.2,"p99_ms":3.1},"cache":{"hit_ratio":0.998},` +
	`"connections":{"open":6,"max":100},"locks":{"waiting":0,"longest_wait_ms":0},"partitions":null,"replicas":1,"stale":[]}`
