package monitor

import (
	"math"
	"time"
)

// Brief is the data of a database_performance message: what a screen shows at
// a glance, in about 600 bytes. All figures are in Snapshot, which GET
// /api/health/database tells. Figures are rounded to four digits; one that is
// not known is null.
type Brief struct {
	Status Status `json:"status"`
	// Reasons says why the status is not pass, in fixed codes.
	Reasons []string `json:"reasons"`
	// CheckedAt is when the look ended, in UTC.
	CheckedAt   time.Time        `json:"checked_at"`
	Pool        BriefPool        `json:"pool"`
	Inserts     BriefInserts     `json:"inserts"`
	Queries     Latency          `json:"queries"`
	Cache       BriefCache       `json:"cache"`
	Connections BriefConnections `json:"connections"`
	Locks       BriefLocks       `json:"locks"`
	// Partitions is null until they were looked at, and where nobody can tell.
	Partitions *BriefPartitions `json:"partitions"`
	// Replicas counts the marketd that share the database, this one included.
	Replicas int `json:"replicas"`
	// Stale names the parts with figures from an earlier look.
	Stale []string `json:"stale"`
}

// BriefPool is Snapshot.Pool at a glance.
type BriefPool struct {
	Acquired    int32    `json:"acquired"`
	Max         int32    `json:"max"`
	Utilisation float64  `json:"utilisation"`
	WaitShare   *float64 `json:"wait_share"`
	WaitMS      *float64 `json:"wait_ms"`
}

// BriefInserts is Snapshot.Inserts at a glance.
type BriefInserts struct {
	RowsPerSecond *float64 `json:"rows_per_second"`
	// StoredRowsPerSecond is by the service itself, and WritingShare compares
	// how fast with its baseline.
	StoredRowsPerSecond *float64 `json:"stored_rows_per_second"`
	WritingShare        *float64 `json:"writing_share"`
}

// BriefCache is Snapshot.Cache at a glance.
type BriefCache struct {
	HitRatio *float64 `json:"hit_ratio"`
}

// BriefConnections are those of the server, by anybody.
type BriefConnections struct {
	Open *int64 `json:"open"`
	Max  *int64 `json:"max"`
}

// BriefLocks is Snapshot.Locks at a glance.
type BriefLocks struct {
	Waiting       *int64   `json:"waiting"`
	LongestWaitMS *float64 `json:"longest_wait_ms"`
}

// BriefPartitions are the worst figures of all tables.
type BriefPartitions struct {
	// LookAheadHours is null without partitioned tables.
	LookAheadHours *float64 `json:"look_ahead_hours"`
	DefaultRows    int64    `json:"default_rows"`
	LargestBytes   int64    `json:"largest_bytes"`
}

// Brief is the snapshot at a glance.
func (s Snapshot) Brief() Brief {
	b := Brief{
		Status: s.Status, Reasons: s.Reasons, CheckedAt: s.CheckedAt, Replicas: len(s.Replicas), Stale: []string{},
		Pool: BriefPool{s.Pool.Acquired, s.Pool.Max, digits(s.Pool.Utilisation), rounded(s.Pool.WaitShare), rounded(s.Pool.WaitMS)},
		Inserts: BriefInserts{
			rounded(s.Inserts.RowsPerSecond), rounded(s.Inserts.Stored.RowsPerSecond), rounded(s.Inserts.Baseline.WritingShare),
		},
		Queries:     Latency{s.Queries.Count, rounded(s.Queries.P50MS), rounded(s.Queries.P95MS), rounded(s.Queries.P99MS)},
		Cache:       BriefCache{rounded(s.Cache.HitRatio)},
		Connections: BriefConnections{s.Database.Connections, s.Database.MaxConnections},
		Locks:       BriefLocks{s.Locks.Waiting, rounded(s.Locks.LongestWaitMS)},
	}
	for _, stale := range s.Stale {
		b.Stale = append(b.Stale, stale.Part)
	}
	if s.Partitions != nil {
		b.Partitions = &BriefPartitions{}
		for i, t := range s.Partitions.Tables {
			if hours := digits(t.LookAheadHours); i == 0 || hours < *b.Partitions.LookAheadHours {
				b.Partitions.LookAheadHours = &hours
			}
			b.Partitions.DefaultRows += t.DefaultRows
			b.Partitions.LargestBytes = max(b.Partitions.LargestBytes, t.LargestBytes)
		}
	}
	return b
}

func rounded(v *float64) *float64 {
	if v == nil {
		return nil
	}
	r := digits(*v)
	return &r
}

// digits rounds to four digits. A share stays within 1.
func digits(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) {
		return 0
	}
	return math.Round(v*scale) / scale
}
