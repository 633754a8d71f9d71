package stream

import (
	"crypto/rand"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// ServeHTTP accepts one WebSocket client. It returns once the client is
// connected; the client's reader outlives it.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if code, message := m.refusal(); code != "" {
		refuse(w, http.StatusServiceUnavailable, code, message)
		return
	}
	taker := &lineTaker{ResponseWriter: w, writers: &m.writers}
	socket, err := m.upgrader.Upgrade(taker, r, nil)
	if err != nil {
		m.config.Log.Debug("handshake refused", "error", err)
		return
	}
	if m.config.Authenticate != nil && !m.config.Authenticate(r) {
		m.turnAway(socket, CloseUnauthenticated, "the token, or a ticket that holds, is needed")
		return
	}
	if !m.register(newClient(m, socket, taker.line, rand.Text())) {
		m.turnAway(socket, CloseNoRoom, "no room for another client")
	}
}

// mostTurnedAway is how many connections may take their time to read why they
// were turned away; others are cut off after the close frame was written.
const mostTurnedAway = 100

// turnAway closes a connection that never becomes a client. A page in a browser
// is told a close code only if its handshake succeeded.
func (m *Manager) turnAway(socket *websocket.Conn, code int, reason string) {
	defer func() { _ = socket.Close() }()
	m.mu.Lock()
	patient := m.turning < mostTurnedAway && !m.stopping
	if patient {
		m.turning++
		m.running.Add(1)
	}
	m.mu.Unlock()
	until := time.Now().Add(m.config.CloseWait)
	err := socket.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), until)
	m.config.Log.Debug("client turned away", "code", code, "reason", reason, "error", err)
	if !patient {
		return
	}
	if err == nil && socket.SetReadDeadline(until) == nil {
		_, _ = io.Copy(io.Discard, socket.NetConn())
	}
	m.mu.Lock()
	m.turning--
	m.mu.Unlock()
	m.running.Done()
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
	m.running.Add(1) // until it has left
	c.offer([]*frame{
		reply("connection_established", established{ClientID: c.id, Channels: channelNames()}),
		reply(HealthStatus, healthData(m.config.Health())),
	})
	c.turn = m.turn
	m.clients[c] = struct{}{}
	m.running.Go(c.read)
	return true
}

func (m *Manager) unregister(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, c)
}
