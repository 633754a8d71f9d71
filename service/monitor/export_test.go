package monitor

import "time"

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
