package monitor

import (
	"sync/atomic"
	"time"
)

// Local is what a process knows of itself without asking the database, and
// reports to the one that looks.
type Local struct {
	Pool    Pool    `json:"pool"`
	Queries Queries `json:"queries"`
	Stored  Stored  `json:"stored"`
	// WritingBaseline is Baseline.RowsPerWritingSecond of this process.
	WritingBaseline *float64 `json:"writing_baseline"`
	Clients         *int64   `json:"clients"`
}

// writingShare compares storing now with what was usual.
func (l Local) writingShare() *float64 {
	return shareOf(l.Stored.RowsPerWritingSecond, l.WritingBaseline)
}

// locals takes the figures of this process, several times a second: that
// costs no statement.
type locals struct {
	config Config
	pool   counters
	stores stores
	last   atomic.Pointer[Local]
}

func newLocals(config Config) *locals {
	return &locals{config: config, pool: counters{keep: rateWindow}, stores: stores{writing: series{keep: time.Minute}}}
}

// take is called by one goroutine at a time.
func (l *locals) take(now time.Time) {
	own := Local{Pool: readPool(&l.pool, l.config.Served, now), Queries: noQueries()}
	if l.config.Queries != nil {
		own.Queries = l.config.Queries.Queries()
	}
	if l.config.Written != nil {
		own.Stored = l.stores.add(now, l.config.Written())
		own.WritingBaseline = l.stores.minutes.median()
	}
	if l.config.Clients != nil {
		clients := int64(l.config.Clients())
		own.Clients = &clients
	}
	l.last.Store(&own)
}
