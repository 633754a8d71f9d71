package monitor

import "time"

// Work is what the database did for everybody.
type Work struct {
	// Rates over the last minute.
	CommitsPerSecond   *float64 `json:"commits_per_second"`
	RollbacksPerSecond *float64 `json:"rollbacks_per_second"`
	TempBytesPerSecond *float64 `json:"temp_bytes_per_second"`
	// DeadlocksLastMinute counts the deadlocks of the last minute, and
	// DeadlocksSinceStart those since this service began to watch. The server
	// reports one up to a few seconds late.
	DeadlocksLastMinute *int64 `json:"deadlocks_last_minute"`
	DeadlocksSinceStart int64  `json:"deadlocks_since_start"`
}

// Transactions are those that are open now, of everybody but the monitor, in
// milliseconds; zero if there are none, null until the first look and while
// there are sessions that the monitor may not see.
type Transactions struct {
	// LongestMS is the age of the oldest one.
	LongestMS *float64 `json:"longest_ms"`
	// LongestIdleMS is how long one has been idle that did not end.
	LongestIdleMS *float64 `json:"longest_idle_ms"`
	// LongestStatementMS is how long a statement has been running.
	LongestStatementMS *float64 `json:"longest_statement_ms"`
	// IdleInTransaction counts those that are idle.
	IdleInTransaction *int64 `json:"idle_in_transaction"`
}

// Locks is who waits for whom.
type Locks struct {
	// Waiting counts the sessions that wait for a lock; null as above.
	Waiting *int64 `json:"waiting"`
	// LongestWaitMS is the longest wait in milliseconds; zero if nobody waits.
	LongestWaitMS *float64 `json:"longest_wait_ms"`
	// Blockers are those that are waited for, at most ten, those who hold up
	// most sessions first. What they execute is not told.
	Blockers []Blocker `json:"blockers"`
}

// Blocker is a session that others wait for.
type Blocker struct {
	// PID is the server process; 0 is a prepared transaction.
	PID int64 `json:"pid"`
	// State is what the session does: "active", "idle in transaction".
	// It is "unknown" to a monitor that may not see it.
	State string `json:"state"`
	// TransactionMS is the age of its transaction in milliseconds.
	TransactionMS *float64 `json:"transaction_ms"`
	// Blocks is how many sessions wait for it.
	Blocks int64 `json:"blocks"`
	// Waits says that it waits for a lock itself.
	Waits bool `json:"waits"`
}

// Tables are the users' tables. A partitioned one is the sum of its
// partitions. All figures are the server's estimates.
type Tables struct {
	// Count is how many tables hold rows, each partition counted.
	Count    *int64 `json:"count"`
	LiveRows *int64 `json:"live_rows"`
	DeadRows *int64 `json:"dead_rows"`
	// DeadShare is DeadRows ÷ all rows, 0 to 1; null without rows.
	DeadShare *float64 `json:"dead_share"`
	// DeadBytes estimates the space of dead rows: of each table the pages as
	// of its last VACUUM or ANALYZE, by its share of dead rows.
	DeadBytes *int64 `json:"dead_bytes"`
	// ByTable holds the twenty largest tables by rows, live and dead.
	ByTable []Table `json:"by_table"`
}

// Table is one table of the users, or all partitions of one.
type Table struct {
	Name       string   `json:"name"`
	Partitions int64    `json:"partitions"`
	LiveRows   int64    `json:"live_rows"`
	DeadRows   int64    `json:"dead_rows"`
	DeadShare  *float64 `json:"dead_share"`
	DeadBytes  int64    `json:"dead_bytes"`
	// IndexShare is the share of the scans of the last five minutes that went
	// through an index, 0 to 1; null without scans. A small table is rightly
	// read as a whole.
	IndexShare *float64 `json:"index_share"`
}

