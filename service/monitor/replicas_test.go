package monitor_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

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
