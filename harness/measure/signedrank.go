package measure

import (
	"math"
	"slices"
)

// signedRank is Wilcoxon's statistic of one sample together with its null
// distribution, conditional on the ranks that the sample has. Differences of
// exactly zero are dropped (Wilcoxon 1945) and ties take the mean of the ranks
// that they span; ranks are kept doubled so that midranks stay whole.
type signedRank struct {
	ranks    []int // doubled
	positive int   // doubled sum of the ranks of positive differences
}

func rankSigned(differences []float64) signedRank {
	d := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	slices.SortFunc(d, func(a, b float64) int {
		switch a, b := math.Abs(a), math.Abs(b); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	var s signedRank
	for i := 0; i < len(d); {
		j := i
		for j < len(d) && math.Abs(d[j]) == math.Abs(d[i]) {
			j++
		}
		midrank := (i + 1) + j // twice the mean of the ranks i+1 … j
		for ; i < j; i++ {
			s.ranks = append(s.ranks, midrank)
			if d[i] > 0 {
				s.positive += midrank
			}
		}
	}
	return s
}

// atMost is the exact probability of a rank sum this small or smaller if every
// sign were the toss of a coin; atLeast of one this large or larger.
func (s signedRank) atMost() float64  { return sum(nullDistribution(s.ranks)[:s.positive+1]) }
func (s signedRank) atLeast() float64 { return sum(nullDistribution(s.ranks)[s.positive:]) }

// nullDistribution gives the probability of each sum of a random subset of
// ranks, by adding one rank after the other. It is exact up to the rounding of
// floating point.
func nullDistribution(ranks []int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	p := make([]float64, total+1)
	p[0] = 1
	reached := 0
	for _, r := range ranks {
		reached += r
		for t := reached; t >= 0; t-- {
			with := 0.0
			if t >= r {
				with = p[t-r]
			}
			p[t] = (p[t] + with) / 2
		}
	}
	return p
}

// walshRank is the position k, from 1, of the Walsh average that bounds an
// interval of n differences with at least the given level, counted from either
// end, and the level attained: 1 − 2·P(T ≤ k−1). It is 0 when even the outermost
// averages do not reach the level.
func walshRank(n int, level float64) (k int, attained float64) {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	tail := (1 - level) / 2
	below := 0.0 // P(T ≤ k−1)
	for _, p := range nullDistribution(ranks) {
		// Levels such as 0.9375 are attained exactly; forgive their rounding.
		if below+p > tail*(1+1e-9) || 2*(k+1) > n*(n+1)/2+1 {
			break
		}
		below += p
		k++
	}
	return k, 1 - 2*below
}

// walshAverages returns the sorted means of all pairs of x, each with itself
// included.
func walshAverages(x []float64) []float64 {
	w := make([]float64, 0, len(x)*(len(x)+1)/2)
	for i := range x {
		for j := i; j < len(x); j++ {
			w = append(w, (x[i]+x[j])/2)
		}
	}
	slices.Sort(w)
	return w
}

// median of sorted, non-empty figures.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func sum(figures []float64) float64 {
	var total float64
	for _, f := range figures {
		total += f
	}
	return min(total, 1)
}
