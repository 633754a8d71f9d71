package measure_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
)

// reference is what R says; testdata/reference.R made it.
type reference struct {
	Depression struct {
		X, Y     []float64
		V        int
		PGreater float64 `json:"p_greater"`
	}
	Samples []struct {
		Ratios                            []float64
		Level, Estimate, Low, High, Limit float64
		PBelow                            float64 `json:"p_below"`
		PAbove                            float64 `json:"p_above"`
	}
	Shares []struct {
		Hits, Of         int64
		Level, Low, High float64
	}
	Ranks []struct {
		N           int64
		Q, Attained float64
		OK          bool
		Low, High   int64
	}
	Tails []struct {
		N, V int
		P    float64
	}
	Tied []struct {
		Differences []float64
		PBelow      float64 `json:"p_below"`
		PAbove      float64 `json:"p_above"`
	}
}

func readReference(t *testing.T) reference {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	var r reference
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

// against gives pairs with these throughput ratios.
func against(ratios []float64) measure.Pairs {
	base := make([]float64, len(ratios))
	for i := range base {
		base[i] = 1
	}
	return measure.Pairs{Baseline: base, Current: ratios}
}

// exponentials turns differences into ratios whose logarithms they are.
func exponentials(differences []float64) []float64 {
	r := make([]float64, len(differences))
	for i, d := range differences {
		r[i] = math.Exp(d)
	}
	return r
}

func TestDepressionDataOfHollanderAndWolfe(t *testing.T) {
	// Hollander and Wolfe 1973, pages 27 to 33: V = 40, one-sided p = 0.01953,
	// estimate 0.46 and 95 % interval from 0.010 to 0.786 (R's ?wilcox.test).
	ref := readReference(t).Depression
	p := measure.Pairs{Baseline: exponentials(ref.Y), Current: exponentials(ref.X)}

	above, err := p.PValue(1, measure.Above)
	require.NoError(t, err)
	require.InDelta(t, 0.01953125, above, 1e-15)
	require.InDelta(t, ref.PGreater, above, 1e-15)

	i, err := p.Interval(0.95)
	require.NoError(t, err)
	require.InDelta(t, 0.460, math.Log(i.Estimate), 1e-9)
	require.InDelta(t, 0.010, math.Log(i.Low), 1e-9)
	require.InDelta(t, 0.786, math.Log(i.High), 1e-9)
	require.InDelta(t, 1-2*0.01953125, i.Level, 1e-12, "P(T ≤ 5) of nine is 10 in 512")
}

func TestIntervalsAndProbabilitiesAgreeWithR(t *testing.T) {
	for _, s := range readReference(t).Samples {
		t.Run(fmt.Sprintf("%d pairs at %.3f", len(s.Ratios), s.Level), func(t *testing.T) {
			p := against(s.Ratios)
			i, err := p.Interval(s.Level)
			require.NoError(t, err)
			require.InEpsilon(t, s.Estimate, i.Estimate, 1e-9)
			require.InEpsilon(t, s.Low, i.Low, 1e-9)
			require.InEpsilon(t, s.High, i.High, 1e-9)
			require.GreaterOrEqual(t, i.Level, s.Level)
			below, err := p.PValue(s.Limit, measure.Below)
			require.NoError(t, err)
			above, err := p.PValue(s.Limit, measure.Above)
			require.NoError(t, err)
			require.InEpsilon(t, s.PBelow, below, 1e-9)
			require.InEpsilon(t, s.PAbove, above, 1e-9)
		})
	}
}

// rankSum gives n ratios with distinct magnitudes whose positive ranks sum to v.
func rankSum(n, v int) []float64 {
	r := make([]float64, n)
	for rank := n; rank >= 1; rank-- {
		sign := -1.0
		if v >= rank {
			sign, v = 1, v-rank
		}
		r[rank-1] = math.Exp(sign * float64(rank) / 100)
	}
	return r
}

func TestTailsOfTheNullDistributionAgreeWithR(t *testing.T) {
	for _, tail := range readReference(t).Tails {
		p, err := against(rankSum(tail.N, tail.V)).PValue(1, measure.Below)
		require.NoError(t, err)
		require.InEpsilon(t, tail.P, p, 1e-9, "%d of %d", tail.V, tail.N)
	}
}

func TestPublishedCriticalValues(t *testing.T) {
	// Wilcoxon and Wilcox, Some Rapid Approximate Statistical Procedures, 1964:
	// the largest rank sum of the rarer sign at the one-sided level, n from 5 to
	// 30; −1 is none.
	tables := map[string]struct {
		level    float64
		critical []int
	}{
		"one-sided 5 %":   {0.05, []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 30, 35, 41, 47, 53, 60, 67, 75, 83, 91, 100, 110, 119, 130, 140, 151}},
		"one-sided 2.5 %": {0.025, []int{-1, 0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89, 98, 107, 116, 126, 137}},
		"one-sided 0.5 %": {0.005, []int{-1, -1, -1, 0, 1, 3, 5, 7, 9, 12, 15, 19, 23, 27, 32, 37, 42, 48, 54, 61, 68, 75, 83, 91, 100, 109}},
	}
	for name, table := range tables {
		t.Run(name, func(t *testing.T) {
			for i, critical := range table.critical {
				n := i + 5
				if critical >= 0 {
					p, err := against(rankSum(n, critical)).PValue(1, measure.Below)
					require.NoError(t, err)
					require.LessOrEqual(t, p, table.level, "n = %d", n)
				}
				p, err := against(rankSum(n, critical+1)).PValue(1, measure.Below)
				require.NoError(t, err)
				require.Greater(t, p, table.level, "n = %d", n)
			}
		})
	}
}

