package history

import (
	"math"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// memory holds the seconds of the last two hours: with n measures at most
// 7,320 × 8 × (n + 4) bytes.
type memory struct {
	places map[string]int // of the measures in a row

	mu      sync.Mutex
	seconds []row // in a ring once it is full
	next    int
}

// row is a second with the figures by their places, NaN for unknown.
type row struct {
	at      time.Time
	figures []float64
}

func newMemory() *memory {
	m := &memory{places: map[string]int{}}
	for i, measure := range monitor.Measures() {
		m.places[measure.Name] = i
	}
	return m
}

// add takes seconds, of which it leaves out what is there already.
func (m *memory) add(seconds ...second) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range seconds {
		figures := make([]float64, len(m.places))
		for name, place := range m.places {
			if v, known := s.figures[name]; known {
				figures[place] = v
			} else {
				figures[place] = math.NaN()
			}
		}
		m.put(row{s.at, figures})
	}
}

// put takes a second, unless it is there: a clock may have been put back.
func (m *memory) put(one row) {
	for _, other := range m.seconds {
		if other.at.Equal(one.at) {
			return
		}
	}
	finest := resolutions()[0]
	if len(m.seconds) < int((finest.keep+spare)/finest.step) {
		m.seconds = append(m.seconds, one)
		return
	}
	m.seconds[m.next] = one
	m.next = (m.next + 1) % len(m.seconds)
}

// ask answers from the seconds.
func (m *memory) ask(p plan) Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := Answer{From: p.from, To: p.to, Step: p.step, Resolution: p.source.step, Memory: true, Points: empty(p.measures)}
	bins := make([]Point, int(p.to.Sub(p.from)/p.step))
	for i, name := range p.measures {
		clear(bins)
		for _, s := range m.seconds {
			if v := s.figures[m.places[name]]; !s.at.Before(p.from) && s.at.Before(p.to) && !math.IsNaN(v) {
				bins[s.at.Sub(p.from)/p.step].take(v)
			}
		}
		for b, one := range bins {
			if one.Count > 0 {
				one.At = p.from.Add(time.Duration(b) * p.step)
				answer.Points[i] = append(answer.Points[i], one)
			}
		}
	}
	for _, s := range m.seconds {
		if answer.Oldest == nil || s.at.Before(*answer.Oldest) {
			answer.Oldest = &s.at
		}
	}
	return answer
}

// take counts one more value.
func (p *Point) take(v float64) {
	if p.Count == 0 {
		p.Least, p.Greatest = v, v
	}
	p.Least, p.Greatest = min(p.Least, v), max(p.Greatest, v)
	p.Count++
	p.Mean += (v - p.Mean) / float64(p.Count)
}
