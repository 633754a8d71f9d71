package monitor_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/monitor"
)

// busyDay is a snapshot with figures of many digits.
func busyDay() monitor.Snapshot {
	one := func(v float64) *float64 { return &v }
	many := func(v int64) *int64 { return &v }
	s := monitor.New(monitor.Config{}).Snapshot()
	s.Status, s.Reasons, s.CheckedAt = monitor.Warn, []string{monitor.StaleParts, monitor.PoolBusy}, time.Date(2026, 1, 5, 14, 30, 0, 123456000, time.UTC)
	s.Pool = monitor.Pool{Acquired: 15, Max: 16, Utilisation: 0.9375, WaitShare: one(0.1234567), WaitMS: one(12.34567)}
	s.Inserts.RowsPerSecond, s.Inserts.Stored.RowsPerSecond, s.Inserts.Baseline.WritingShare = one(18234.56789), one(18234.5), one(0.98765)
	s.Queries.Latency = monitor.Latency{Count: 1234567, P50MS: one(0.40212), P95MS: one(1.21212), P99MS: one(31.31313)}
	s.Cache.HitRatio = one(0.998765)
	s.Database.Connections, s.Database.MaxConnections = many(87), many(100)
	s.Locks.Waiting, s.Locks.LongestWaitMS = many(12), one(1234.5678)
	s.Partitions = &monitor.Partitions{Tables: []monitor.PartitionedTable{
		{Table: "ticks", LookAheadHours: 95.123456, DefaultRows: 12, LargestBytes: 12345678901},
		{Table: "bars", LookAheadHours: 8765.43, DefaultRows: 3},
	}}
	s.Replicas = make([]monitor.Instance, 3)
	s.Stale = []monitor.Stale{{Part: "size"}, {Part: "replication"}}
	return s
}

func TestABriefIsShortAndTellsTheWorst(t *testing.T) {
	text, err := json.Marshal(busyDay().Brief())
	require.NoError(t, err)
	t.Logf("%d bytes: %s", len(text), text)
	require.LessOrEqual(t, len(text), 700)
	require.NoError(t, contracts.Check("ws/database_performance", []byte(`{"type":"database_performance","timestamp":"2026-01-05T14:30:00Z","seq":1,"data":`+string(text)+`}`)))
	require.Contains(t, string(text), `"wait_share":0.1235`)
	require.Contains(t, string(text), `"partitions":{"look_ahead_hours":95.12,"default_rows":15,"largest_bytes":12345678901}`)
	require.Contains(t, string(text), `"replicas":3,"stale":["size","replication"]`)
}

func TestABriefRoundsToFourDigitsAndKeepsNothingUnknown(t *testing.T) {
	for given, want := range map[float64]float64{0: 0, 1: 1, 0.99999: 1, 18234.56: 18230, 0.00012346: 0.0001235, 1e300: 1e300, 5e-324: 0} {
		s := monitor.Snapshot{Cache: monitor.Cache{HitRatio: &given}}
		require.InDelta(t, want, *s.Brief().Cache.HitRatio, 1e-12*want+1e-12, "%g", given)
	}
	text, err := json.Marshal(monitor.New(monitor.Config{}).Snapshot().Brief())
	require.NoError(t, err)
	require.Contains(t, string(text), `"cache":{"hit_ratio":null}`)
	require.Contains(t, string(text), `"partitions":null`)
}
