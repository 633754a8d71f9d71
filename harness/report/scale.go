package report

import (
	"math"
	"slices"
)

// scale puts figures on an axis, linear or in equal ratios.
type scale struct {
	log       bool
	low, high float64
	ticks     []float64
	each      float64 // what one of the axis's units stands for: 1, or a million
}

// heights is a scale for sizes: a linear one has zero on it, because whatever
// starts elsewhere exaggerates. It has about n ticks.
func heights(values []float64, log bool, n int) scale {
	if log {
		return ratioScale(values)
	}
	a := axisFor(1.02*highest(values), n)
	s := scale{low: 0, high: a.top, ticks: a.ticks, each: 1}
	if lowest := lowest(values); lowest < 0 {
		below := axisFor(-1.02*lowest, n)
		s.low = -below.top
		s.ticks = append([]float64{s.low}, s.ticks...)
	}
	return s.readable()
}

// widths is a scale for what was varied, with room for what is marked on it.
// Few values are their own ticks.
func widths(values, marked []float64, log bool) scale {
	own := slices.Compact(slices.Sorted(slices.Values(values)))
	values = slices.Concat(values, marked)
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	var s scale
	if log {
		s = ratioScale(values)
		s.low, s.high = edges(distinct, s)
	} else {
		s = heights(values, false, 5)
		if len(distinct) > 1 && distinct[0] > distinct[len(distinct)-1]/4 {
			s.low = distinct[0]
		}
		if top := distinct[len(distinct)-1]; top > s.low {
			s.high = top
		}
	}
	const few = 9
	if len(own) <= few {
		s.ticks = own
	}
	letters := 0
	for _, t := range s.ticks {
		letters = max(letters, len([]rune(s.tick(t))))
	}
	const letter = .027 // of the width on a phone
	s.ticks = s.apart(s.ticks, max(.09, letter*float64(letters)))
	return s
}

// edges are the first and the last value that have a place on a scale of ratios.
func edges(sorted []float64, s scale) (low, high float64) {
	low, high = s.low, s.high
	for _, x := range sorted {
		if x >= s.low {
			low = x
			break
		}
	}
	if last := sorted[len(sorted)-1]; last > low && last <= s.high {
		high = last
	}
	return low, high
}

// leastRatio is smaller than any figure that a scale of ratios shows; one over
// it is larger.
const leastRatio = 1e-30

// ratioScale covers what is above zero, from a round figure to a round figure
// where that wastes little.
func ratioScale(values []float64) scale {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			v = min(max(v, leastRatio), 1/leastRatio)
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 1, 10
	}
	s := scale{log: true, low: roundDown(low), high: high * 1.15, each: 1}
	if high < 2*s.low {
		s.high = 2 * s.low
	}
	for power := math.Floor(math.Log10(s.low)); power <= math.Log10(s.high); power++ {
		for _, m := range []float64{1, 2, 5} {
			if t := m * math.Pow(10, power); t >= s.low*.999 && t <= s.high && (m == 1 || s.high/s.low < 50) {
				s.ticks = append(s.ticks, t)
			}
		}
	}
	return s.readable()
}

// roundDown is the next round figure below x: 1, 2 or 5 times a power of ten.
func roundDown(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{5, 2} {
		if m*power <= x*1.0001 {
			return m * power
		}
	}
	return power
}

// readable counts in millions where the figures are larger than that.
func (s scale) readable() scale {
	if len(s.ticks) > 0 && slices.Max(s.ticks) >= 1e6 {
		s.each = 1e6
	}
	return s
}

// unit names what the ticks of s count.
func (s scale) unit(unit string) string {
	if s.each == 1e6 {
		return "million " + unit
	}
	return unit
}

// tick writes a tick without its unit.
func (s scale) tick(x float64) string { return number(x / s.each) }

// has says whether x has a place on s.
func (s scale) has(x float64) bool {
	return !math.IsNaN(x) && !math.IsInf(x, 0) && (!s.log || x > 0)
}

// share is the place of x on s, from 0 to 1.
func (s scale) share(x float64) float64 {
	var at float64
	if s.log {
		at = math.Log(x/s.low) / math.Log(s.high/s.low)
	} else {
		at = (x - s.low) / (s.high - s.low)
	}
	if math.IsNaN(at) {
		return 0
	}
	return min(max(at, 0), 1)
}

func (s scale) at(x float64) string { return pc(s.share(x) * 100) }

// apart keeps the ticks that have room beside each other, first and last above
// all.
func (s scale) apart(ticks []float64, room float64) []float64 {
	var kept []float64
	for i, t := range ticks {
		if !s.has(t) || t < s.low || t > s.high {
			continue
		}
		last := ticks[len(ticks)-1]
		if len(kept) > 0 && s.share(t)-s.share(kept[len(kept)-1]) < room {
			continue
		}
		if i < len(ticks)-1 && s.has(last) && last <= s.high && s.share(last)-s.share(t) < room && len(kept) > 0 {
			continue
		}
		kept = append(kept, t)
	}
	return kept
}

func lowest(values []float64) float64 {
	bottom := 0.0
	for _, v := range values {
		if !math.IsInf(v, 0) && v < bottom {
			bottom = v
		}
	}
	return bottom
}

func highest(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		if !math.IsInf(v, 0) && v > top {
			top = v
		}
	}
	return top
}
