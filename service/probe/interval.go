package probe

import (
	"math"
	"slices"
)

// level is the confidence that an interval has at least.
const level = 0.95

// method says how an interval came to be.
const method = "exact Wilcoxon signed-rank interval of the logarithms of paired ratios, order by coin"

// Interval is where a ratio lies.
type Interval struct {
	// Level is the confidence that it has: the least that is attained from
	// 0.95 on, for an exact interval has steps.
	Level float64 `json:"level"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// Pairs is how many comparisons it rests on.
	Pairs  int    `json:"pairs"`
	Method string `json:"method"`
}

// estimate returns the Hodges–Lehmann estimate of positive ratios, of which
// there is one at least, with its exact signed-rank interval (Hollander and
// Wolfe, Nonparametric Statistical Methods, 1973, sections 3.2 and 3.3), both
// on logarithms. The interval is nil if there are fewer than six.
func estimate(ratios []float64) (value float64, interval *Interval) {
	var walsh []float64
	for i, x := range ratios {
		for _, y := range ratios[i:] {
			walsh = append(walsh, (math.Log(x)+math.Log(y))/2)
		}
	}
	slices.Sort(walsh)
	value = math.Exp(median(walsh))
	k, attained := walshRank(len(ratios))
	if k == 0 {
		return value, nil
	}
	return value, &Interval{
		Level: attained, Low: math.Exp(walsh[k-1]), High: math.Exp(walsh[len(walsh)-k]),
		Pairs: len(ratios), Method: method,
	}
}

// walshRank is the place, from 1 and from either end, of the Walsh average that
// bounds the interval of n differences, and the level that it attains. It is 0
// where even the outermost averages are no interval of the level.
func walshRank(n int) (k int, attained float64) {
	// p[t] is the probability that the ranks of positive differences add up to
	// t, if every sign were the toss of a coin.
	p := make([]float64, n*(n+1)/2+1)
	p[0] = 1
	for rank := 1; rank <= n; rank++ {
		for t := rank * (rank + 1) / 2; t >= 0; t-- {
			with := 0.0
			if t >= rank {
				with = p[t-rank]
			}
			p[t] = (p[t] + with) / 2
		}
	}
	below := 0.0
	for below+p[k] <= (1-level)/2 {
		below += p[k]
		k++
	}
	return k, 1 - 2*below
}

// median of figures, of which there is one at least.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
