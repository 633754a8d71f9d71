package monitor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

func TestPartitionsAreJudged(t *testing.T) {
	tests := map[string]struct {
		change  func(*monitor.PartitionStatusTable)
		status  monitor.Status
		reasons []string
	}{
		"an ordinary day":     {func(*monitor.PartitionStatusTable) {}, monitor.Pass, []string{}},
		"exactly a day ahead": {func(t *monitor.PartitionStatusTable) { t.LookAheadHours = 24 }, monitor.Pass, []string{}},
		"hours ahead":         {func(t *monitor.PartitionStatusTable) { t.LookAheadHours = 23.9 }, monitor.Warn, []string{"look_ahead_short"}},
		"none for now":        {func(t *monitor.PartitionStatusTable) { t.LookAheadHours = 0 }, monitor.Fail, []string{"uncovered_now", "look_ahead_short"}},
		"a gap":               {func(t *monitor.PartitionStatusTable) { t.Gaps = []monitor.PartitionGap{{}} }, monitor.Warn, []string{"gap_ahead"}},
		"rows without a home": {func(t *monitor.PartitionStatusTable) { t.DefaultRows = 1 }, monitor.Warn, []string{"default_rows"}},
		"everything else": {func(t *monitor.PartitionStatusTable) {
			t.DetachPending, t.Overdue, t.Waiting, t.LeftOver = []string{"a"}, []string{"b"}, []string{"c"}, "d"
		}, monitor.Warn, []string{"detach_pending", "overdue", "waiting", "left_over"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			table := partitioned("ticks", "ticks_1", "ticks_2")
			test.change(&table)
			got := monitor.Judged(monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("bars", "bars_1"), table}})
			require.Equal(t, test.status, got.Status)
			require.Equal(t, test.reasons, got.Reasons)
			require.EqualValues(t, 3, got.Partitions)
		})
	}
	none := monitor.Judged(monitor.PartitionStatus{})
	require.Equal(t, monitor.Pass, none.Status, "a schema without partitions")
	require.Nil(t, none.LookAheadHours)
}

func TestPartitionsThatWereSeenLongAgoAreStale(t *testing.T) {
	p := monitor.Judged(monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", "a")}})
	p.CheckedAt = time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC)
	fresh := monitor.Aged(p, p.CheckedAt.Add(20*time.Second), false)
	require.Equal(t, monitor.Pass, fresh.Status)
	require.False(t, fresh.Stale)
	require.EqualValues(t, 20_000, fresh.AgeMS)
	old := monitor.Aged(p, p.CheckedAt.Add(20*time.Second+time.Millisecond), false)
	require.True(t, old.Stale)
	require.Equal(t, []string{"stale_parts"}, old.Reasons)
	gone := monitor.Aged(p, p.CheckedAt.Add(time.Minute), true)
	require.Equal(t, monitor.Fail, gone.Status)
	require.Equal(t, []string{"stale_parts", "database_unreachable"}, gone.Reasons)
	require.Empty(t, p.Reasons)
}

func TestOnlyNewsOfPartitionsAreTold(t *testing.T) {
	now := make(chan monitor.PartitionStatus, 1)
	table := partitioned("ticks", "ticks_1", "ticks_2")
	now <- monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{table}}
	w := startWith(t, testdb.Migrated(t), nil, func(c *monitor.Config) {
		c.Partitions = func(context.Context) (monitor.PartitionStatus, error) {
			s := <-now
			now <- s
			return s, nil
		}
	})
	w.await("the partitions", func(s monitor.Snapshot) bool { return s.Partitions != nil })
	w.await("a look after them", passing)
	w.await("one more", passing)
	require.Equal(t, 1, w.told(monitor.PartitionChannel))
	first := w.PartitionStatus()
	require.Equal(t, monitor.Pass, first.Status)

	bigger := monitor.Judged(monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", "ticks_1", "ticks_2")}})
	bigger.Tables[0].Partitions[0].Bytes = 1 << 40
	require.True(t, monitor.Same(first, monitor.Judged(bigger)), "only a size moved")
	bigger.Tables[0].Partitions[1].Name = "ticks_3"
	require.False(t, monitor.Same(first, monitor.Judged(bigger)))
}

func TestWhatIsSeenOfPartitionsDoesNotWaitForTheNextLook(t *testing.T) {
	w := startWith(t, testdb.Migrated(t), nil, func(c *monitor.Config) {
		c.Every = time.Hour
		c.Partitions = func(context.Context) (monitor.PartitionStatus, error) {
			return monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", "ticks_1")}}, nil
		}
	})
	w.eventually("the partitions", func(s monitor.Snapshot) bool { return s.Partitions != nil })
}

func TestPartitionsThatNobodyCanListAreStaleAtTheNextLook(t *testing.T) {
	dsn := testdb.Migrated(t)
	w := startWith(t, dsn, nil, func(c *monitor.Config) {
		c.Partitions = func(context.Context) (monitor.PartitionStatus, error) {
			return monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", "ticks_1")}}, nil
		}
	})
	w.await("the partitions", func(s monitor.Snapshot) bool { return s.Partitions != nil && passing(s) })
	lock := session(t, dsn)
	do(t, lock, "begin", "lock table pg_inherits in access exclusive mode")
	stale := func(s monitor.Snapshot) bool { return slices.Contains(staleParts(s), "partitions") }
	require.NotNil(t, w.await("a look at what is locked", stale).Partitions, "as they were seen last")
	do(t, lock, "rollback")
	w.await("a look at what is free", passing)
}

func TestChangesOfPartitionsAreLookedAtAtOnceButNotForEver(t *testing.T) {
	require.Equal(t, 3, monitor.LooksAside(t.Context(), 3))
	require.Equal(t, 5, monitor.LooksAside(t.Context(), 100), "in ten seconds")
}

func TestAMessageListsTheNewestPartitions(t *testing.T) {
	names := []string{}
	for i := range 400 {
		names = append(names, fmt.Sprintf("ticks_2026%04d", i))
	}
	whole := monitor.Judged(monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{partitioned("ticks", names...)}})
	brief := monitor.Told(whole)
	require.Len(t, brief.Tables[0].Partitions, 50)
	require.Equal(t, names[399], brief.Tables[0].Partitions[49].Name)
	require.EqualValues(t, 400, brief.Tables[0].Count)
	require.Len(t, whole.Tables[0].Partitions, 400)
	text, err := json.Marshal(whole)
	require.NoError(t, err)
	require.NoError(t, contracts.Check("http/health_partitions", text))
}
