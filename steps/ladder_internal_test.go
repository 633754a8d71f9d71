package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
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

func TestTheLadderIsOnePictureWithAPanelForEachSystem(t *testing.T) {
	w := aWorld()
	w.bench.charts = []evidence.Chart{{Scenario: "SLO-OTHER-01", Title: "another picture"}}
	w.ladder().climb("single", "10", climbed(1_000, 4_000))
	w.ladder().climb("unnest", "10", climbed(2_000, 40_000))
	w.ladder().climb("unnest", "1,000", climbed(3_000, 200_000))
	w.ladder().through("10", climbed(40_000, 20_000))

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
			drawn[line.Group+", "+line.Name] = append(drawn[line.Group+", "+line.Name], p.Place+" "+rounded(p.Y))
		}
	}
	require.Equal(t, map[string][]string{
		"baseline, batches of 10":            {"single 1,000", "unnest 2,000"},
		"current, batches of 10":             {"single 4,000", "unnest 40,000"},
		"baseline, batches of 1,000":         {"unnest 3,000"},
		"current, batches of 1,000":          {"unnest 200,000"},
		"through the service, batches of 10": {"service 20,000"},
	}, drawn)
	require.Equal(t, []string{"Through the service, batches of 10 reach 20,000 prices/s, 50 % of what the database alone takes (50 to 50 %)."}, chart.Says)
}

func TestTheLadderSaysWhichMethodCameFirst(t *testing.T) {
	w := aWorld()
	w.ladder().climb("multi-row", "100", climbed(60_000, 90_000))
	w.ladder().climb("unnest", "100", climbed(61_000, 150_000))
	w.ladder().climb("copy", "100", climbed(30_000, 100_000))
	w.ladder().best("100")
	w.ladder().gain("100", climbed(4_000, 150_000))
	require.Equal(t, []string{
		"Batches of 100: on the baseline system unnest and multi-row are level (61,000 and 60,000 prices/s), on the current system unnest is the fastest (150,000 prices/s).",
		"On the current system, batches of 100 are stored 37.5 × as fast as one price at a time (37.5 to 37.5).",
	}, w.bench.charts[0].Says)
	require.Equal(t, "multi-row", w.bench.charts[0].Lines[0].Points[0].Place, "the bars stay in the order of the ladder")
}

func TestARateIsWrittenWithThreeDigits(t *testing.T) {
	for rate, want := range map[float64]string{0.1234: "0.123", 1: "1", 12.34: "12", 999.6: "1,000", 1234.5: "1,230", 212_345: "212,000", 1_999_999: "2,000,000"} {
		require.Equal(t, want, rounded(rate))
	}
}
