package monitor

import "time"

// Snapshot is one look at the database: the body of GET /api/health/database.
// A figure that is not known is null.
type Snapshot struct {
	Status Status `json:"status"`
	// Reasons says why the status is not pass, in fixed codes.
	Reasons []string `json:"reasons"`
	// CheckedAt is when the look ended, in UTC.
	CheckedAt time.Time `json:"checked_at"`
	// AgeMS is how old the look is in milliseconds.
	AgeMS int64 `json:"age_ms"`

	Pool     Pool     `json:"pool"`
	Inserts  Inserts  `json:"inserts"`
	Queries  Queries  `json:"queries"`
	Cache    Cache    `json:"cache"`
	Database Database `json:"database"`

	Work         Work         `json:"work"`
	Transactions Transactions `json:"transactions"`
	Locks        Locks        `json:"locks"`
	Tables       Tables       `json:"tables"`
	Indexes      Indexes      `json:"indexes"`
	WAL          WAL          `json:"wal"`
	Checkpoints  Checkpoints  `json:"checkpoints"`
	// IO is null on a server that does not count it (before version 16).
	IO          *IO         `json:"io"`
	Replication Replication `json:"replication"`
	Wraparound  Wraparound  `json:"wraparound"`
	// Statements are those of everybody, as the server's extension
	// pg_stat_statements has them.
	Statements Statements `json:"statements"`
	// Partitions is null until they were looked at, and where nobody can tell.
	Partitions *Partitions `json:"partitions"`

	// Replicas are the marketd that share the database, by name. Pool, Queries
	// and Inserts.Stored are of all of them that reported in the last three
	// seconds: counts and rates are sums, shares and percentiles those of the
	// worst.
	Replicas []Instance `json:"replicas"`

	// Stale names the parts that could not be read at this look; their
	// figures are from an earlier one.
	Stale []Stale `json:"stale"`

	// taken is CheckedAt by the clock of this machine, if another one looked.
	taken time.Time
	// listed are the measures, nil if they are to be listed anew.
	listed *[]Measure
}

// Pool is the state of the pool that serves the users.
type Pool struct {
	// Acquired connections are in use, Idle ones are not; Total counts both
	// and those being opened. Max is the bound.
	Acquired int32 `json:"acquired"`
	Idle     int32 `json:"idle"`
	Total    int32 `json:"total"`
	Max      int32 `json:"max"`
	// Utilisation is Acquired ÷ Max, 0 to 1.
	Utilisation float64 `json:"utilisation"`
	// WaitShare is the share of acquisitions of the last ten seconds that had
	// to wait for a connection, 0 to 1; null without acquisitions.
	WaitShare *float64 `json:"wait_share"`
	// WaitMS is how long those waited on average, in milliseconds; null when
	// none had to.
	WaitMS *float64 `json:"wait_ms"`
	// AcquiresPerSecond is over the last ten seconds.
	AcquiresPerSecond *float64 `json:"acquires_per_second"`
	// AcquiresSinceStart counts all acquisitions of this process. Those that
	// had to wait are WaitsSinceStart, and WaitedMSSinceStart is how long they
	// did, in milliseconds together. GivenUpSinceStart got no connection:
	// refused as busy, or the caller had gone.
	AcquiresSinceStart int64   `json:"acquires_since_start"`
	WaitsSinceStart    int64   `json:"waits_since_start"`
	WaitedMSSinceStart float64 `json:"waited_ms_since_start"`
	GivenUpSinceStart  int64   `json:"given_up_since_start"`

	// Constructing connections are being opened; they count in Total.
	Constructing int32 `json:"constructing"`
	// AcquireMS is how long an acquisition of the last ten seconds took on
	// average, in milliseconds, waiting or not; null without acquisitions.
	AcquireMS *float64 `json:"acquire_ms"`
	// The rest are rates over the last ten seconds: acquisitions that had to
	// wait, and that got nothing; connections opened, and closed for their age
	// or because nobody used them.
	WaitsPerSecond      *float64 `json:"waits_per_second"`
	GivenUpPerSecond    *float64 `json:"given_up_per_second"`
	OpenedPerSecond     *float64 `json:"opened_per_second"`
	ClosedOldPerSecond  *float64 `json:"closed_old_per_second"`
	ClosedIdlePerSecond *float64 `json:"closed_idle_per_second"`
}

// Inserts is how fast rows arrive. The server counts the rows of everybody
// when their transaction is reported, at most once a second; the service
// counts what it stored itself.
type Inserts struct {
	// RowsPerSecond is over the last ten seconds; null until two looks.
	RowsPerSecond *float64 `json:"rows_per_second"`
	// RowsPerSecondWhileInserting is over those intervals of the last minute
	// in which any row arrived; null if none did.
	RowsPerSecondWhileInserting *float64 `json:"rows_per_second_while_inserting"`
	// RowsSinceStart counts rows since this service began to watch.
	RowsSinceStart int64 `json:"rows_since_start"`

	Stored   Stored   `json:"stored"`
	Baseline Baseline `json:"baseline"`
}

