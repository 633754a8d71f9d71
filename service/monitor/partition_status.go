package monitor

import (
	"slices"
	"time"
)

// PartitionChannel is the channel on which the state of the partitions is
// published: when it changes, and at least each minute.
const PartitionChannel = "partition_status"

// The reasons for a state of the partitions other than pass, besides
// StaleParts, NotCollected and Unreachable.
const (
	// UncoveredNow: a table has no partition for rows of now.
	UncoveredNow = "uncovered_now"
	// GapAhead: a time that should have a partition has none.
	GapAhead = "gap_ahead"
	// ShortAhead: a table has partitions for less than a day from now.
	ShortAhead = "look_ahead_short"
	// DefaultRows: rows lie in a default partition.
	DefaultRows = "default_rows"
	// DetachPending: a detaching was interrupted.
	DetachPending = "detach_pending"
	// Overdue: partitions are older than they are to be kept.
	Overdue = "overdue"
	// Waiting: somebody has to decide about a partition.
	Waiting = "waiting"
	// LeftOver: an interrupted manager left a constraint that will refuse rows.
	LeftOver = "left_over"
)

const (
	// shortAheadHours is the look-ahead below which it is short.
	shortAheadHours = 24
	// mostListed is how many partitions of a table a message lists.
	mostListed = 50
)

// PartitionStatus is the body of GET /api/health/partitions and the data of a
// partition_status message.
type PartitionStatus struct {
	Status Status `json:"status"`
	// Reasons says why the status is not pass, in fixed codes.
	Reasons []string `json:"reasons"`
	// CheckedAt is when the partitions were looked at, in UTC; AgeMS is how
	// long ago, in milliseconds.
	CheckedAt time.Time `json:"checked_at"`
	AgeMS     int64     `json:"age_ms"`
	// Stale says that they could not be looked at again in time.
	Stale bool `json:"stale"`
	// SchemaVersion is the newest migration that was applied, 0 if none.
	SchemaVersion int64 `json:"schema_version"`
	// Partitions, Bytes and Rows are of all tables, without the defaults.
	Partitions int64 `json:"partitions"`
	Bytes      int64 `json:"bytes"`
	Rows       int64 `json:"rows"`
	// LookAheadHours is for how long from now every table has partitions: the
	// time to the first gap. Null without partitioned tables.
	LookAheadHours *float64 `json:"look_ahead_hours"`
	// Tables is empty on a schema without partitions.
	Tables []PartitionStatusTable `json:"tables"`
}

// PartitionStatusTable is the state of the partitions of one table.
type PartitionStatusTable struct {
	// Table is its name, Interval the time of one partition: day or year.
	Table    string `json:"table"`
	Interval string `json:"interval"`
	// LookAheadHours is for how long from now there is a partition, up to a
	// million.
	LookAheadHours float64 `json:"look_ahead_hours"`
	// Gaps are times without a partition that should have one.
	Gaps []PartitionGap `json:"gaps"`
	// DefaultRows counts the rows that found no partition.
	DefaultRows int64 `json:"default_rows"`
	// Kept are the tables that were detached, Overdue the partitions that are
	// older than they are to be kept, DetachPending those whose detaching was
	// interrupted. Waiting says of which partitions somebody has to decide.
	Kept          []string `json:"kept"`
	Overdue       []string `json:"overdue"`
	DetachPending []string `json:"detach_pending"`
	Waiting       []string `json:"waiting"`
	// LeftOver names a constraint that an interrupted manager left; empty if
	// there is none.
	LeftOver string `json:"left_over"`
	// Bytes and Rows are of all partitions without the default. LargestBytes
	// is the size of Largest; the name is empty without partitions.
	Bytes        int64  `json:"bytes"`
	Rows         int64  `json:"rows"`
	Largest      string `json:"largest"`
	LargestBytes int64  `json:"largest_bytes"`
	// Count is how many partitions there are. Partitions lists them by time; a
	// message lists the fifty newest at most.
	Count      int64       `json:"count"`
	Partitions []Partition `json:"partitions"`
}

