package monitor

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The counters of the pool.
const (
	poolAcquires = iota
	poolWaits
	poolWaitedMS
	poolAcquiringMS
	poolGivenUp
	poolOpened
	poolClosedOld
	poolClosedIdle
)

// readPool turns the counters of the pool into rates.
func readPool(c *counters, served *pgxpool.Pool, at time.Time) Pool {
	if served == nil {
		return Pool{}
	}
	s := served.Stat()
	acquired, waits, waited := s.AcquireCount(), s.EmptyAcquireCount(), milliseconds(s.EmptyAcquireWaitTime())
	c.add(at, float64(acquired), float64(waits), waited, milliseconds(s.AcquireDuration()), float64(s.CanceledAcquireCount()),
		float64(s.NewConnsCount()), float64(s.MaxLifetimeDestroyCount()), float64(s.MaxIdleDestroyCount()))
	pool := Pool{
		Acquired: s.AcquiredConns(), Idle: s.IdleConns(), Total: s.TotalConns(), Max: s.MaxConns(),
		WaitShare: ratio(c.grown(poolWaits), c.grown(poolAcquires)), WaitMS: ratio(c.grown(poolWaitedMS), c.grown(poolWaits)),
		AcquiresPerSecond:  c.perSecond(poolAcquires),
		AcquiresSinceStart: acquired, WaitsSinceStart: waits, WaitedMSSinceStart: waited,
		GivenUpSinceStart: s.CanceledAcquireCount(),

		Constructing: s.ConstructingConns(), AcquireMS: ratio(c.grown(poolAcquiringMS), c.grown(poolAcquires)),
		WaitsPerSecond: c.perSecond(poolWaits), GivenUpPerSecond: c.perSecond(poolGivenUp),
		OpenedPerSecond: c.perSecond(poolOpened), ClosedOldPerSecond: c.perSecond(poolClosedOld),
		ClosedIdlePerSecond: c.perSecond(poolClosedIdle),
	}
	if pool.Max > 0 {
		pool.Utilisation = float64(pool.Acquired) / float64(pool.Max)
	}
	return pool
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// Written is what the service stored since it began.
type Written struct {
	// Rows are new ones that were committed.
	Rows int64
	// Took is how long writers waited for them, added up.
	Took time.Duration
}

// stores turns what the service stored into rates.
type stores struct {
	first   Written
	last    Written
	at      time.Time
	writing series
	minutes minutes
}

func (s *stores) add(at time.Time, now Written) Stored {
	if s.at.IsZero() {
		s.first = now
	} else {
		rows, took := float64(now.Rows-s.last.Rows), now.Took-s.last.Took
		s.writing.add(interval{end: at, seconds: at.Sub(s.at).Seconds(), events: rows, waited: milliseconds(took)})
		s.minutes.add(at, rows, took.Seconds())
	}
	s.last, s.at = now, at
	recent, lately := s.writing.sum(rateWindow, all), s.writing.sum(s.writing.keep, busy)
	stored := Stored{RowsPerSecond: ratio(recent.events, recent.seconds), RowsSinceStart: now.Rows}
	if lately.events > 0 {
		stored.RowsPerWritingSecond = ratio(lately.events*1000, lately.waited)
	}
	return stored
}
