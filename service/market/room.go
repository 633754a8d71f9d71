package market

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// coveredFor is how long a day counts as covered. It ends, because a
	// partition may be detached below us.
	coveredFor = 10 * time.Minute
	// uncoveredFor is how long nobody is asked again after a refusal, so that
	// a table that is kept locked does not slow every write.
	uncoveredFor = 10 * time.Second
	// maxCovered bounds what is remembered of clients with scattered dates.
	maxCovered = 10_000
)

const secondsPerDay = 24 * 60 * 60

// unixDay counts the days of UTC since 1970.
func unixDay(at time.Time) int64 {
	seconds := at.Unix()
	return (seconds - (seconds%secondsPerDay+secondsPerDay)%secondsPerDay) / secondsPerDay
}

// room asks for partitions before rows are written, once for each day.
type room struct {
	partitions Partitions
	log        *slog.Logger
	now        func() time.Time

	mu   sync.RWMutex
	next map[covered]time.Time // when to ask again
}

// covered is a day of a table, in days of Unix time.
type covered struct {
	table string
	day   int64
}

// make asks for the days of rows. What cannot be made is logged: its rows go
// to the default partition.
func (r *room) make(ctx context.Context, table string, rows []time.Time) {
	if r.partitions == nil {
		return
	}
	now := r.now()
	var wanted []time.Time
	last := covered{}
	for _, at := range rows {
		key := covered{table, unixDay(at)}
		if key == last {
			continue
		}
		last = key
		if r.take(key, now) {
			wanted = append(wanted, time.Unix(key.day*secondsPerDay, 0).UTC())
		}
	}
	if len(wanted) == 0 {
		return
	}
	if err := r.partitions.Cover(ctx, table, wanted...); err != nil {
		r.log.WarnContext(ctx, "partitions not made, their rows go to the default partition",
			"table", table, "days", len(wanted), "first", wanted[0].Format(time.DateOnly), "error", err.Error())
		r.retry(table, wanted, now.Add(uncoveredFor))
	}
}

// take reports whether the day has to be asked for now, and counts on the
// caller to do it.
func (r *room) take(key covered, now time.Time) bool {
	r.mu.RLock()
	next, known := r.next[key]
	r.mu.RUnlock()
	if known && now.Before(next) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if next, known := r.next[key]; known && now.Before(next) {
		return false
	}
	if len(r.next) >= maxCovered {
		clear(r.next)
	}
	r.next[key] = now.Add(coveredFor)
	return true
}

// forget has every day asked for again.
func (r *room) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.next)
}

func (r *room) retry(table string, days []time.Time, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, day := range days {
		r.next[covered{table, unixDay(day)}] = next
	}
}
