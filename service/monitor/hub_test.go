package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

// hub is a database in which replicas meet, in memory.
type hub struct {
	mu        sync.Mutex
	documents map[string]json.RawMessage
	changed   map[string]time.Time
	reports   map[string]json.RawMessage
	seats     []*seat
	posted    map[string]int
	loaded    int // snapshots
	refuses   bool
	silent    bool          // nothing that is posted arrives
	ahead     time.Duration // the clock of the leader, before that of the others
}

func (h *hub) hush() { h.mu.Lock(); defer h.mu.Unlock(); h.silent = true }

// loads is how often the snapshot was loaded.
func (h *hub) loads() int { h.mu.Lock(); defer h.mu.Unlock(); return h.loaded }

// edit changes a document as it lies there.
func (h *hub) edit(t *testing.T, name string, change func(document map[string]any)) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var document map[string]any
	require.NoError(t, json.Unmarshal(h.documents[name], &document))
	change(document)
	text, err := json.Marshal(document)
	require.NoError(t, err)
	h.documents[name] = text
}

func newHub() *hub {
	return &hub{
		documents: map[string]json.RawMessage{}, changed: map[string]time.Time{}, reports: map[string]json.RawMessage{},
		posted: map[string]int{},
	}
}

// seat is one replica at the hub.
type seat struct {
	hub     *hub
	t       *testing.T
	name    string
	service *monitor.Service

	mu      sync.Mutex
	state   replica.State
	silence time.Duration
	told    []replica.Draft
}

func (s *seat) be(state replica.State) { s.mu.Lock(); defer s.mu.Unlock(); s.state = state }

func (s *seat) hush(silence time.Duration) { s.mu.Lock(); defer s.mu.Unlock(); s.silence = silence }

func (s *seat) State() replica.State { s.mu.Lock(); defer s.mu.Unlock(); return s.state }

func (s *seat) Silence() time.Duration { s.mu.Lock(); defer s.mu.Unlock(); return s.silence }

func (s *seat) Tell(d replica.Draft) { s.mu.Lock(); defer s.mu.Unlock(); s.told = append(s.told, d) }

func (s *seat) Post(_ context.Context, p replica.Posting) error {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.hub.refuses {
		return errors.New("nothing is taken")
	}
	if s.State() != replica.Collecting {
		return replica.ErrNotLeading
	}
	if s.hub.silent {
		return nil
	}
	for name, text := range shifted(s.t, p.Documents, s.hub.ahead) {
		s.hub.documents[name], s.hub.changed[name] = text, time.Now()
	}
	for _, m := range p.Messages {
		s.hub.posted[m.Channel]++
		frame, err := json.Marshal(map[string]any{"type": m.Channel, "timestamp": "2026-01-05T14:30:00Z", "seq": s.hub.posted[m.Channel], "data": m.Data})
		if err == nil {
			err = contracts.Check("ws/"+m.Channel, frame)
		}
		if err != nil {
			s.t.Errorf("%s: %v", frame, err)
		}
		for _, seat := range s.hub.seats {
			seat.service.Heard(replica.Message{Channel: m.Channel, Data: m.Data})
		}
	}
	return nil
}

func (s *seat) LoadAged(_ context.Context, name string) (json.RawMessage, time.Duration, error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if name == "snapshot" {
		s.hub.loaded++
	}
	return s.hub.documents[name], time.Since(s.hub.changed[name]), nil
}

func (s *seat) Report(_ context.Context, body json.RawMessage) error {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.reports[s.name] = body
	return nil
}

func (s *seat) Peers(context.Context) ([]replica.Peer, error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	var peers []replica.Peer
	for _, name := range slices.Sorted(maps.Keys(s.hub.reports)) {
		peers = append(peers, replica.Peer{Name: name, Age: 100 * time.Millisecond, Body: s.hub.reports[name]})
	}
	return peers, nil
}

// join starts a service at the hub.
func (h *hub) join(t *testing.T, dsn, name string, state replica.State) (*seat, *watch) {
	t.Helper()
	s := &seat{hub: h, t: t, name: name, state: state}
	w := startWith(t, dsn, nil, func(c *monitor.Config) {
		c.Replicas, c.Name, c.Publish = s, name, nil
		c.Clients = func() int { return len(name) }
		c.Partitions = func(context.Context) (monitor.PartitionStatus, error) {
			return monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", "ticks_1")}}, nil
		}
	}, func(w *monitor.Service) {
		h.mu.Lock()
		defer h.mu.Unlock()
		s.service = w
		h.seats = append(h.seats, s)
	})
	return s, w
}
