package measure

import (
	"math"
	"math/bits"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The geometry of every histogram: three significant digits mean that a bucket
// is never wider than 1/1024 of its lower end.
const (
	relativeError = 0.001                         // of a bucket, above the resolution
	resolution    = time.Microsecond              // of a bucket, at the short end
	longestBucket = int64(time.Hour / resolution) // in µs; longer durations share its bucket
	digits        = 3
	exactBelow    = 2048 // µs; below it each microsecond has its own bucket
)

// Histogram is a distribution of durations from 1 µs to 1 h. A figure read from
// it is at most 0.1 % (or 1 µs, if that is more) above the duration that was
// recorded and never below it; the shortest, the longest and the count are exact.
// Durations beyond an hour are counted with those of an hour, and any quantile
// among them is given as the longest.
//
// The zero value is empty and ready to use. It is not safe for concurrent use:
// give each worker its own and merge them.
type Histogram struct {
	buckets  *hdrhistogram.Histogram // nil while empty; in µs, rounded up
	min, max time.Duration
}

// NewHistogram returns an empty histogram.
func NewHistogram() *Histogram { return &Histogram{} }

// Record counts one duration. A negative one, which only a clock that was set
// back can yield, counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.add(inMicroseconds(d), 1, d, d)
}

// Merge counts everything that o holds; o stays as it is.
func (h *Histogram) Merge(o *Histogram) {
	if o.Count() == 0 {
		return
	}
	for _, b := range o.filled() {
		h.add(b.From, b.Count, o.min, o.max)
	}
}

// Count is the number of durations recorded.
func (h *Histogram) Count() int64 {
	if h == nil || h.buckets == nil {
		return 0
	}
	return h.buckets.TotalCount()
}

// Min is the shortest duration recorded, exactly; 0 when empty.
func (h *Histogram) Min() time.Duration { return h.min }

// Max is the longest duration recorded, exactly; 0 when empty.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the average, within the stated error; 0 when empty. It is for
// workload arithmetic; promises are made on percentiles.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	var sum float64 // in µs
	for _, b := range h.filled() {
		sum += float64(b.Count) * (float64(b.From) + float64(b.To)) / 2
	}
	mean := time.Duration(sum / float64(h.Count()) * float64(resolution))
	return min(max(mean, h.min), h.max)
}

// Quantile is the duration that a share q of the observations did not exceed,
// such as 0.99 for p99: the longest duration of the bucket that holds the
// observation of rank ⌈q·n⌉, and never longer than the longest recorded. It
// errs to the long side, so that no promise of "at most" holds by rounding. It
// is 0 when empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return h.longestAt(rank(q, h.Count()))
}

// QuantileFloor is like Quantile but errs to the short side: the shortest
// duration of the bucket, and never shorter than the shortest recorded. A
// promise of "at least" is judged on it.
func (h *Histogram) QuantileFloor(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return h.shortestAt(rank(q, h.Count()))
}

// Beyond is the number of observations that rank above the quantile q: the
// evidence that a statement about it rests on.
func (h *Histogram) Beyond(q float64) int64 {
	if h.Count() == 0 {
		return 0
	}
	return h.Count() - rank(q, h.Count())
}

// add counts n durations of µs microseconds between shortest and longest.
func (h *Histogram) add(µs, n int64, shortest, longest time.Duration) {
	if h.buckets == nil {
		h.buckets = hdrhistogram.New(1, longestBucket, digits)
		h.min, h.max = shortest, longest
	}
	// Never refused: µs is within the geometry and n is positive.
	_ = h.buckets.RecordValues(µs, n)
	h.min, h.max = min(h.min, shortest), max(h.max, longest)
}

// filled returns the buckets that hold anything, shortest first.
func (h *Histogram) filled() []hdrhistogram.Bar {
	var bars []hdrhistogram.Bar
	if h.buckets == nil {
		return nil
	}
	for _, b := range h.buckets.Distribution() {
		if b.Count > 0 {
			bars = append(bars, b)
		}
	}
	return bars
}

// longestAt is the longest duration that the observation of rank r can have.
func (h *Histogram) longestAt(r int64) time.Duration {
	top := h.bucketAt(r)
	if lowest(top) == lowest(longestBucket) {
		return h.max
	}
	return min(time.Duration(top)*resolution, h.max)
}

// shortestAt is the shortest duration that the observation of rank r can have.
func (h *Histogram) shortestAt(r int64) time.Duration {
	// A bucket from n µs holds durations above n-1 µs, since they are rounded up.
	shortest := time.Duration(lowest(h.bucketAt(r))-1)*resolution + 1
	return min(max(shortest, h.min), h.max)
}

// bucketAt is the top of the bucket of the observation of rank r, in µs. The
// library rounds a percentile to the nearest rank, so it is asked for one that
// names the rank exactly.
func (h *Histogram) bucketAt(r int64) int64 {
	return h.buckets.ValueAtPercentile(100 * float64(r) / float64(h.Count()))
}

// rank is ⌈q·n⌉ within 1…n, where a product within rounding of a whole number
// counts as that number.
func rank(q float64, n int64) int64 {
	x := q * float64(n)
	if whole := math.Round(x); math.Abs(x-whole) < 1e-9*max(1, x) {
		x = whole
	}
	return min(max(int64(math.Ceil(x)), 1), n)
}

// inMicroseconds rounds up, so that no duration is ever understated.
func inMicroseconds(d time.Duration) int64 {
	µs := int64(d / resolution)
	if d%resolution > 0 {
		µs++
	}
	return min(µs, longestBucket)
}

// lowest is the shortest duration that shares the bucket of µs.
func lowest(µs int64) int64 {
	if µs < exactBelow {
		return µs
	}
	shift := bits.Len64(uint64(µs)) - bits.Len64(exactBelow-1)
	return µs >> shift << shift
}
