package monitor

import (
	"slices"
	"time"
)

// Status is how the database is.
type Status string

// The three states. Pass and Warn serve, Fail does not.
const (
	Pass Status = "pass"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Word is the status in the words of v1: healthy, degraded or unhealthy.
func (s Status) Word() string {
	switch s {
	case Pass:
		return "healthy"
	case Warn:
		return "degraded"
	}
	return "unhealthy"
}

// The reasons for a status other than pass.
const (
	// NotCollected: the service has just started and not looked yet.
	NotCollected = "not_collected"
	// Unreachable: the database cannot be connected to.
	Unreachable = "database_unreachable"
	// Outdated: the monitor itself has not finished a look for ten seconds.
	Outdated = "snapshot_outdated"
	// StaleParts: something could not be read in time.
	StaleParts = "stale_parts"
	// PoolBusy: at least nine tenths of the pool are in use.
	PoolBusy = "pool_utilisation_high"
	// ColdCache: fewer than four fifths of many block reads hit the cache.
	ColdCache = "cache_hit_low"
)

// outdated is the age at which a snapshot says nothing any more.
const outdated = 10 * time.Second

// at returns the snapshot as it reads at a later time.
func (s Snapshot) at(now time.Time) Snapshot {
	taken := s.taken
	if taken.IsZero() {
		taken = s.CheckedAt
	}
	age := now.Sub(taken)
	s.AgeMS = max(0, age.Milliseconds())
	s.Stale = slices.Clone(s.Stale)
	for i := range s.Stale {
		if since := s.Stale[i].since; !since.IsZero() {
			old := max(0, now.Sub(since).Milliseconds())
			s.Stale[i].AgeMS = &old
		}
	}
	if age > outdated {
		s.Status = Fail
		s.Reasons = append(slices.Clone(s.Reasons), Outdated)
	}
	return s
}

// unreachable makes the snapshot a failure.
func (s *Snapshot) unreachable() {
	s.Status = Fail
	if !slices.Contains(s.Reasons, Unreachable) {
		s.Reasons = append(slices.Clone(s.Reasons), Unreachable)
	}
}

// judge derives the status of what was seen.
func (s *Snapshot) judge(reachable bool, blocks int64) {
	s.Status, s.Reasons = Pass, []string{}
	warn := func(condition bool, reason string) {
		if condition {
			s.Status = Warn
			s.Reasons = append(s.Reasons, reason)
		}
	}
	warn(reachable && len(s.Stale) > 0, StaleParts)
	warn(s.Pool.Max > 0 && s.Pool.Utilisation >= 0.9, PoolBusy)
	warn(s.Cache.HitRatio != nil && *s.Cache.HitRatio < 0.8 && blocks >= 10_000, ColdCache)
	if !reachable {
		s.unreachable()
	}
}
