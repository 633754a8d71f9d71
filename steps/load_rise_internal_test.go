package steps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// promising is the world of a scenario in a plan that makes the given promises.
func promising(t *testing.T, targets ...string) *world {
	t.Helper()
	plan := &Plan{rows: map[string][]row{}}
	for i, target := range targets {
		o, err := objective.Parse("prices stored", target)
		require.NoError(t, err)
		id := string(rune('A' + i))
		plan.rows[id] = []row{{Objective: o}}
	}
	return &world{bench: &bench{plan: plan}, record: &evidence.Scenario{ID: "SLO-INGEST-03"}}
}

func TestTheHeadroomIsAboveTheHighestRateThatTheFeaturesPromise(t *testing.T) {
	tests := map[string]struct {
		targets []string
		rise    drive.Rise
		knee    string
		room    string
	}{
		"the knee was reached": {
			[]string{"at least 10,000 a minute", "at least 100 a second"}, drive.Rise{Capacity: 66000, Reached: true},
			"The knee lies above 66,000 prices a minute", "Headroom: that is 6.6 times the 10,000 prices a minute that are promised",
		},
		"a promise by the second": {
			[]string{"at least 10,000 a minute", "at least 200 a second"}, drive.Rise{Capacity: 66000, Reached: true},
			"", "Headroom: that is 5.5 times the 12,000 prices a minute",
		},
		"the knee was not reached": {
			[]string{"at least 10,000 a minute"}, drive.Rise{Capacity: 109200},
			"The knee was not reached: everything was still stored in time at 109,200 prices a minute", "Headroom: that is at least 10.9 times",
		},
		"nothing was stored in full": {
			[]string{"at least 10,000 a minute"}, drive.Rise{Reached: true},
			"The knee lies below the first rate", "Headroom: that is 0.0 times",
		},
		"wishes and upper bounds promise nothing": {
			[]string{"should be at least 90,000 a minute", "at most 90,000 a minute"}, drive.Rise{Capacity: 900, Reached: true},
			"above 900 prices a minute", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := promising(t, test.targets...)
			w.tellRise(test.rise)
			require.Contains(t, w.record.Notes[0], test.knee)
			require.Contains(t, w.record.Notes[1], "What saturated cannot be told")
			if test.room == "" {
				require.Len(t, w.record.Notes, 2)
				return
			}
			require.Contains(t, w.record.Notes[2], test.room)
		})
	}
}

func TestARiseIsDrawnOverTheRateThatWasOffered(t *testing.T) {
	w := promising(t)
	w.tellRise(drive.Rise{Capacity: 600, Reached: true, Stretches: []drive.Stretch{
		{Due: 600, Kept: 600, P99: 2 * time.Millisecond}, {Due: 1200, Kept: 300},
	}})
	require.Len(t, w.bench.charts, 2)
	stored, latency := w.bench.charts[0], w.bench.charts[1]
	require.Equal(t, "SLO-INGEST-03", stored.Scenario)
	require.Equal(t, []evidence.Point{{X: 600, Y: 600}, {X: 1200, Y: 300}}, stored.Lines[1].Points)
	require.Equal(t, []evidence.Mark{{X: 600, Says: "knee"}}, stored.Marks)
	require.Equal(t, w.record.Notes, stored.Says)
	require.Equal(t, []evidence.Point{{X: 600, Y: 2}}, latency.Lines[0].Points, "a window without an answer has no latency")
}
