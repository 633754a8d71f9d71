package monitor

import (
	"slices"
	"time"
)

// counters turns counters of the server that only grow into what they grew by
// over a while.
type counters struct {
	// keep is how far back the growth is kept.
	keep time.Duration
	// sums says that a counter is a sum over tables. It falls when a table is
	// dropped, and then says nothing about what happened since; any other
	// counter that fell was reset and counts since then.
	sums bool

	last   time.Time
	before []float64
	steps  []step
	since  []float64 // the growth in the whole life of the service
}

// step is what happened between two readings.
type step struct {
	end     time.Time
	seconds float64
	grown   []float64
}

// add takes a reading of all counters, always in the same order.
func (c *counters) add(at time.Time, reading ...float64) {
	if c.before == nil {
		c.since = make([]float64, len(reading))
	} else {
		grown := make([]float64, len(reading))
		for i, now := range reading {
			switch {
			case now >= c.before[i]:
				grown[i] = now - c.before[i]
			case !c.sums:
				grown[i] = now
			}
			c.since[i] += grown[i]
		}
		c.steps = append(c.steps, step{at, at.Sub(c.last).Seconds(), grown})
		first := slices.IndexFunc(c.steps, func(s step) bool { return at.Sub(s.end) < c.keep-s.slack() })
		c.steps = slices.Delete(c.steps, 0, max(0, first))
	}
	c.last, c.before = at, reading
}

// slack is half of the step: what happened in it did so before its end, and
// readings do not come on the dot.
func (s step) slack() time.Duration { return time.Duration(s.seconds * float64(time.Second) / 2) }

// known says whether there are two readings, between which something can have
// happened.
func (c *counters) known() bool { return len(c.steps) > 0 }

// grown is by how much the counter grew in the time that is kept.
func (c *counters) grown(i int) float64 {
	var sum float64
	for _, s := range c.steps {
		sum += s.grown[i]
	}
	return sum
}

// count is grown as a whole number, or unknown.
func (c *counters) count(i int) *int64 {
	if !c.known() {
		return nil
	}
	n := int64(c.grown(i))
	return &n
}

// perSecond is the rate of the counter in the time that is kept, or unknown.
func (c *counters) perSecond(i int) *float64 { return ratio(c.grown(i), c.seconds()) }

// seconds is how long the steps that are kept took.
func (c *counters) seconds() float64 {
	var sum float64
	for _, s := range c.steps {
		sum += s.seconds
	}
	return sum
}

// minutes is the median of what was seen in each minute.
type minutes struct {
	current int64 // the minute since the epoch
	events  float64
	seconds float64
	past    []minute
}

type minute struct {
	number int64
	rate   float64
}

const (
	// baselineMinutes is how far back the baseline looks.
	baselineMinutes = 60
	// baselineFrom is how many minutes a baseline needs.
	baselineFrom = 5
)

// add notes events that took so long. A minute becomes part of the past when
// the next begins; a minute without events is none.
func (m *minutes) add(at time.Time, events, seconds float64) {
	now := at.Unix() / 60
	if now != m.current {
		if m.events > 0 && m.seconds > 0 {
			m.past = append(m.past, minute{m.current, m.events / m.seconds})
		}
		m.current, m.events, m.seconds = now, 0, 0
		m.past = slices.DeleteFunc(m.past, func(p minute) bool { return now-p.number > baselineMinutes || p.number > now })
	}
	if events > 0 {
		m.events += events
		m.seconds += seconds
	}
}

// median is the rate of the minutes of the past, unknown below five of them.
func (m *minutes) median() *float64 {
	if len(m.past) < baselineFrom {
		return nil
	}
	rates := make([]float64, len(m.past))
	for i, p := range m.past {
		rates[i] = p.rate
	}
	slices.Sort(rates)
	middle := (rates[(len(rates)-1)/2] + rates[len(rates)/2]) / 2
	return &middle
}

// shareOf is a ÷ b, or unknown.
func shareOf(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	return ratio(*a, *b)
}
