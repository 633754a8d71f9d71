package drive

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// PoolReading is one measurement of a sweep: a pool of so many connections, used
// by so many clients at a time.
type PoolReading struct {
	Connections, Clients int
	// PerSecond is how many operations were done a second.
	PerSecond float64
	// WaitMS is how long an operation waited for its connections, in
	// milliseconds on average; NaN when the service does not tell.
	WaitMS float64
	// Done and Failed are how many operations were carried out, and were not.
	Done, Failed int64
}

// PoolSweep are the readings of all sizes, each several times.
type PoolSweep []PoolReading

// Clients lists the numbers of clients of the sweep, rising.
func (s PoolSweep) Clients() []int {
	return s.distinct(func(r PoolReading) int { return r.Clients })
}

// Sizes lists the sizes of the sweep, rising.
func (s PoolSweep) Sizes() []int {
	return s.distinct(func(r PoolReading) int { return r.Connections })
}

func (s PoolSweep) distinct(of func(PoolReading) int) []int {
	seen := map[int]bool{}
	for _, r := range s {
		seen[of(r)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Doublings are the sizes of a sweep: 1, 2, 4 and so on, and the largest.
func Doublings(largest int) []int {
	var sizes []int
	for size := 1; size < largest; size *= 2 {
		sizes = append(sizes, size)
	}
	return append(sizes, largest)
}

// Figure is the median of repeated readings, with the lowest and the highest.
type Figure struct{ Median, Low, High float64 }

// Throughput is what a size came to with so many clients, in operations a
// second; zero without a reading.
func (s PoolSweep) Throughput(connections, clients int) Figure {
	return s.figure(connections, clients, func(r PoolReading) float64 { return r.PerSecond })
}

// Wait is how long an operation waited for its connections, in milliseconds;
// NaN when that is not known.
func (s PoolSweep) Wait(connections, clients int) Figure {
	return s.figure(connections, clients, func(r PoolReading) float64 { return r.WaitMS })
}

func (s PoolSweep) figure(connections, clients int, of func(PoolReading) float64) Figure {
	var found []float64
	for _, r := range s {
		if r.Connections == connections && r.Clients == clients {
			found = append(found, of(r))
		}
	}
	if len(found) == 0 {
		return Figure{}
	}
	slices.SortFunc(found, cmp.Compare)
	middle := len(found) / 2
	median := found[middle]
	if len(found)%2 == 0 {
		median = (found[middle-1] + found[middle]) / 2
	}
	return Figure{median, found[0], found[len(found)-1]}
}

// Best is the size with the highest throughput for so many clients. One lucky
// reading does not make it: medians are compared.
func (s PoolSweep) Best(clients int) (connections int, perSecond float64) {
	for _, size := range s.Sizes() {
		if f := s.Throughput(size, clients); f.Median > perSecond {
			connections, perSecond = size, f.Median
		}
	}
	return connections, perSecond
}

// Relative is the throughput of a size in parts of the best of the sweep for so
// many clients, between 0 and 1. A size between two of the sweep counts as the
// lower of them: nobody measured it.
func (s PoolSweep) Relative(connections, clients int) float64 {
	at := 0
	for _, size := range s.Sizes() {
		if size <= connections {
			at = size
		}
	}
	_, best := s.Best(clients)
	if best == 0 {
		return 0
	}
	return s.Throughput(at, clients).Median / best
}

// Knee is the smallest size that comes within the given part of the best
// throughput for so many clients, such as 0.9: more connections add little.
func (s PoolSweep) Knee(clients int, part float64) int {
	for _, size := range s.Sizes() {
		if s.Relative(size, clients) >= part {
			return size
		}
	}
	return 0
}

// Recommended is the smallest size that comes within the given part of the best
// throughput for every number of clients at once. If no size does, it is the
// one whose worst part is the largest.
func (s PoolSweep) Recommended(part float64) int {
	best, least := 0, math.Inf(-1)
	for _, size := range s.Sizes() {
		worst := s.Worst(size)
		if worst >= part {
			return size
		}
		if worst > least {
			best, least = size, worst
		}
	}
	return best
}

// Worst is the throughput of a size in parts of the best, for the number of
// clients for which that is least.
func (s PoolSweep) Worst(connections int) float64 {
	worst := math.Inf(1)
	for _, clients := range s.Clients() {
		worst = min(worst, s.Relative(connections, clients))
	}
	return worst
}

// Rival is what a size has to be compared with: the number of clients for which
// it falls farthest behind another size of the sweep, and that size. Where it is
// ahead of all others, the rival is the closest.
func (s PoolSweep) Rival(own int) (connections, clients int) {
	most := math.Inf(-1)
	for _, n := range s.Clients() {
		for _, size := range s.Sizes() {
			if size == own {
				continue
			}
			if ahead := s.Relative(size, n) - s.Relative(own, n); ahead > most {
				most, connections, clients = ahead, size, n
			}
		}
	}
	return connections, clients
}

// Decline is how much of the best throughput the largest size of the sweep
// gives away for so many clients, between 0 and 1.
func (s PoolSweep) Decline(clients int) float64 {
	sizes := s.Sizes()
	if len(sizes) == 0 {
		return 0
	}
	return 1 - s.Relative(sizes[len(sizes)-1], clients)
}

// Failed counts the operations of the sweep that were not carried out.
func (s PoolSweep) Failed() (n int64) {
	for _, r := range s {
		n += r.Failed
	}
	return n
}
