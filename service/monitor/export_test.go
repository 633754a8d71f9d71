package monitor

import (
	"context"
	"log/slog"
	"time"
)

// At returns the snapshot as it reads at a later time.
func (s Snapshot) At(now time.Time) Snapshot { return s.at(now) }

// Arrivals feeds the counters of several looks, a second apart, and returns
// the last figures.
func Arrivals(looks ...map[uint32]int64) Inserts {
	n := inserts{arrivals: series{keep: time.Minute}}
	at, figures := time.Unix(0, 0), Inserts{}
	for _, leaves := range looks {
		at = at.Add(time.Second)
		figures = n.add(at, leaves)
	}
	return figures
}

// Blocks feeds pairs of hit and read counters, a second apart, and returns
// the last figures.
func Blocks(looks ...[2]int64) Cache {
	c := cache{blocks: series{keep: time.Minute}}
	at, figures := time.Unix(0, 0), Cache{}
	for _, counters := range looks {
		at = at.Add(time.Second)
		figures = c.add(at, counters[0], counters[1])
	}
	return figures
}

// Growth feeds readings of one counter, a second apart, and returns by how
// much it grew and how fast, in the last minute. Sums say that the counter is
// a sum over tables.
func Growth(sums bool, readings ...float64) (grown float64, perSecond *float64) {
	c := counters{keep: time.Minute, sums: sums}
	at := time.Unix(0, 0)
	for _, reading := range readings {
		at = at.Add(time.Second)
		c.add(at, reading)
	}
	return c.grown(0), c.perSecond(0)
}

// GrowthAfter feeds readings of a counter that grows by one between the first
// two, twice a second, and returns by how much it grew in the last minute at
// one that comes that long after the second.
func GrowthAfter(last time.Duration) float64 {
	const every = time.Second / 2
	c := counters{keep: time.Minute}
	start := time.Unix(0, 0)
	c.add(start.Add(-every), 0)
	for later := time.Duration(0); later < last; later += every {
		c.add(start.Add(later), 1)
	}
	c.add(start.Add(last), 1)
	return c.grown(0)
}

// Usual feeds the rate of each minute, of which a second was busy, and returns
// the baseline after them.
func Usual(rates ...float64) *float64 {
	var m minutes
	at := time.Unix(0, 0)
	for _, rate := range rates {
		at = at.Add(time.Minute)
		m.add(at, rate, 1)
	}
	m.add(at.Add(time.Minute), 0, 1)
	return m.median()
}

// Writing feeds what was stored, a second apart, and returns the last figures.
func Writing(looks ...Written) Stored {
	s := stores{writing: series{keep: time.Minute}}
	at, figures := time.Unix(0, 0), Stored{}
	for _, look := range looks {
		at = at.Add(time.Second)
		figures = s.add(at, look)
	}
	return figures
}

// The choice of statements by the version of the server.
var (
	CheckpointSQL = checkpointSQL //nolint:gochecknoglobals // for tests only
	IOSQL         = ioSQL         //nolint:gochecknoglobals // for tests only
)

// Look takes one look after another. Anew makes every part due again.
type Look struct{ look *look }

// NewLook makes a Look.
func NewLook(config Config) Look {
	config.Log = slog.New(slog.DiscardHandler)
	return Look{newLook(config, newAside(nil, func() {}))}
}

// Take looks once.
func (l Look) Take(ctx context.Context) Snapshot { return l.look.take(ctx, true).snapshot }

// Sight looks once, and says too whether the database answered.
func (l Look) Sight(ctx context.Context) (Snapshot, bool) {
	seen := l.look.take(ctx, true)
	return seen.snapshot, seen.reachable
}

// Anew makes every part due again.
func (l Look) Anew() {
	for _, p := range l.look.parts {
		p.last = time.Time{}
	}
}

// Percentiles are those of durations in microseconds.
func Percentiles(us ...int64) Latency {
	var h histogram
	for _, d := range us {
		h.record(d)
	}
	return h.latency()
}

// Judged derives the sums and the state of partitions.
func Judged(p PartitionStatus) PartitionStatus {
	p.total()
	return p
}

// Aged is the state as it reads at a moment.
func Aged(p PartitionStatus, now time.Time, unreachable bool) PartitionStatus {
	return p.at(now, p.CheckedAt, unreachable)
}

// Same says whether two states tell the same.
func Same(a, b PartitionStatus) bool { return a.same(b) }

// Told is what a message tells of a state.
func Told(p PartitionStatus) PartitionStatus { return p.brief() }

// Merge sums up several processes.
func Merge(all ...Local) Local { return merge(all) }

// LooksAside counts how often partitions are looked at that change so many
// times within a moment.
func LooksAside(ctx context.Context, changes int) (looks int) {
	a := newAside(func(context.Context) (PartitionStatus, error) {
		looks++
		return PartitionStatus{}, nil
	}, func() {})
	for range changes {
		a.hurry = true
		a.begin(ctx)
		a.wait()
	}
	return looks
}