func TestTiesAndZerosAreConditionalOnMidranks(t *testing.T) {
	for _, tied := range readReference(t).Tied {
		// Powers of two keep equal differences equal through logarithms.
		ratios := make([]float64, len(tied.Differences))
		for i, d := range tied.Differences {
			ratios[i] = math.Exp2(d)
		}
		below, err := against(ratios).PValue(1, measure.Below)
		require.NoError(t, err)
		above, err := against(ratios).PValue(1, measure.Above)
		require.NoError(t, err)
		require.InEpsilon(t, tied.PBelow, below, 1e-12, "%v", tied.Differences)
		require.InEpsilon(t, tied.PAbove, above, 1e-12, "%v", tied.Differences)
	}
}

func TestSharesAgreeWithR(t *testing.T) {
	for _, s := range readReference(t).Shares {
		i, ok := measure.Share{Hits: s.Hits, Of: s.Of}.Interval(s.Level)
		require.True(t, ok)
		require.InDelta(t, s.Low, i.Low, 1e-10, "%d of %d", s.Hits, s.Of)
		require.InDelta(t, s.High, i.High, 1e-10, "%d of %d", s.Hits, s.Of)
	}
}

func TestOrderStatisticsAgreeWithR(t *testing.T) {
	for _, r := range readReference(t).Ranks {
		t.Run(fmt.Sprintf("quantile %v of %d", r.Q, r.N), func(t *testing.T) {
			i, ok := plateau(r.N, r.Low, r.High).QuantileInterval(r.Q, 0.95)
			require.Equal(t, r.OK, ok)
			if !ok {
				return
			}
			require.InDelta(t, r.Attained, i.Level, 1e-9)
			require.Greater(t, i.Low, 0.001, "the low end has rank %d", r.Low)
			require.LessOrEqual(t, i.High, 0.002, "the high end has rank %d", r.High)

			i, ok = plateau(r.N, r.Low+1, r.High-1).QuantileInterval(r.Q, 0.95)
			require.True(t, ok)
			require.LessOrEqual(t, i.Low, 0.001, "the low end has no rank above %d", r.Low)
			require.Greater(t, i.High, 0.002, "the high end has no rank below %d", r.High)
		})
	}
}

// plateau gives n durations of which the ranks from low to high last 2 µs, those
// before them 1 and those after them 3.
func plateau(n, low, high int64) *measure.Histogram {
	h := measure.NewHistogram()
	for i := range n {
		switch rank := i + 1; {
		case rank < low:
			h.Record(time.Microsecond)
		case rank > high:
			h.Record(3 * time.Microsecond)
		default:
			h.Record(2 * time.Microsecond)
		}
	}
	return h
}
