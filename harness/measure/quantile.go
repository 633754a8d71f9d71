package measure

import (
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// QuantileInterval is the quantile q in milliseconds with the interval between
// two order statistics that covers the true quantile with at least the given
// level, whatever the distribution (Hahn and Meeker, Statistical Intervals,
// 1991, section 5.2). The level of the result is the one attained. It is false when
// there are too few observations on either side for such an interval.
func (h *Histogram) QuantileInterval(q, level float64) (Interval, bool) {
	n := h.Count()
	if n == 0 || q <= 0 || q >= 1 || level <= 0 || level >= 1 {
		return Interval{}, false
	}
	low, high, attained, ok := orderStatistics(q, level, n)
	if !ok {
		return Interval{}, false
	}
	return Interval{
		Estimate: InMilliseconds(h.Quantile(q)),
		Low:      InMilliseconds(h.shortestAt(low)),
		High:     InMilliseconds(h.longestAt(high)),
		Level:    attained,
	}, true
}

// orderStatistics finds the ranks between which the quantile q of n
// observations lies with at least the given level, and the level they attain.
func orderStatistics(q, level float64, n int64) (low, high int64, attained float64, ok bool) {
	below := distuv.Binomial{N: float64(n), P: q} // observations below the true quantile
	tail := (1 - level) / 2
	// The largest rank that exceeds the true quantile with probability ≤ tail.
	low = int64(sort.Search(int(n), func(r int) bool { return below.CDF(float64(r)) > tail }))
	// The smallest rank that falls short of it with probability ≤ tail.
	high = int64(sort.Search(int(n), func(r int) bool { return below.CDF(float64(r)) >= 1-tail })) + 1
	if low < 1 || high > n {
		return 0, 0, 0, false
	}
	return low, high, below.CDF(float64(high-1)) - below.CDF(float64(low-1)), true
}

// Interval is the share as a fraction from 0 to 1 with its exact interval
// (Clopper and Pearson 1934), whose coverage never falls below level. It is
// false when nothing was observed or the counts contradict each other.
func (s Share) Interval(level float64) (Interval, bool) {
	if s.Of <= 0 || s.Hits < 0 || s.Hits > s.Of || level <= 0 || level >= 1 {
		return Interval{}, false
	}
	// Both ends come from the rarer side, where floats are finest.
	if misses := s.Of - s.Hits; misses < s.Hits {
		i, _ := Share{Hits: misses, Of: s.Of}.Interval(level)
		return Interval{Estimate: float64(s.Hits) / float64(s.Of), Low: 1 - i.High, High: 1 - i.Low, Level: level}, true
	}
	tail, x, n := (1-level)/2, float64(s.Hits), float64(s.Of)
	i := Interval{Estimate: x / n, High: mathext.InvRegIncBeta(x+1, n-x, 1-tail), Level: level}
	if s.Hits > 0 {
		i.Low = mathext.InvRegIncBeta(x, n-x+1, tail)
	}
	return i, true
}
