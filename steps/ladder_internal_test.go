package steps

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// climbed is an experiment whose blocks lay around two rates.
func climbed(baseline, current float64) measure.Pairs {
	p := measure.Pairs{Unit: "prices/s"}
	for _, off := range []float64{0.96, 0.97, 0.98, 0.99, 1, 1, 1.01, 1.02, 1.03, 1.04} {
		p.Baseline = append(p.Baseline, baseline*off)
		p.Current = append(p.Current, current*off)
	}
	return p
}

func aWorld() *world {
	return &world{bench: &bench{}, record: &evidence.Scenario{ID: "SLO-INSERT-99"}}
}

// turned is the outcome of turns: two rates for each method, of the baseline
// and of the current side, and how far they swing together from round to round.
func turned(t *testing.T, rates ...float64) experiment.Rounds {
	t.Helper()
	var arms []experiment.Arm
	for i, rate := range rates {
		block := 0
		arms = append(arms, experiment.Arm{
			Arm: measure.Arm{Name: fmt.Sprint(i)},
			Run: func(_ context.Context, n int) (time.Duration, error) {
				block++ // a busy machine slows every other block to a third
				return time.Duration(float64(n) / rate * float64(1+2*(block%2)) * float64(time.Second)), nil
			},
		})
	}
	rounds, err := experiment.TakeTurns(t.Context(), experiment.Turns{Unit: "prices/s", Seed: 1}, arms...)
	require.NoError(t, err)
	return rounds
}

func TestTheLadderIsOnePictureWithAPanelForEachSystem(t *testing.T) {
	w := aWorld()
	w.bench.charts = []evidence.Chart{{Scenario: "SLO-OTHER-01", Title: "another picture"}}
	w.ladder().climb("10", []string{"transaction", "unnest"}, turned(t, 1_000, 4_000, 2_000, 40_000), climbed(40_000, 20_000))
	w.ladder().climb("1,000", []string{"unnest", "copy"}, turned(t, 3_000, 200_000, 2_000, 100_000), climbed(200_000, 50_000))

	require.Len(t, w.bench.charts, 2)
	chart := w.bench.charts[1]
	require.Equal(t, "SLO-INSERT-99", chart.Scenario)
	require.Equal(t, evidence.ChartBars, chart.Kind)
	require.True(t, chart.Y.Log)
	drawn := map[string][]string{}
	for _, line := range chart.Lines {
		for _, p := range line.Points {
			require.Less(t, *p.Low, p.Y)
			require.Greater(t, *p.High, p.Y)
			drawn[line.Group+", "+line.Name] = append(drawn[line.Group+", "+line.Name], fmt.Sprintf("%.0f %s", p.X, p.Place))
		}
	}
	require.Equal(t, map[string][]string{
		"baseline, batches of 10":               {"2 transaction", "5 unnest"},
		"current, batches of 10":                {"2 transaction", "5 unnest"},
		"baseline, batches of 1,000":            {"5 unnest", "6 copy"},
		"current, batches of 1,000":             {"5 unnest", "6 copy"},
		"through the service, batches of 10":    {"7 service"},
		"through the service, batches of 1,000": {"7 service"},
	}, drawn)
	require.Equal(t, "Through the service, batches of 10 reach 20,000 prices/s, 50 % of what the database takes without it (50 to 50 %).", chart.Says[1])
}

func TestTheLadderSaysWhichMethodCameFirst(t *testing.T) {
	w := aWorld()
	w.ladder().climb("100", []string{"multi-row", "unnest", "copy"}, turned(t, 60_000, 90_000, 60_000, 99_000, 30_000, 50_000), climbed(2, 1))
	w.ladder().gain("100", climbed(4_000, 150_000))
	require.Len(t, w.bench.charts[0].Says, 3)
	require.Regexp(t, `^Batches of 100: on the baseline system (multi-row and unnest|unnest and multi-row) cannot be told apart \([\d,]+ and [\d,]+ prices/s\), `+
		`on the current system unnest came first \([\d,]+ prices/s, 10 % ahead of multi-row\).$`, w.bench.charts[0].Says[0])
	require.Equal(t, "On the current system, batches of 100 are stored 37.5 × as fast as one price at a time (37.5 to 37.5).", w.bench.charts[0].Says[2])
}

func TestARateIsWrittenWithThreeDigits(t *testing.T) {
	for rate, want := range map[float64]string{0.1234: "0.123", 1: "1", 12.34: "12", 999.6: "1,000", 1234.5: "1,230", 212_345: "212,000", 1_999_999: "2,000,000"} {
		require.Equal(t, want, rounded(rate))
	}
}
