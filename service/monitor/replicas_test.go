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
	"github.com/signoff-dev/signoff/service/internal/testdb"
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

// eventually waits for a snapshot that is as wanted.
func (w *watch) eventually(what string, wanted func(monitor.Snapshot) bool) monitor.Snapshot {
	w.t.Helper()
	var s monitor.Snapshot
	require.Eventually(w.t, func() bool { s = w.Snapshot(); return wanted(s) }, 10*time.Second, 10*time.Millisecond, what)
	text, err := json.Marshal(s)
	require.NoError(w.t, err)
	require.NoError(w.t, contracts.Check("http/health_database", text))
	return s
}

func ledBy(name string) func(monitor.Snapshot) bool {
	return func(s monitor.Snapshot) bool {
		return slices.ContainsFunc(s.Replicas, func(i monitor.Instance) bool { return i.Name == name && i.Leading })
	}
}

func TestOneReplicaLooksAndAnotherServesWhatItSaw(t *testing.T) {
	dsn, h := testdb.Migrated(t), newHub()
	_, a := h.join(t, dsn, "anna", replica.Collecting)
	_, b := h.join(t, dsn, "ben", replica.Following)
	both := func(s monitor.Snapshot) bool { return len(s.Replicas) == 2 && s.Partitions != nil && passing(s) }
	a.eventually("both replicas", both)
	seen := b.eventually("both replicas", both)
	require.EqualValues(t, 8, seen.Pool.Max, "of both")
	require.True(t, ledBy("anna")(seen))
	require.Equal(t, []string{"anna", "ben"}, []string{seen.Replicas[0].Name, seen.Replicas[1].Name})
	require.EqualValues(t, 3, *seen.Replicas[1].Clients)
	require.Zero(t, b.own.Stat().AcquireCount(), "it looks at nothing itself")
	b.eventually("a later look", func(s monitor.Snapshot) bool { return s.CheckedAt.After(seen.CheckedAt) })

	held, err := b.served.Acquire(t.Context())
	require.NoError(t, err)
	b.eventually("its own busy connection", func(s monitor.Snapshot) bool { return s.Pool.Acquired >= 1 && s.Pool.Utilisation == 0.25 })
	held.Release()
	require.Equal(t, monitor.Pass, b.PartitionStatus().Status)
	require.EqualValues(t, 1, b.PartitionStatus().Partitions)
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Equal(t, 1, h.posted[monitor.PartitionChannel], "nothing changed")
}

func TestAFollowerTakesWhatItHearsAtOnce(t *testing.T) {
	dsn, h := testdb.Migrated(t), newHub()
	h.join(t, dsn, "anna", replica.Collecting)
	_, b := h.join(t, dsn, "ben", replica.Following)
	b.eventually("anna", ledBy("anna"))
	counts := func() (posted, loaded int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.posted[monitor.Channel], h.loaded
	}
	posted, loaded := counts()
	require.Eventually(t, func() bool { now, _ := counts(); return now >= posted+10 }, 20*time.Second, 10*time.Millisecond)
	_, after := counts()
	require.GreaterOrEqual(t, after-loaded, 8, "of ten; one that only asked now and then would have had half of them")
}

func TestAReplicaThatIsCutOffFailsAndTellsItsOwnClients(t *testing.T) {
	dsn, h := testdb.Migrated(t), newHub()
	_, a := h.join(t, dsn, "anna", replica.Collecting)
	ben, b := h.join(t, dsn, "ben", replica.Following)
	b.eventually("what anna saw", func(s monitor.Snapshot) bool { return passing(s) && s.Partitions != nil })
	b.eventually("the partitions", func(monitor.Snapshot) bool { return b.PartitionStatus().Status == monitor.Pass })
	ben.hush(1200 * time.Millisecond)
	ben.be(replica.Cut)
	s := b.eventually("the failure", func(s monitor.Snapshot) bool { return s.Status == monitor.Fail && len(s.Stale) > 0 })
	require.Equal(t, []string{monitor.Unreachable}, s.Reasons)
	require.Len(t, s.Stale, 11)
	require.NotNil(t, s.Stale[0].AgeMS)
	require.NotNil(t, s.Database.Connections, "the last figures stay")
	require.EqualValues(t, 4, s.Pool.Max, "its own")
	require.Equal(t, []string{"database_unreachable"}, b.PartitionStatus().Reasons)
	var data monitor.Brief
	require.Eventually(t, func() bool {
		ben.mu.Lock()
		defer ben.mu.Unlock()
		at := slices.IndexFunc(ben.told, func(d replica.Draft) bool { return d.Channel == monitor.Channel })
		return at >= 0 && json.Unmarshal(ben.told[at].Data, &data) == nil
	}, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, monitor.Fail, data.Status)
	require.Equal(t, monitor.Pass, a.Snapshot().Status, "the others are well")
	ben.hush(0)
	ben.be(replica.Following)
	b.eventually("the return", passing)
}

func TestSilenceIsAFailureFromElevenTenthsOfASecondOn(t *testing.T) {
	h := newHub()
	anna, w := h.join(t, testdb.Migrated(t), "anna", replica.Collecting)
	w.eventually("an ordinary day", func(s monitor.Snapshot) bool { return passing(s) && s.Partitions != nil })
	anna.hush(1099 * time.Millisecond)
	require.Equal(t, monitor.Pass, w.Snapshot().Status)
	anna.hush(1100 * time.Millisecond)
	require.Equal(t, []string{"database_unreachable"}, w.Snapshot().Reasons)
	require.Contains(t, w.PartitionStatus().Reasons, "database_unreachable")
}