// Partition is one partition. From is null for MINVALUE, To for MAXVALUE.
type Partition struct {
	Name string     `json:"name"`
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`
	// Bytes is the size with its indexes, Rows what the server's statistics
	// have.
	Bytes int64 `json:"bytes"`
	Rows  int64 `json:"rows"`
	// Attached is false while a detaching is pending.
	Attached      bool `json:"attached"`
	DetachPending bool `json:"detach_pending"`
}

// PartitionGap is a time without a partition.
type PartitionGap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// total derives the sums and the state from what was seen of the tables.
func (p *PartitionStatus) total() {
	p.Status, p.Reasons, p.Partitions, p.Bytes, p.Rows, p.LookAheadHours = Pass, []string{}, 0, 0, 0, nil
	for i := range p.Tables {
		t := &p.Tables[i]
		t.Count, t.Bytes, t.Rows, t.Largest, t.LargestBytes = int64(len(t.Partitions)), 0, 0, "", 0
		for _, one := range t.Partitions {
			t.Bytes, t.Rows = t.Bytes+one.Bytes, t.Rows+one.Rows
			if t.Largest == "" || one.Bytes > t.LargestBytes {
				t.Largest, t.LargestBytes = one.Name, one.Bytes
			}
		}
		p.Partitions, p.Bytes, p.Rows = p.Partitions+t.Count, p.Bytes+t.Bytes, p.Rows+t.Rows
		if hours := t.LookAheadHours; p.LookAheadHours == nil || hours < *p.LookAheadHours {
			p.LookAheadHours = &hours
		}
	}
	some := func(is func(PartitionStatusTable) bool, status Status, reason string) {
		if slices.ContainsFunc(p.Tables, is) {
			p.worsen(status, reason)
		}
	}
	some(func(t PartitionStatusTable) bool { return t.LookAheadHours <= 0 }, Fail, UncoveredNow)
	some(func(t PartitionStatusTable) bool { return len(t.Gaps) > 0 }, Warn, GapAhead)
	some(func(t PartitionStatusTable) bool { return t.LookAheadHours < shortAheadHours }, Warn, ShortAhead)
	some(func(t PartitionStatusTable) bool { return t.DefaultRows > 0 }, Warn, DefaultRows)
	some(func(t PartitionStatusTable) bool { return len(t.DetachPending) > 0 }, Warn, DetachPending)
	some(func(t PartitionStatusTable) bool { return len(t.Overdue) > 0 }, Warn, Overdue)
	some(func(t PartitionStatusTable) bool { return len(t.Waiting) > 0 }, Warn, Waiting)
	some(func(t PartitionStatusTable) bool { return t.LeftOver != "" }, Warn, LeftOver)
}

// worsen adds a reason for a status that is not better than the one there is.
func (p *PartitionStatus) worsen(status Status, reason string) {
	if p.Status != Fail {
		p.Status = status
	}
	p.Reasons = append(slices.Clone(p.Reasons), reason)
}

// at returns the state as it reads at a moment, when it was taken at another.
func (p PartitionStatus) at(now, taken time.Time, unreachable bool) PartitionStatus {
	age := now.Sub(taken)
	p.AgeMS = max(0, age.Milliseconds())
	if age > partitionsStale {
		p.Stale = true
		p.worsen(Warn, StaleParts)
	}
	if unreachable {
		p.worsen(Fail, Unreachable)
	}
	return p
}

func noPartitionsYet(started time.Time) PartitionStatus {
	return PartitionStatus{
		Status: Fail, Reasons: []string{NotCollected}, CheckedAt: started.UTC(), Stale: true,
		AgeMS: time.Since(started).Milliseconds(), Tables: []PartitionStatusTable{},
	}
}

// brief lists the newest partitions only, for a message.
func (p PartitionStatus) brief() PartitionStatus {
	p.Tables = slices.Clone(p.Tables)
	for i, t := range p.Tables {
		p.Tables[i].Partitions = t.Partitions[max(0, len(t.Partitions)-mostListed):]
	}
	return p
}

// same says whether another state tells nothing new: only sizes, rows, ages
// and times moved.
func (p PartitionStatus) same(other PartitionStatus) bool {
	if p.Status != other.Status || p.SchemaVersion != other.SchemaVersion || p.Stale != other.Stale ||
		!slices.Equal(p.Reasons, other.Reasons) {
		return false
	}
	named := func(a, b Partition) bool { return a.Name == b.Name && a.DetachPending == b.DetachPending }
	return slices.EqualFunc(p.Tables, other.Tables, func(a, b PartitionStatusTable) bool {
		return a.Table == b.Table && a.LeftOver == b.LeftOver && len(a.Gaps) == len(b.Gaps) &&
			slices.Equal(a.Kept, b.Kept) && slices.Equal(a.Overdue, b.Overdue) && slices.Equal(a.DetachPending, b.DetachPending) &&
			slices.Equal(a.Waiting, b.Waiting) && slices.EqualFunc(a.Partitions, b.Partitions, named)
	})
}

// summed is the state of the partitions in figures.
func (p PartitionStatus) summed() Partitions {
	all := Partitions{Tables: []PartitionedTable{}}
	for _, t := range p.Tables {
		all.Tables = append(all.Tables, PartitionedTable{
			Table: t.Table, Partitions: t.Count, LookAheadHours: t.LookAheadHours, DefaultRows: t.DefaultRows,
			Gaps: int64(len(t.Gaps)), Overdue: int64(len(t.Overdue)),
			DetachPending: int64(len(t.DetachPending)), Waiting: int64(len(t.Waiting)),
			Bytes: t.Bytes, LargestBytes: t.LargestBytes,
		})
	}
	return all
}