// Indexes are those of the users' tables. One of a partitioned table is the
// sum of those of its partitions.
type Indexes struct {
	// UseShare is the share of all scans of the last five minutes that went
	// through an index, and UseShareSinceReset since the server's statistics
	// were reset; null without scans.
	UseShare           *float64 `json:"use_share"`
	UseShareSinceReset *float64 `json:"use_share_since_reset"`
	// ScansPerSecond went through an index in the last five minutes, and
	// SequentialScansPerSecond read a table as a whole. All three begin anew
	// when the set of indexes changes.
	ScansPerSecond           *float64 `json:"scans_per_second"`
	SequentialScansPerSecond *float64 `json:"sequential_scans_per_second"`
	// Before is what they were before; null until known.
	Before *IndexesBefore `json:"before"`
	Count  *int64         `json:"count"`
	// CountedSince is when the statistics were reset; null if never.
	CountedSince *time.Time `json:"counted_since"`
	// Unused were never scanned since then and uphold no constraint; at most
	// twenty, the largest first. UnusedCount and UnusedBytes are of all.
	Unused      []Index `json:"unused"`
	UnusedCount *int64  `json:"unused_count"`
	UnusedBytes *int64  `json:"unused_bytes"`
	// Invalid are not used by the planner and yet maintained, and not being
	// built just now; at most twenty.
	Invalid      []Index `json:"invalid"`
	InvalidCount *int64  `json:"invalid_count"`
}

// The reasons why a time of the indexes ended.
const (
	beforeStart   = "started"
	beforeIndexes = "indexes_changed"
)

// IndexesBefore is how the tables were read in an earlier time, to compare
// with: the five minutes before an index was made or dropped, or what the
// server had counted when this process began, since its statistics were reset.
type IndexesBefore struct {
	// Until is when that time ended, Why is what ended it: "started" or
	// "indexes_changed".
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
	// UseShare, ScansPerSecond and SequentialScansPerSecond are of that time.
	// The rates are null where it is not known since when the server counts.
	UseShare                 *float64 `json:"use_share"`
	ScansPerSecond           *float64 `json:"scans_per_second"`
	SequentialScansPerSecond *float64 `json:"sequential_scans_per_second"`
}

// Index is one index.
type Index struct {
	Name  string `json:"name"`
	Table string `json:"table"`
	// Bytes is its size as of the last VACUUM or ANALYZE.
	Bytes int64 `json:"bytes"`
}

// WAL is what the server wrote to its log, over the last minute.
type WAL struct {
	BytesPerSecond     *float64 `json:"bytes_per_second"`
	FullPagesPerSecond *float64 `json:"full_pages_per_second"`
	// BuffersFullPerSecond is how often WAL was written because its buffers
	// were full.
	BuffersFullPerSecond *float64 `json:"buffers_full_per_second"`
}

// Checkpoints are those of the last hour, or since this service began to
// watch.
type Checkpoints struct {
	// TimedLastHour were due, RequestedLastHour were asked for or came early
	// because much WAL had been written.
	TimedLastHour     *int64 `json:"timed_last_hour"`
	RequestedLastHour *int64 `json:"requested_last_hour"`
	// WriteShare and SyncShare are the shares of the time in which they were
	// writing and syncing.
	WriteShare *float64 `json:"write_share"`
	SyncShare  *float64 `json:"sync_share"`
	// BytesPerSecond is what they wrote of tables and indexes.
	BytesPerSecond *float64 `json:"bytes_per_second"`
}

// IO is what the server read and wrote of tables and indexes over the last
// minute, in bytes per second. Reads may be answered by the operating system.
type IO struct {
	ReadBytesPerSecond     *float64 `json:"read_bytes_per_second"`
	WrittenBytesPerSecond  *float64 `json:"written_bytes_per_second"`
	ExtendedBytesPerSecond *float64 `json:"extended_bytes_per_second"`
	// WrittenByClientsShare is the share of what was written that the users'
	// sessions had to write themselves; null if nothing was.
	WrittenByClientsShare *float64 `json:"written_by_clients_share"`
}