// Stored is what the service stored itself.
type Stored struct {
	// RowsPerSecond is over the last ten seconds.
	RowsPerSecond *float64 `json:"rows_per_second"`
	// RowsPerWritingSecond is how fast one writer stores: the rows of the last
	// minute by the time that writers spent on them, waiting included. It does
	// not fall because less is traded. Null if nothing was stored.
	RowsPerWritingSecond *float64 `json:"rows_per_writing_second"`
	// RowsSinceStart counts rows of this process.
	RowsSinceStart int64 `json:"rows_since_start"`
}

// Baseline is what the service itself did lately: the median of those minutes
// of the last hour in which rows were inserted. It is known from five of them
// on, and begins anew with the process.
type Baseline struct {
	// RowsPerSecond is of the minutes' rows_per_second_while_inserting.
	RowsPerSecond *float64 `json:"rows_per_second"`
	// RowsPerWritingSecond is of the minutes' stored.rows_per_writing_second.
	RowsPerWritingSecond *float64 `json:"rows_per_writing_second"`
	// Minutes is how many minutes the first median is of.
	Minutes int `json:"minutes"`
	// Share is rows_per_second_while_inserting ÷ RowsPerSecond; 1 is as ever.
	// It falls too when less is traded.
	Share *float64 `json:"share"`
	// WritingShare is stored.rows_per_writing_second ÷ RowsPerWritingSecond.
	// It falls when storing is slower, and when batches are smaller.
	WritingShare *float64 `json:"writing_share"`
}

// Queries is how long the service's own statements took over the last
// minute, in milliseconds, from the histogram of a tracer. Percentiles are
// null without statements; their relative error is at most 1 %.
type Queries struct {
	WindowSeconds int `json:"window_seconds"`
	Latency
	// ByStatement holds the named statements, by name.
	ByStatement []Statement `json:"by_statement"`
	// Slowest holds the statements that took longest in the last five minutes,
	// each name once, the slowest first, at most ten.
	Slowest []Slow `json:"slowest"`
}

// Slow is the slowest run of a statement.
type Slow struct {
	// Name is that of the catalogue; "other" stands for all without one.
	Name string `json:"name"`
	// MS is how long it took, in milliseconds.
	MS float64 `json:"ms"`
	// At is when it ended, in UTC.
	At time.Time `json:"at"`

	minute int64 // of At, since the epoch
}

// Latency is the distribution of durations.
type Latency struct {
	Count int64    `json:"count"`
	P50MS *float64 `json:"p50_ms"`
	P95MS *float64 `json:"p95_ms"`
	P99MS *float64 `json:"p99_ms"`
}

// Statement is the latency of one named statement.
type Statement struct {
	Name string `json:"name"`
	Latency
}

// Cache is how often the server found a block in its own memory.
type Cache struct {
	// HitRatio is over the last minute, 0 to 1; null if no block was read.
	HitRatio *float64 `json:"hit_ratio"`
	// HitRatioSinceReset is since the server's statistics were reset.
	HitRatioSinceReset *float64 `json:"hit_ratio_since_reset"`
}

// Database is the database as a whole.
type Database struct {
	// SizeBytes is measured every 30 seconds.
	SizeBytes *int64 `json:"size_bytes"`
	// Connections are open to this database, by anybody.
	Connections *int64 `json:"connections"`
	// MaxConnections is the server's bound over all databases.
	MaxConnections *int64 `json:"max_connections"`
	// Version is the server's version, such as "17.2".
	Version *string `json:"version"`
}

// Stale is a part with figures from an earlier look.
type Stale struct {
	Part string `json:"part"`
	// AgeMS is how old its figures are in milliseconds; null if it was never
	// read.
	AgeMS *int64 `json:"age_ms"`

	since time.Time
}

func notCollected(started time.Time) Snapshot {
	s := Snapshot{
		Status: Fail, Reasons: []string{NotCollected}, CheckedAt: started.UTC(),
		Queries: noQueries(),
		Stale:   []Stale{},
	}
	s.Locks.Blockers = []Blocker{}
	s.Tables.ByTable, s.Indexes.Unused, s.Indexes.Invalid = []Table{}, []Index{}, []Index{}
	s.Replication.Replicas, s.Replication.Slots = []Replica{}, []Slot{}
	s.Statements = Statements{Source: statementsUnknown, Top: []ServerStatement{}}
	s.Replicas = []Instance{}
	s.AgeMS = time.Since(started).Milliseconds()
	return s
}
