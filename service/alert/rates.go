package alert

import (
	"slices"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

const (
	// rateInterval is the time of one rate; the server reports rows in lumps,
	// up to a second or more late.
	rateInterval = 10 * time.Second
	// leastBusy of an interval must see rows arrive for its rate to count.
	leastBusy = rateInterval / 2
	// baselineRates is how many rates the baseline is made of: an hour of
	// inserting. A new rate that stays is the new baseline after half of it.
	baselineRates = 360
	// recentRates are too new for the baseline, leastBaseline is how many it
	// needs.
	recentRates   = 3
	leastBaseline = 6
)

// Rates compares the rate at which rows arrive with its own recent past. Time
// in which nothing arrives counts for nothing. The zero value is usable.
type Rates struct {
	// Past are the rates of the last intervals in rows per second, oldest first.
	Past []float64 `json:"past"`

	seen              time.Time
	rows              int64
	elapsed, busy     time.Duration
	arrived           int64
	ofBaseline        float64
	ofBaselineIsKnown bool
}

// Add takes a snapshot; one that was taken before counts once.
func (r *Rates) Add(s monitor.Snapshot) {
	known := s.Inserts.RowsPerSecond != nil
	if !known || !s.CheckedAt.After(r.seen) {
		return
	}
	gap, rows := s.CheckedAt.Sub(r.seen), s.Inserts.RowsSinceStart-r.rows
	r.seen, r.rows = s.CheckedAt, s.Inserts.RowsSinceStart
	if gap > longestGap || rows < 0 {
		r.elapsed, r.busy, r.arrived = 0, 0, 0
		return
	}
	r.elapsed += gap
	if rows > 0 {
		r.busy += gap
		r.arrived += rows
	}
	if r.elapsed >= rateInterval {
		r.close()
	}
}

// close ends an interval.
func (r *Rates) close() {
	r.ofBaselineIsKnown = false
	if r.busy >= leastBusy {
		rate := float64(r.arrived) / r.busy.Seconds()
		r.Past = append(r.Past, rate)
		r.Past = r.Past[max(0, len(r.Past)-baselineRates-recentRates):]
		if old := r.Past[:max(0, len(r.Past)-recentRates)]; len(old) >= leastBaseline {
			sorted := slices.Sorted(slices.Values(old))
			r.ofBaseline, r.ofBaselineIsKnown = rate/sorted[len(sorted)/2], true
		}
	}
	r.elapsed, r.busy, r.arrived = 0, 0, 0
}

// into adds the newest figure to a reading, if there is one.
func (r *Rates) into(figures map[string]float64) {
	if r.ofBaselineIsKnown {
		figures[insertRate] = r.ofBaseline
	}
}

// arrived notes how many rows arrived, and adds to the figures what that is
// of the usual rate.
func (b *Board) arrived(s monitor.Snapshot, figures map[string]float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rates.Add(s)
	b.rates.into(figures)
}
