package alert_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
)

// river feeds a second of arriving rows at a time.
type river struct {
	rates alert.Rates
	at    time.Time
	rows  int64
}

func (r *river) flow(seconds int, perSecond int64) *float64 {
	some := 1.0
	for range seconds {
		r.at, r.rows = r.at.Add(time.Second), r.rows+perSecond
		s := monitor.Snapshot{CheckedAt: r.at, Inserts: monitor.Inserts{RowsPerSecond: &some, RowsSinceStart: r.rows}}
		r.rates.Add(s)
		r.rates.Add(s) // a snapshot that was seen before counts once
	}
	return r.rates.OfBaseline()
}

func TestTheInsertRateIsComparedWithItsOwnPast(t *testing.T) {
	r := &river{at: epoch()}
	require.Nil(t, r.flow(85, 100), "there is no past yet")
	require.InDelta(t, 1, *r.flow(30, 100), 0.01)
	require.InDelta(t, 0.3, *r.flow(20, 30), 0.01)
	require.Nil(t, r.flow(20, 0), "who inserts nothing is not slow")
	require.InDelta(t, 1, *r.flow(20, 100), 0.01, "a pause does not count")
	require.InDelta(t, 1, *r.flow(1500, 100), 0.01)
	require.InDelta(t, 0.5, *r.flow(600, 50), 0.01, "after ten minutes it is still slow")
	for range 3 {
		r.flow(1200, 50)
	}
	require.InDelta(t, 1, *r.flow(10, 50), 0.01, "after an hour it is the usual rate")
	require.LessOrEqual(t, len(r.rates.Past), 363)
}

func TestARestartOfTheCountersIsNoRate(t *testing.T) {
	r := &river{at: epoch()}
	require.InDelta(t, 1, *r.flow(150, 100), 0.01)
	r.rows = 0
	require.InDelta(t, 1, *r.flow(30, 100), 0.01)
	r.at = r.at.Add(time.Hour)
	require.InDelta(t, 1, *r.flow(30, 100), 0.01)
}

func TestAReadingTellsWhatIsNotThereFromWhatWasNotRead(t *testing.T) {
	now := time.Now()
	seen := monitor.Snapshot{Status: monitor.Pass, CheckedAt: now}
	status := &partition.Status{Tables: []partition.Table{
		{Table: "bars", Interval: "year", LookAheadHours: 1, DefaultRows: 2, Partitions: []partition.Partition{{Bytes: 7}}},
		{Table: "ticks", Interval: "day", LookAheadHours: 50, DefaultRows: 3, Partitions: []partition.Partition{{Bytes: 9}, {Bytes: 8}}},
	}}
	figures := alert.Read(seen, status, false).Figures
	require.InDelta(t, 0, figures["health.unreachable"], 0)
	require.InDelta(t, 50, figures["partitions.look_ahead_hours"], 0, "a year of bars always has a day ahead")
	require.InDelta(t, 5, figures["partitions.default_rows"], 0)
	require.InDelta(t, 9, figures["partitions.largest_bytes"], 0)

	unread := alert.Read(seen, status, true)
	require.NotContains(t, unread.Figures, "partitions.default_rows")
	require.Equal(t, []string{"partitions."}, unread.Unread)
	require.NotContains(t, alert.Read(seen, &partition.Status{}, false).Figures, "partitions.default_rows", "a schema without partitions")

	require.Empty(t, alert.Read(monitor.New(monitor.Config{}).Snapshot(), nil, false).Figures, "nobody has looked yet")
	gone := monitor.Snapshot{Status: monitor.Fail, Reasons: []string{monitor.Unreachable}, CheckedAt: now}
	require.InDelta(t, 1, alert.Read(gone, nil, false).Figures["health.unreachable"], 0)
	old := monitor.Snapshot{Status: monitor.Fail, Reasons: []string{monitor.Outdated}}
	require.InDelta(t, 1, alert.Read(old, nil, false).Figures["health.unreachable"], 0)
}