func TestAnotherReplicaTakesOver(t *testing.T) {
	dsn, h := testdb.Migrated(t), newHub()
	anna, _ := h.join(t, dsn, "anna", replica.Collecting)
	ben, b := h.join(t, dsn, "ben", replica.Following)
	b.eventually("anna", func(s monitor.Snapshot) bool { return ledBy("anna")(s) && len(s.Replicas) == 2 })
	anna.be(replica.Following)
	ben.be(replica.Collecting)
	began := time.Now()
	b.eventually("ben", func(s monitor.Snapshot) bool { return ledBy("ben")(s) && passing(s) })
	require.Less(t, time.Since(began), 2*time.Second)
	require.Positive(t, b.own.Stat().AcquireCount())
}

// A replica loses the others for a moment whenever one of them takes over, and
// for longer if their tables are locked; the database is well meanwhile.
func TestAReplicaThatFindsNoOtherLooksItself(t *testing.T) {
	dsn, h := testdb.Migrated(t), newHub()
	h.join(t, dsn, "anna", replica.Collecting)
	ben, b := h.join(t, dsn, "ben", replica.Following)
	b.eventually("anna", func(s monitor.Snapshot) bool { return ledBy("anna")(s) && passing(s) })
	ben.be(replica.Cut)
	seen := b.eventually("itself", func(s monitor.Snapshot) bool { return len(s.Replicas) == 1 && s.Replicas[0].Name == "ben" })
	require.False(t, seen.Replicas[0].Leading)
	require.Equal(t, monitor.Pass, seen.Status)
	require.Eventually(t, func() bool {
		ben.mu.Lock()
		defer ben.mu.Unlock()
		return len(ben.told) > 0
	}, 5*time.Second, 10*time.Millisecond)
	ben.be(replica.Following)
	b.eventually("anna again", ledBy("anna"))
}

func TestWhatCannotBePostedIsToldToItsOwnClients(t *testing.T) {
	h := newHub()
	h.refuses = true
	anna, w := h.join(t, testdb.Migrated(t), "anna", replica.Collecting)
	w.eventually("an ordinary day", passing)
	require.Eventually(t, func() bool {
		anna.mu.Lock()
		defer anna.mu.Unlock()
		return len(anna.told) > 1
	}, 5*time.Second, 10*time.Millisecond)
}

// A leader reads what the process knows by itself four times between two
// looks, whoever is asked and however long a look takes.
func TestTheFiguresOfTheProcessAreNew(t *testing.T) {
	w := startWith(t, testdb.Migrated(t), nil, func(c *monitor.Config) { c.Every = time.Second })
	w.eventually("an ordinary day", passing)
	held, err := w.served.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release()
	began := time.Now()
	w.eventually("the connection in use", func(s monitor.Snapshot) bool { return s.Pool.Utilisation == 0.25 })
	require.Less(t, time.Since(began), 600*time.Millisecond, "a quarter of a second, on a machine that may be busy")
}

func TestSeveralProcessesAddUp(t *testing.T) {
	one := func(v float64) *float64 { return &v }
	a := monitor.Local{
		Pool: monitor.Pool{Acquired: 1, Max: 4, Utilisation: 0.25, WaitShare: one(0.5), AcquiresPerSecond: one(10), AcquiresSinceStart: 7},
		Queries: monitor.Queries{WindowSeconds: 60, Latency: monitor.Latency{Count: 5, P99MS: one(9)},
			ByStatement: []monitor.Statement{{Name: "a", Latency: monitor.Latency{Count: 5, P99MS: one(9)}}},
			Slowest:     []monitor.Slow{{Name: "a", MS: 9}}},
		Stored:          monitor.Stored{RowsPerSecond: one(100), RowsPerWritingSecond: one(900), RowsSinceStart: 3},
		WritingBaseline: one(1000),
	}
	b := monitor.Local{
		Pool: monitor.Pool{Acquired: 8, Max: 8, Utilisation: 1, AcquiresPerSecond: nil, AcquiresSinceStart: 1},
		Queries: monitor.Queries{WindowSeconds: 60, Latency: monitor.Latency{Count: 1, P99MS: one(90)},
			ByStatement: []monitor.Statement{{Name: "a", Latency: monitor.Latency{Count: 1, P99MS: one(90)}}},
			Slowest:     []monitor.Slow{{Name: "b", MS: 7}, {Name: "a", MS: 90}}},
		Stored:          monitor.Stored{RowsPerSecond: one(1), RowsPerWritingSecond: one(5000), RowsSinceStart: 4},
		WritingBaseline: one(20000),
	}
	require.Equal(t, a, monitor.Merge(a), "one alone is as it is")
	for _, merged := range []monitor.Local{monitor.Merge(a, b), monitor.Merge(b, a)} {
		require.EqualValues(t, 12, merged.Pool.Max)
		require.InDelta(t, 1, merged.Pool.Utilisation, 0, "of the worst")
		require.InDelta(t, 0.5, *merged.Pool.WaitShare, 0)
		require.InDelta(t, 10, *merged.Pool.AcquiresPerSecond, 0)
		require.EqualValues(t, 8, merged.Pool.AcquiresSinceStart)
		require.EqualValues(t, 6, merged.Queries.Count)
		require.InDelta(t, 90, *merged.Queries.P99MS, 0)
		require.Len(t, merged.Queries.ByStatement, 1)
		require.Equal(t, []monitor.Slow{{Name: "a", MS: 90}, {Name: "b", MS: 7}}, merged.Queries.Slowest)
		require.InDelta(t, 101, *merged.Stored.RowsPerSecond, 0)
		require.InDelta(t, 5000, *merged.Stored.RowsPerWritingSecond, 0, "it fell to a quarter")
		require.InDelta(t, 20000, *merged.WritingBaseline, 0)
	}
}
