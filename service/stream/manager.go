// Package stream carries live prices and news of the service's health to
// WebSocket clients. Every message is one text frame with the envelope
// {"type": …, "timestamp": …, "data": {…}}; it is encoded once and the same
// bytes go to every client.
//
// A connection has one goroutine that reads; a few writers serve all. Nothing
// that happens on one connection delays another: each has a bounded queue, a
// writer that has to wait for a client is replaced, and a client that cannot
// keep up is closed with code 4408.
//
// The package refuses to know where prices come from, how they are stored and
// what makes a database healthy.
package stream

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Config is what a Manager needs. Its zero value is usable.
type Config struct {
	// Log receives connections that were closed for a reason of ours. Nil
	// discards them.
	Log *slog.Logger
	// Health says how the service is: "healthy", "degraded" or "unhealthy".
	// It is asked once a second and for every new client, so it must answer
	// from memory. Nil means always "healthy".
	Health func() string
	// Authenticate says whether who shakes hands may listen. Whoever may not is
	// closed with 4401 at once. Nil admits everybody.
	Authenticate func(*http.Request) bool
	// Origins are web origins, such as "https://desk.example", that may
	// connect besides pages of the same host.
	Origins []string
	// Queue is how many messages may wait for a client before it counts as
	// too slow. Zero means 1024.
	Queue int
	// MaxClients is how many clients may be connected. Zero means 15,000.
	MaxClients int

	// Ping is the time between two pings, PongWait how long a client may stay
	// silent, WriteWait how long one write may take, Beat the time between
	// two heartbeats and CloseWait how long a closed client may take to hang
	// up. Zero means 25 s, 60 s, 5 s, 30 s and 1 s.
	Ping, PongWait, WriteWait, Beat, CloseWait time.Duration
}

// readLimit is the size in bytes of the largest message a client may send. A
// larger one is answered with close code 1009.
const readLimit = 4096

// Manager is the ConnectionManager: it knows every connected client.
type Manager struct {
	config   Config
	upgrader websocket.Upgrader
	writers  writers

	order sync.Mutex // held from numbering or keeping a message until it is queued
	pasts map[string]*past

	mu       sync.RWMutex
	clients  map[*client]struct{}
	turn     int // whose turn it is to be pinged
	stopping bool
	turning  int // connections that are being turned away
	running  sync.WaitGroup
}

// NewManager makes a Manager without clients. Clients may connect at once;
// heartbeats, pings and news of health need Run.
func NewManager(config Config) *Manager {
	config = config.withDefaults()
	m := &Manager{config: config, pasts: newPasts(), clients: map[*client]struct{}{}}
	m.writers.most, m.writers.running = writersPerProcessor*runtime.GOMAXPROCS(0), &m.running
	m.upgrader = websocket.Upgrader{
		HandshakeTimeout: config.WriteWait,
		ReadBufferSize:   256, // what clients say is short; longer messages are read in parts
		WriteBufferSize:  1024,
		WriteBufferPool:  &sync.Pool{},
		CheckOrigin:      originCheck(config.Origins),
		Error:            refuseHandshake,
	}
	return m
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Health == nil {
		c.Health = func() string { return "healthy" }
	}
	if c.Queue == 0 {
		c.Queue = 1024
	}
	if c.MaxClients == 0 {
		c.MaxClients = 15_000
	}
	for _, wait := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.Ping, 25 * time.Second}, {&c.PongWait, 60 * time.Second}, {&c.WriteWait, 5 * time.Second},
		{&c.Beat, 30 * time.Second}, {&c.CloseWait, time.Second},
	} {
		if *wait.value == 0 {
			*wait.value = wait.fallback
		}
	}
	return c
}

// Connections is the number of connected clients.
func (m *Manager) Connections() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.clients)
}

// PublishTicks sends each tick as one market_data message, in order. It never
// waits for a client.
func (m *Manager) PublishTicks(ticks []Tick) {
	if len(ticks) == 0 || m.Connections() == 0 {
		return
	}
	frames := make([]*frame, 0, len(ticks))
	for _, tick := range ticks {
		tick.At = tick.At.UTC()
		f, err := news(MarketData, 0, time.Now(), tick)
		if err != nil {
			m.config.Log.Error("tick not broadcast", "symbol", tick.Symbol, "trade", tick.Trade, "error", err)
			continue
		}
		frames = append(frames, f)
	}
	m.send(frames)
}

// Broadcast sends data, anything that encodes to a JSON object, to every
// client of the channel. It never waits for a client. On a numbered channel the
// message gets the number after the newest: that is for a service which numbers
// its messages itself; where replicas do it together, see Relay. An unknown
// channel and data without a JSON form are logged and dropped: they are
// mistakes of the program, not of a client.
func (m *Manager) Broadcast(channel string, data any) {
	m.order.Lock()
	defer m.order.Unlock()
	var seq uint64
	if p := m.pasts[channel]; p != nil {
		seq = p.latest + 1
	}
	f, err := news(channel, seq, time.Now(), data)
	if err != nil {
		m.config.Log.Error("message not broadcast", "channel", channel, "error", err)
		return
	}
	m.tell(channel, f)
}

// send offers the frames to every client. The lock is shared and held only
// while pointers are copied; nobody is unregistered here.
func (m *Manager) send(frames []*frame) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for c := range m.clients {
		c.offer(frames)
	}
}

// Run keeps clients informed until ctx ends: a heartbeat and the health every
// 30 seconds, and the health as soon as it changes. Then it refuses new
// clients, sends what is waiting, closes every client with 1001 and returns
// when the last goroutine has ended.
func (m *Manager) Run(ctx context.Context) error {
	beat, look, turn := time.NewTicker(m.config.Beat), time.NewTicker(time.Second), time.NewTicker(m.config.Ping/pingTurns)
	defer beat.Stop()
	defer look.Stop()
	defer turn.Stop()
	health := m.config.Health()
	for {
		select {
		case <-beat.C:
			m.Broadcast(Heartbeat, struct{}{})
			m.Broadcast(HealthStatus, healthData(m.config.Health()))
		case <-look.C:
			if now := m.config.Health(); now != health {
				health = now
				m.Broadcast(HealthStatus, healthData(health))
			}
		case <-turn.C:
			m.ping()
		case <-ctx.Done():
			m.stop()
			return nil
		}
	}
}

// pingTurns is into how many parts the time between two pings is divided: in
// each of them some clients are pinged, so that no client needs a clock of its
// own and they do not all answer at once.
const pingTurns = 25

func (m *Manager) ping() {
	m.mu.Lock()
	m.turn = (m.turn + 1) % pingTurns
	m.mu.Unlock()
	m.mu.RLock()
	defer m.mu.RUnlock()
	ping := []*frame{{control: websocket.PingMessage}}
	for c := range m.clients {
		if c.turn == m.turn {
			c.offer(ping)
		}
	}
}

func (m *Manager) stop() {
	m.mu.Lock()
	m.stopping = true
	for c := range m.clients {
		c.finish(websocket.CloseGoingAway, "the service is shutting down")
	}
	m.mu.Unlock()

	force := time.AfterFunc(m.config.WriteWait, func() {
		m.mu.RLock()
		defer m.mu.RUnlock()
		for c := range m.clients {
			_ = c.socket.Close()
		}
	})
	defer force.Stop()
	m.running.Wait()
}
