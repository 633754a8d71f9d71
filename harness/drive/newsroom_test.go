package drive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/harness/drive"
)

// newsroom is several services that tell the same figures and alerts, the
// first of them that is open collecting. They can be told to lie.
type newsroom struct {
	// tamper returns what is sent in place of a message; nil sends all as it is.
	tamper func(b bulletin) []string
	// mute answers no subscription.
	mute bool
	// abrupt closes without a farewell, and orphaned has nobody take over.
	abrupt, orphaned bool

	mu    sync.Mutex
	told  []bulletin
	desks []*newsdesk
}

// bulletin is one message on its way to a line of a desk, again if it was asked for.
type bulletin struct {
	desk, channel, frame string
	seq                  int64
	again                bool
}

type newsdesk struct {
	name   string
	market *drive.Market
	lines  map[*websocket.Conn]bool
	closed bool
}

// open opens so many desks and tells a figure each 10 ms.
func (n *newsroom) open(t *testing.T, desks int) []drive.Replica {
	t.Helper()
	var replicas []drive.Replica
	for i := range desks {
		d := &newsdesk{name: fmt.Sprintf("desk %d", i+1), lines: map[*websocket.Conn]bool{}}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) { n.accept(d, w, r) })
		mux.HandleFunc("GET /api/health/database", n.health)
		server := httptest.NewServer(mux)
		d.market = drive.NewMarket(server.URL, 4)
		t.Cleanup(func() { n.shut(d); d.market.Close(); server.Close() })
		n.desks = append(n.desks, d)
		replicas = append(replicas, drive.Replica{Name: d.name, Market: d.market, End: func() error { n.shut(d); return nil }})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var telling sync.WaitGroup
	telling.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			if n.leader() != "" {
				n.tell("database_performance", brief)
			}
		}
	})
	t.Cleanup(func() { cancel(); telling.Wait() })
	return replicas
}

func (n *newsroom) leader() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, d := range n.desks {
		if !d.closed && (i == 0 || !n.orphaned) {
			return d.name
		}
	}
	return ""
}

func (n *newsroom) health(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintf(w, `{"replicas":[{"name":%q,"leading":true}]}`, n.leader())
}

func (n *newsroom) shut(d *newsdesk) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.closed = true
	for conn := range d.lines {
		if !n.abrupt {
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
		}
		_ = conn.Close()
	}
	d.lines = nil
}

// tell tells everybody one more message of a channel.
func (n *newsroom) tell(channel, data string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := bulletin{channel: channel, seq: int64(len(n.since(channel, 0)) + 1)}
	b.frame = fmt.Sprintf(`{"type":%q,"timestamp":"2026-01-05T14:30:00.123456Z","seq":%d,"data":%s}`, channel, b.seq, data)
	n.told = append(n.told, b)
	for _, d := range n.desks {
		for conn := range d.lines {
			b.desk = d.name
			n.send(conn, b)
		}
	}
}

func (n *newsroom) since(channel string, seq int64) (missed []bulletin) {
	for _, b := range n.told {
		if b.channel == channel && b.seq > seq {
			missed = append(missed, b)
		}
	}
	return missed
}

func (n *newsroom) send(conn *websocket.Conn, b bulletin) {
	frames := []string{b.frame}
	if n.tamper != nil {
		frames = n.tamper(b)
	}
	for _, frame := range frames {
		_ = conn.WriteMessage(websocket.TextMessage, []byte(frame))
	}
}

func (n *newsroom) accept(d *newsdesk, w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	n.mu.Lock()
	d.lines[conn] = true
	n.mu.Unlock()
	for {
		var asked struct {
			Data struct {
				Channel string
				Since   int64
			}
		}
		if conn.ReadJSON(&asked) != nil {
			break
		}
		n.mu.Lock()
		missed := n.since(asked.Data.Channel, asked.Data.Since)
		if !n.mute {
			answer, _ := json.Marshal(map[string]any{"channel": asked.Data.Channel, "since": asked.Data.Since,
				"replayed": len(missed), "complete": true, "seq": len(n.since(asked.Data.Channel, 0))})
			_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribed","timestamp":"2026-01-05T14:30:00.123456Z","data":`+string(answer)+`}`))
			for _, b := range missed {
				b.desk, b.again = d.name, true
				n.send(conn, b)
			}
		}
		n.mu.Unlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(d.lines, conn)
	_ = conn.Close()
}

// alarm is a trouble that all desks tell.
func (n *newsroom) alarm() drive.Alarm {
	tells := func(state string) func(context.Context) error {
		return func(context.Context) error {
			n.tell("performance_alert", fmt.Sprintf(`{"rule":"gone","state":%q}`, state))
			return nil
		}
	}
	return drive.Alarm{Rule: drive.AlertRule{Name: "gone"}, Begin: tells("firing"), End: tells("ok"), Patience: 2 * time.Second}
}

// lie has these messages tampered with and leaves all others as they are.
func lie(about func(b bulletin) bool, instead func(frame string) []string) func(bulletin) []string {
	return func(b bulletin) []string {
		if about(b) {
			return instead(b.frame)
		}
		return []string{b.frame}
	}
}

func nothing(string) []string       { return nil }
func doubled(frame string) []string { return []string{frame, frame} }
func reworded(frame string) []string {
	return []string{strings.Replace(frame, "14:30:00", "14:30:01", 1)}
}
