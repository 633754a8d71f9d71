// Package changepoint finds where a series of figures changed: E-divisive with
// permutation tests (Matteson and James, "A nonparametric approach for multiple
// change point analysis of multivariate data", Journal of the American
// Statistical Association 109, 2014, sections 2 and 3, with α = 1).
//
// What it finds is advice for people. A change point says that the figures
// before and after it differ by more than their order by chance would explain;
// it knows neither a limit nor a cause, and decides about nothing. The package
// refuses to know what the figures mean and when they were taken.
package changepoint

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// LeastFigures is the shortest series that is looked at. Among fewer, no
	// division is rarer than Level: of the 20 ways to divide six figures into
	// halves two are the most extreme ones.
	LeastFigures = 10
	// MostFigures bounds the work, which grows with the square of the length.
	MostFigures = 400
	// LeastSegment is the fewest figures on either side of a change.
	LeastSegment = 3
	// Level is the probability that a series without any change is said to
	// have one.
	Level = 0.01
	// Permutations is how often a series is shuffled to see what chance does.
	Permutations = 499
)

// ErrTooFew says that the series is too short for anything to be found.
var ErrTooFew = errors.New("too few figures to look for a change")

// Point is one change.
type Point struct {
	// At is the index of the first figure after the change.
	At int
	// P is the share of shuffled series that divide at least as well.
	P float64
}

// Find returns the change points of series in order. Equal series and seeds give
// equal points. It fails if there are too few figures (ErrTooFew), too many, or
// one that is no number.
//
// The series is divided where the energy distance between both sides is
// largest, then the parts in turn, the best division first, until shuffling the
// figures within the parts does as well more often than Level allows.
func Find(series []float64, seed uint64) ([]Point, error) {
	switch {
	case len(series) < LeastFigures:
		return nil, fmt.Errorf("%w: %d, and %d are needed", ErrTooFew, len(series), LeastFigures)
	case len(series) > MostFigures:
		return nil, fmt.Errorf("%d figures are more than %d", len(series), MostFigures)
	}
	for i, x := range series {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("figure %d is no number", i+1)
		}
	}
	s := newSearch(series)
	var found []Point
	for {
		segment, best := s.best()
		if !(best.distance > 0) {
			break
		}
		p, rare := s.chance(best.distance, rand.New(rand.NewPCG(seed, uint64(len(found)))))
		if !rare {
			break
		}
		found = append(found, Point{At: s.bounds[segment] + best.at, P: p})
		s.divide(segment, best.at)
	}
	slices.SortFunc(found, func(a, b Point) int { return a.At - b.At })
	return found, nil
}

// search is a series with the segments it is divided into so far.
type search struct {
	distances [][]float64
	bounds    []int // of the segments: where each begins, and the end
	cut       []division
	sums      [][]float64 // room for divideBest
}

// division is the best place to cut a segment, counted from its beginning, and
// the energy distance between both sides.
type division struct {
	at       int
	distance float64
}

func newSearch(series []float64) *search {
	n := len(series)
	s := &search{distances: square(n), sums: square(n + 1), bounds: []int{0, n}}
	for i := range series {
		for j := range series {
			s.distances[i][j] = math.Abs(series[i] - series[j])
		}
	}
	s.cut = []division{s.divideBest(sequence(0, n))}
	return s
}

// best is the segment whose best division is the best of all.
func (s *search) best() (int, division) {
	segment := 0
	for i, d := range s.cut {
		if d.distance > s.cut[segment].distance {
			segment = i
		}
	}
	return segment, s.cut[segment]
}

func (s *search) divide(segment, at int) {
	at += s.bounds[segment]
	s.bounds = slices.Insert(s.bounds, segment+1, at)
	left := s.divideBest(sequence(s.bounds[segment], at))
	right := s.divideBest(sequence(at, s.bounds[segment+2]))
	s.cut = slices.Replace(s.cut, segment, segment+1, left, right)
}

// rounding is the relative error that sums in another order may have.
const rounding = 1e-9

// chance shuffles the figures within each segment and counts how often some
// segment divides at least as well as distance. It stops counting as soon as
// that was too often for the division to be rare.
func (s *search) chance(distance float64, coin *rand.Rand) (p float64, rare bool) {
	const allowed = Level * (Permutations + 1)
	exceeded := 1 // the order that was observed is one of them
	for range Permutations {
		largest := 0.0
		for i := range s.cut {
			order := sequence(s.bounds[i], s.bounds[i+1])
			coin.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
			largest = max(largest, s.divideBest(order).distance)
		}
		if largest >= distance*(1-rounding) {
			exceeded++
			if float64(exceeded) > allowed {
				return 1, false
			}
		}
	}
	return float64(exceeded) / (Permutations + 1), true
}

// divideBest finds the cut τ and the end κ for which the scaled energy distance
//
//	Q(τ, κ) = τm ÷ (τ+m) × (2·mean|X−Y| − mean|X−X′| − mean|Y−Y′|), m = κ − τ,
//
// between the figures X before τ and Y from τ to κ is largest. That the end may
// lie before the last figure keeps a second change from hiding the first. order
// holds the indices of the figures in the order in which they are looked at.
func (s *search) divideBest(order []int) division {
	n := len(order)
	// sums[j][i] is the distance from figure j to the first i figures.
	for j := range n {
		row, from := s.sums[j], s.distances[order[j]]
		row[0] = 0
		for i := range n {
			row[i+1] = row[i] + from[order[i]]
		}
	}
	best := division{}
	inside := 0.0 // distances within X, each pair once
	for cut := 1; cut <= n-LeastSegment; cut++ {
		inside += s.sums[cut-1][cut-1]
		if cut < LeastSegment {
			continue
		}
		across, beside := 0.0, 0.0 // between X and Y, and within Y
		for end := cut + 1; end <= n; end++ {
			row := s.sums[end-1]
			across += row[cut]
			beside += row[end-1] - row[cut]
			if end-cut < LeastSegment {
				continue
			}
			x, y := float64(cut), float64(end-cut)
			q := x * y / (x + y) * (2*across/(x*y) - 2*inside/(x*(x-1)) - 2*beside/(y*(y-1)))
			if q > best.distance {
				best = division{cut, q}
			}
		}
	}
	return best
}

func sequence(from, to int) []int {
	s := make([]int, to-from)
	for i := range s {
		s[i] = from + i
	}
	return s
}

func square(n int) [][]float64 {
	rows, all := make([][]float64, n), make([]float64, n*n)
	for i := range rows {
		rows[i] = all[i*n : (i+1)*n]
	}
	return rows
}
