package monitor

import "time"

// rateWindow is how far back rates look. The server reports a backend's rows
// in lumps, up to several seconds late; a shorter window would show the lumps.
const rateWindow = 10 * time.Second

// interval is what happened between two looks.
type interval struct {
	end     time.Time
	seconds float64
	// events happened, hits of them were of the kind that is asked for.
	events, hits float64
	// waited is the time in milliseconds that the hits took.
	waited float64
}

// series is a sliding window of intervals.
type series struct {
	keep      time.Duration
	intervals []interval
}

func (s *series) add(i interval) {
	s.intervals = append(s.intervals, i)
	first := 0
	for first < len(s.intervals)-1 && i.end.Sub(s.intervals[first].end) >= s.keep {
		first++
	}
	s.intervals = s.intervals[first:]
}

// sum adds up the intervals that ended less than window before the last one.
func (s *series) sum(window time.Duration, counts func(interval) bool) interval {
	var total interval
	for _, i := range s.intervals {
		if s.intervals[len(s.intervals)-1].end.Sub(i.end) >= window || !counts(i) {
			continue
		}
		total.seconds += i.seconds
		total.events += i.events
		total.hits += i.hits
		total.waited += i.waited
	}
	return total
}

func all(interval) bool    { return true }
func busy(i interval) bool { return i.events > 0 }

// ratio is a ÷ b, or unknown.
func ratio(a, b float64) *float64 {
	if b <= 0 {
		return nil
	}
	r := a / b
	return &r
}

// grown is by how much a counter has grown. A counter that fell was reset in
// between: what it shows has been counted since.
func grown(before, after int64) int64 {
	if after < before {
		return after
	}
	return after - before
}

// inserts turns the counters of the tables into rates.
type inserts struct {
	leaves   map[uint32]int64
	last     time.Time
	rows     int64
	arrivals series
	minutes  minutes
}

// add takes the counters of one look. A table that was not there before has
// got all its rows since then; one that is gone has got none.
func (n *inserts) add(at time.Time, leaves map[uint32]int64) Inserts {
	if n.leaves != nil {
		var rows int64
		for oid, count := range leaves {
			rows += grown(n.leaves[oid], count)
		}
		n.rows += rows
		seconds := at.Sub(n.last).Seconds()
		n.arrivals.add(interval{end: at, seconds: seconds, events: float64(rows)})
		n.minutes.add(at, float64(rows), seconds)
	}
	n.leaves, n.last = leaves, at
	recent, inserting := n.arrivals.sum(rateWindow, all), n.arrivals.sum(n.arrivals.keep, busy)
	return Inserts{
		RowsPerSecond:               ratio(recent.events, recent.seconds),
		RowsPerSecondWhileInserting: ratio(inserting.events, inserting.seconds),
		RowsSinceStart:              n.rows,
	}
}

// cache turns the block counters of the database into hit ratios.
type cache struct {
	hit, read int64
	last      time.Time
	blocks    series
}

func (c *cache) add(at time.Time, hit, read int64) Cache {
	if !c.last.IsZero() {
		hits, reads := grown(c.hit, hit), grown(c.read, read)
		c.blocks.add(interval{
			end: at, seconds: at.Sub(c.last).Seconds(), events: float64(hits + reads), hits: float64(hits),
		})
	}
	c.hit, c.read, c.last = hit, read, at
	recent := c.blocks.sum(c.blocks.keep, all)
	return Cache{HitRatio: ratio(recent.hits, recent.events), HitRatioSinceReset: ratio(float64(hit), float64(hit+read))}
}

// recent is how many blocks the ratio of the last minute rests on.
func (c *cache) recent() int64 { return int64(c.blocks.sum(c.blocks.keep, all).events) }
