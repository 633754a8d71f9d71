package baseline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// years is a history of n runs whose inserts became slower with run 12.
func years(t *testing.T, n int) baseline.Reading {
	t.Helper()
	var r baseline.Reading
	for i := range n {
		ratio := 2.0
		if i >= 12 {
			ratio = 1.7
		}
		r.Entries = append(r.Entries, entry(t, i, ratio, 4, 0))
	}
	return r
}

func series(t *testing.T, trend baseline.Trend, measure string) baseline.Series {
	t.Helper()
	for _, s := range trend.Series {
		if s.Measure == measure {
			return s
		}
	}
	require.FailNow(t, "no series", measure)
	return baseline.Series{}
}

func TestATrendFindsTheRunThatBecameSlower(t *testing.T) {
	r := years(t, 24)
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	require.Len(t, trend.Runs, 24)
	s := series(t, trend, "insert throughput")
	require.Len(t, s.Points, 24)
	require.Len(t, s.Shifts, 1)
	shift := s.Shifts[0]
	require.Equal(t, 12, shift.At)
	require.True(t, shift.Worse)
	require.InDelta(t, -15, *shift.Faster, 1)
	require.Equal(t, []int{0, 23}, []int{shift.From, shift.Until})
	require.Empty(t, series(t, trend, "delivery lag, p99").Shifts)
	require.Empty(t, series(t, trend, "prices lost").Shifts)

	again, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	require.Equal(t, trend, again, "everybody sees the same")
}

func TestTooFewRunsAreSaidToBeTooFew(t *testing.T) {
	trend, err := baseline.TrendOf(years(t, 9), baseline.View{})
	require.NoError(t, err)
	s := series(t, trend, "insert throughput")
	require.Empty(t, s.Shifts)
	require.Equal(t, "9 runs with a figure; a change is looked for from 10 on.", s.Note)
}

func TestFiguresOfAnotherPlaceAreLeftOutAloud(t *testing.T) {
	r := years(t, 12)
	r.Entries[3].Environment = baseline.Environment{ID: "0123456789ab", Says: "a laptop"}
	r.Entries[5].Profile = "pr"
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	require.Len(t, trend.Runs, 10)
	require.Equal(t, []string{
		"Not shown, as not comparable: 1 run of profile nightly in environment 0123456789ab (a laptop); see them with --profile nightly --environment 0123456789ab.",
		"Not shown, as not comparable: 1 run of profile pr in environment b77349bf1fa9 (AMD EPYC, 2 cores, 8 GiB, linux, local Postgres 17); see them with --profile pr --environment b77349bf1fa9.",
	}, trend.LeftOut)

	trend, err = baseline.TrendOf(r, baseline.View{Environment: "0123456789ab"})
	require.NoError(t, err)
	require.Len(t, trend.Runs, 1)
	_, err = baseline.TrendOf(r, baseline.View{Profile: "release"})
	require.ErrorIs(t, err, baseline.ErrNothingToShow)
	require.ErrorContains(t, err, "it has profile nightly in b77349bf1fa9; profile pr in b77349bf1fa9; profile nightly in 0123456789ab")
}

func TestASituationThatWasRewrittenBeginsAnew(t *testing.T) {
	r := years(t, 14)
	for i := range 4 {
		r.Entries[i].Scenarios[0].Situation = "before"
	}
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	s := series(t, trend, "insert throughput")
	require.Len(t, s.Points, 10)
	require.Contains(t, s.Note, "Earlier runs measured another situation and are not drawn.")
	require.Len(t, series(t, trend, "delivery lag, p99").Points, 14)
}

func TestARunWithoutAFigureLeavesAGap(t *testing.T) {
	r := years(t, 14)
	f := &r.Entries[13].Scenarios[0].Figures[0]
	f.Value, f.Low, f.High, f.Experiment, f.Verdict = nil, nil, nil, "", objective.Unfit
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	s := series(t, trend, "insert throughput")
	require.Len(t, s.Points, 14)
	require.Nil(t, s.Points[13].Value)
	require.Equal(t, objective.Unfit, s.Points[13].Verdict)
}

func TestAViewChoosesScenarioAndMeasure(t *testing.T) {
	r := years(t, 3)
	count := func(v baseline.View) int {
		trend, err := baseline.TrendOf(r, v)
		require.NoError(t, err)
		return len(trend.Series)
	}
	require.Equal(t, 3, count(baseline.View{}))
	require.Equal(t, 4, count(baseline.View{Unpromised: true}))
	require.Equal(t, 2, count(baseline.View{Scenario: "SLO-STREAM-01"}))
	require.Equal(t, 1, count(baseline.View{Measure: "delivery lag, p50"}))
	require.Equal(t, 2, count(baseline.View{Measure: "delivery lag"}))
	_, err := baseline.TrendOf(r, baseline.View{Scenario: "SLO-X-01"})
	require.ErrorIs(t, err, baseline.ErrNothingToShow)
	require.ErrorContains(t, err, "a promise in SLO-X-01; there are SLO-INSERT-01, SLO-STREAM-01")
	_, err = baseline.TrendOf(baseline.Reading{}, baseline.View{})
	require.ErrorIs(t, err, baseline.ErrNothingToShow)
}
