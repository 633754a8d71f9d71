package monitor

import (
	"math"
	"math/bits"
	"time"
)

const (
	// exactUS is below which each microsecond has a bucket of its own; above,
	// each doubling is divided into half as many, so that the middle of a
	// bucket is at most 0.8 % off.
	exactUS   = 128
	perOctave = exactUS / 2
	// longestUS is what anything longer counts as.
	longestUS = int64(time.Minute / time.Microsecond)
	buckets   = exactUS + 19*perOctave // up to 2^26 µs, which is more than a minute
)

// histogram counts durations in microseconds. It is read each second for
// every statement, and adding up its slots must cost next to nothing.
type histogram struct {
	counts [buckets]uint32
	total  int64
	most   int64
}

func (h *histogram) record(us int64) {
	us = min(max(us, 1), longestUS)
	h.counts[bucketOf(us)]++
	h.total++
	h.most = max(h.most, us)
}

func bucketOf(us int64) int {
	if us < exactUS {
		return int(us)
	}
	octave := bits.Len64(uint64(us)) - bits.Len64(exactUS-1) // from 1 on
	return exactUS + (octave-1)*perOctave + int(us>>octave) - perOctave
}

// middleOf is the middle of a bucket in microseconds.
func middleOf(bucket int) int64 {
	if bucket < exactUS {
		return int64(bucket)
	}
	octave := (bucket-exactUS)/perOctave + 1
	return int64((bucket-exactUS)%perOctave+perOctave)<<octave + 1<<octave/2
}

func (h *histogram) add(other *histogram) {
	if other.total == 0 {
		return
	}
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.most = max(h.most, other.most)
}

// latency is the distribution by nearest rank.
func (h *histogram) latency() Latency {
	l := Latency{Count: h.total}
	if h.total == 0 {
		return l
	}
	wanted := []struct {
		share float64
		ms    **float64
	}{{0.50, &l.P50MS}, {0.95, &l.P95MS}, {0.99, &l.P99MS}}
	var seen int64
	for bucket, n := range h.counts {
		seen += int64(n)
		for len(wanted) > 0 && seen >= int64(math.Ceil(wanted[0].share*float64(h.total))) {
			ms := float64(min(middleOf(bucket), h.most)) / 1000
			*wanted[0].ms, wanted = &ms, wanted[1:]
		}
	}
	return l
}