// Replication is who follows this server, and what is kept for them.
type Replication struct {
	// Standby says that this server follows another one; null until known.
	Standby *bool `json:"standby"`
	// ReplayDelayMS is how old the last transaction is that a standby has
	// replayed, in milliseconds; null on a primary.
	ReplayDelayMS *float64  `json:"replay_delay_ms"`
	Replicas      []Replica `json:"replicas"`
	Slots         []Slot    `json:"slots"`
}

// Replica is one that follows.
type Replica struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Sync is "sync", "async", "quorum" or "potential".
	Sync string `json:"sync"`
	// LagBytes is how much WAL it has not replayed, LagMS how long it takes
	// for a commit to be replayed there; both null where unknown.
	LagBytes *int64   `json:"lag_bytes"`
	LagMS    *float64 `json:"lag_ms"`
}

// Slot is a replication slot.
type Slot struct {
	Name   string `json:"name"`
	Active bool   `json:"active"`
	// RetainedBytes is the WAL that is kept for it.
	RetainedBytes *int64 `json:"retained_bytes"`
	// Status is the server's word: "reserved", "extended", "unreserved", "lost".
	Status string `json:"status"`
}

// Wraparound is how far transaction numbers are from being used up. At a share
// of 1 the server vacuums by force; it stops writing at about ten.
type Wraparound struct {
	// Age counts transactions since the oldest one that is not frozen in this
	// database, and Share is Age ÷ autovacuum_freeze_max_age.
	Age   *int64   `json:"age"`
	Share *float64 `json:"share"`
	// MultixactAge and MultixactShare are the same of shared row locks.
	MultixactAge   *int64   `json:"multixact_age"`
	MultixactShare *float64 `json:"multixact_share"`
	// ServerShare is the largest share of all databases of the server.
	ServerShare *float64 `json:"server_share"`
	// OldestTable has the oldest transaction of this database.
	OldestTable    *string `json:"oldest_table"`
	OldestTableAge *int64  `json:"oldest_table_age"`
	// Vacuums counts the automatic ones that are running here now; null if the
	// monitor may not see them.
	Vacuums *int64 `json:"vacuums"`
}

// Statements are those of everybody, by the server's own count.
type Statements struct {
	// Source is "pg_stat_statements", or why there is nothing: "not installed"
	// (create extension pg_stat_statements), "not loaded" (add it to
	// shared_preload_libraries), "not permitted", or "unknown" so far.
	Source string `json:"source"`
	// CallsPerSecond and MeanMS are over the last five minutes.
	CallsPerSecond *float64 `json:"calls_per_second"`
	MeanMS         *float64 `json:"mean_ms"`
	// Top are the five that took most time since the extension's reset.
	Top []ServerStatement `json:"top"`
}

// ServerStatement is one statement by its number; texts are not told.
type ServerStatement struct {
	// QueryID is queryid in pg_stat_statements, which has the text.
	QueryID string  `json:"query_id"`
	Calls   int64   `json:"calls"`
	TotalMS float64 `json:"total_ms"`
	MeanMS  float64 `json:"mean_ms"`
	MaxMS   float64 `json:"max_ms"`
}

// Partitions is the state of the partitioned tables.
type Partitions struct {
	Tables []PartitionedTable `json:"tables"`
}

// PartitionedTable is the state of one of them.
type PartitionedTable struct {
	Table string `json:"table"`
	// Partitions counts the attached ones, without the default.
	Partitions int64 `json:"partitions"`
	// LookAheadHours is for how long from now there is a partition.
	LookAheadHours float64 `json:"look_ahead_hours"`
	// DefaultRows counts the rows that found no partition.
	DefaultRows int64 `json:"default_rows"`
	// Gaps counts the times without a partition, Overdue the partitions that
	// are older than they are to be kept, DetachPending those whose detaching
	// was interrupted, and Waiting those for which somebody has to decide.
	Gaps          int64 `json:"gaps"`
	Overdue       int64 `json:"overdue"`
	DetachPending int64 `json:"detach_pending"`
	Waiting       int64 `json:"waiting"`
	// Bytes is the size of all, LargestBytes that of the largest.
	Bytes        int64 `json:"bytes"`
	LargestBytes int64 `json:"largest_bytes"`
}
