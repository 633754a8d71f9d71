// Package stream carries live prices and news of the service's health to
// WebSocket clients. Every message is one text frame with the envelope
// {"type": …, "timestamp": …, "data": {…}}; it is encoded once and the same
// bytes go to every client.
//
// A connection has one goroutine that reads and one that writes. Nothing that
// happens on one connection delays another: each has a bounded queue, and a
// client that cannot keep up is closed with code 4408.
//
// The package refuses to know where prices come from, how they are stored and
// what makes a database healthy.
package stream

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
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

// Close codes of ours, besides those of RFC 6455.
const (
	// CloseTooSlow tells a client that it could not keep up.
	CloseTooSlow = 4408
)

// readLimit is the size in bytes of the largest message a client may send. A
// larger one is answered with close code 1009.
const readLimit = 4096

// sendBuffer is how many bytes the kernel may hold for a client. Left to
// itself it would hold megabytes, and a client that stopped reading would be
// noticed only long after its prices had become old.
const sendBuffer = 64 << 10

// Manager is the ConnectionManager: it knows every connected client.
type Manager struct {
	config   Config
	upgrader websocket.Upgrader
	channels channels

	order    sync.Mutex // held from numbering a message until it is queued
	mu       sync.RWMutex
	clients  map[*client]struct{}
	stopping bool
	running  sync.WaitGroup
}

// NewManager makes a Manager without clients. Clients may connect at once;
// heartbeats and news of health need Run.
func NewManager(config Config) *Manager {
	config = config.withDefaults()
	m := &Manager{config: config, clients: map[*client]struct{}{}}
	m.upgrader = websocket.Upgrader{
		HandshakeTimeout: config.WriteWait,
		ReadBufferSize:   1024,
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
		f, err := m.channels.encode(MarketData, tick)
		if err != nil {
			m.config.Log.Error("tick not broadcast", "symbol", tick.Symbol, "trade", tick.Trade, "error", err)
			continue
		}
		frames = append(frames, f)
	}
	m.send(frames)
}

// Broadcast sends data, anything that encodes to a JSON object, to every
// client of the channel. It never waits for a client. An unknown channel and
// data without a JSON form are logged and dropped: they are mistakes of the
// program, not of a client.
func (m *Manager) Broadcast(channel string, data any) {
	m.order.Lock()
	defer m.order.Unlock()
	f, err := m.channels.encode(channel, data)
	if err != nil {
		m.config.Log.Error("message not broadcast", "channel", channel, "error", err)
		return
	}
	m.send([]*frame{f})
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
	beat, look := time.NewTicker(m.config.Beat), time.NewTicker(time.Second)
	defer beat.Stop()
	defer look.Stop()
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
		case <-ctx.Done():
			m.stop()
			return nil
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

// ServeHTTP accepts one WebSocket client. It returns once the client is
// connected; the client's goroutines outlive it.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if code, message := m.refusal(); code != "" {
		refuse(w, http.StatusServiceUnavailable, code, message)
		return
	}
	socket, err := m.upgrader.Upgrade(w, r, nil)
	if err != nil {
		m.config.Log.Debug("handshake refused", "error", err)
		return
	}
	if line, ok := socket.NetConn().(*net.TCPConn); ok {
		_ = line.SetWriteBuffer(sendBuffer) // a wish; the default works too
	}
	c := newClient(m, socket, rand.Text())
	if !m.register(c) {
		_ = socket.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "no room for another client"),
			time.Now().Add(m.config.WriteWait))
		_ = socket.Close()
	}
}

func (m *Manager) refusal() (code, message string) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.stopping:
		return "shutting_down", "The service is shutting down."
	case len(m.clients) >= m.config.MaxClients:
		return "too_many_clients", "No room for another client."
	}
	return "", ""
}

// register greets the client before any broadcast can reach it and starts it.
func (m *Manager) register(c *client) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping || len(m.clients) >= m.config.MaxClients {
		return false
	}
	c.offer([]*frame{
		reply("connection_established", established{ClientID: c.id, Channels: channelNames()}),
		reply(HealthStatus, healthData(m.config.Health())),
	})
	m.clients[c] = struct{}{}
	m.running.Go(func() {
		c.serve()
		m.mu.Lock()
		delete(m.clients, c)
		m.mu.Unlock()
	})
	return true
}
