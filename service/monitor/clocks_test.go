package monitor_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

// apart are clocks of two machines that differ by more than an hour.
func apart() map[string]time.Duration {
	return map[string]time.Duration{
		"the leader's clock is slow": -70 * time.Minute, "they are the same": 0, "the leader's clock is fast": 70 * time.Minute,
	}
}

// shifted are documents as a leader writes them whose clock is ahead by that.
func shifted(t *testing.T, documents map[string]json.RawMessage, ahead time.Duration) map[string]json.RawMessage {
	t.Helper()
	result := map[string]json.RawMessage{}
	for name, text := range documents {
		var document map[string]any
		require.NoError(t, json.Unmarshal(text, &document))
		if at, ok := document["checked_at"].(string); ok {
			checked, err := time.Parse(time.RFC3339Nano, at)
			require.NoError(t, err)
			document["checked_at"] = checked.Add(ahead)
		}
		moved, err := json.Marshal(document)
		require.NoError(t, err)
		result[name] = moved
	}
	return result
}

// A leader that hangs leaves its last look behind: whoever follows it says how
// old that is, by no clock of another machine.
func TestTheAgeOfWhatASilentLeaderSawIsTrueWhateverItsClock(t *testing.T) {
	for name, ahead := range apart() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, h := testdb.Migrated(t), newHub()
			h.ahead = ahead
			_, a := h.join(t, dsn, "anna", replica.Collecting)
			_, b := h.join(t, dsn, "ben", replica.Following)
			whole := func(s monitor.Snapshot) bool { return passing(s) && s.Partitions != nil && ledBy("anna")(s) }
			a.eventually("an ordinary day", whole)
			heard := b.eventually("what anna saw", whole)
			require.Less(t, heard.AgeMS, int64(60_000))
			h.hush()
			_, c := h.join(t, dsn, "carl", replica.Following) // which never heard her
			for _, w := range []*watch{b, c} {
				s := w.eventually("that it becomes old", func(s monitor.Snapshot) bool { return s.AgeMS > 2500 && ledBy("anna")(s) })
				require.Less(t, s.AgeMS, int64(60_000))
				if s.AgeMS <= 10_000 {
					require.NotContains(t, s.Reasons, monitor.Outdated)
				}
				partitions := w.PartitionStatus()
				require.Less(t, partitions.AgeMS, int64(60_000))
				require.Greater(t, partitions.AgeMS, int64(2500))
			}
		})
	}
}

// The baseline of the leader is by its clock, and is not lost with it.
func TestTheBaselineGoesOnWhateverTheClockOfTheLeader(t *testing.T) {
	for name, ahead := range apart() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, h := testdb.Migrated(t), newHub()
			h.ahead = ahead
			anna, _ := h.join(t, dsn, "anna", replica.Collecting)
			ben, b := h.join(t, dsn, "ben", replica.Following)
			b.eventually("what anna saw", ledBy("anna"))
			h.hush()
			var minutes []map[string]any
			for i := range 6 {
				at := time.Now().Add(ahead).Add(time.Duration(i-6) * time.Minute)
				minutes = append(minutes, map[string]any{"minute": at.Unix() / 60, "rows_per_second": 100})
			}
			h.edit(t, "snapshot", func(document map[string]any) { document["insert_minutes"] = minutes })
			loaded := h.loads()
			require.Eventually(t, func() bool { return h.loads() > loaded+2 }, 10*time.Second, 10*time.Millisecond)
			anna.be(replica.Cut)
			ben.be(replica.Collecting)
			s := b.eventually("its own look", func(s monitor.Snapshot) bool { return ledBy("ben")(s) && s.Inserts.RowsPerSecond != nil })
			require.Equal(t, 6, s.Inserts.Baseline.Minutes)
		})
	}
}
