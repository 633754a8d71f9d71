package monitor

// activityPart is what the sessions of others do.
const activityPart = "activity"

func activityMeasures() []Measure {
	return []Measure{
		{"work.commits_per_second", "transactions/s", "Commits of the last minute, of everybody.", "database",
			func(s *Snapshot) *float64 { return s.Work.CommitsPerSecond }},
		{"work.rollbacks_per_second", "transactions/s", "Rollbacks of the last minute, of everybody.", "database",
			func(s *Snapshot) *float64 { return s.Work.RollbacksPerSecond }},
		{"work.deadlocks_last_minute", "deadlocks", "Deadlocks of the last minute.", "database",
			func(s *Snapshot) *float64 { return optional(s.Work.DeadlocksLastMinute) }},
		{"work.temp_bytes_per_second", "bytes/s", "What statements of the last minute that did not fit into memory wrote to files.", "database",
			func(s *Snapshot) *float64 { return s.Work.TempBytesPerSecond }},
		{"transactions.longest_ms", "ms", "The age of the oldest open transaction.", activityPart,
			func(s *Snapshot) *float64 { return s.Transactions.LongestMS }},
		{"transactions.longest_idle_ms", "ms", "How long one has been idle that did not end.", activityPart,
			func(s *Snapshot) *float64 { return s.Transactions.LongestIdleMS }},
		{"transactions.longest_statement_ms", "ms", "How long a statement has been running.", activityPart,
			func(s *Snapshot) *float64 { return s.Transactions.LongestStatementMS }},
		{"transactions.idle", "transactions", "Open ones that are idle.", activityPart,
			func(s *Snapshot) *float64 { return optional(s.Transactions.IdleInTransaction) }},
		{"locks.waiting", "sessions", "Sessions that wait for a lock.", activityPart,
			func(s *Snapshot) *float64 { return optional(s.Locks.Waiting) }},
		{"locks.longest_wait_ms", "ms", "The longest of these waits.", activityPart,
			func(s *Snapshot) *float64 { return s.Locks.LongestWaitMS }},
	}
}

func tableMeasures() []Measure {
	return []Measure{
		{"tables.dead_share", "share", "Dead rows of all rows of the users' tables.", "tables",
			func(s *Snapshot) *float64 { return s.Tables.DeadShare }},
		{"tables.dead_bytes", "bytes", "The space of dead rows, estimated.", "tables",
			func(s *Snapshot) *float64 { return optional(s.Tables.DeadBytes) }},
		{"tables.live_rows", "rows", "Live rows of the users' tables, estimated.", "tables",
			func(s *Snapshot) *float64 { return optional(s.Tables.LiveRows) }},
		{"indexes.use_share", "share", "Scans of the last five minutes that went through an index.", "tables",
			func(s *Snapshot) *float64 { return s.Indexes.UseShare }},
		{"indexes.scans_per_second", "scans/s", "Scans of the last five minutes that went through an index, since the set of indexes last changed.", "tables",
			func(s *Snapshot) *float64 { return s.Indexes.ScansPerSecond }},
		{"indexes.sequential_scans_per_second", "scans/s", "Scans that read a table as a whole, likewise.", "tables",
			func(s *Snapshot) *float64 { return s.Indexes.SequentialScansPerSecond }},
		{"indexes.unused", "indexes", "Indexes that were never scanned and uphold no constraint.", "indexes",
			func(s *Snapshot) *float64 { return optional(s.Indexes.UnusedCount) }},
		{"indexes.unused_bytes", "bytes", "Their size.", "indexes",
			func(s *Snapshot) *float64 { return optional(s.Indexes.UnusedBytes) }},
		{"indexes.invalid", "indexes", "Indexes that the planner does not use, although they are kept up.", "indexes",
			func(s *Snapshot) *float64 { return optional(s.Indexes.InvalidCount) }},
	}
}

func upkeepMeasures() []Measure {
	return []Measure{
		{"wal.bytes_per_second", "bytes/s", "What was written to the server's log in the last minute.", "wal",
			func(s *Snapshot) *float64 { return s.WAL.BytesPerSecond }},
		{"checkpoints.requested_last_hour", "checkpoints", "Those that did not wait for their time.", "wal",
			func(s *Snapshot) *float64 { return optional(s.Checkpoints.RequestedLastHour) }},
		{"checkpoints.timed_last_hour", "checkpoints", "Those that did.", "wal",
			func(s *Snapshot) *float64 { return optional(s.Checkpoints.TimedLastHour) }},
		{"io.read_bytes_per_second", "bytes/s", "What the server read of tables and indexes (from version 16 on).", "io",
			whereCounted(func(io IO) *float64 { return io.ReadBytesPerSecond })},
		{"io.written_bytes_per_second", "bytes/s", "What it wrote of them (from version 16 on).", "io",
			whereCounted(func(io IO) *float64 { return io.WrittenBytesPerSecond })},
		{"replication.replicas", "replicas", "Replicas that follow this server.", "replication",
			func(s *Snapshot) *float64 {
				if s.Replication.Standby == nil {
					return nil
				}
				return number(int64(len(s.Replication.Replicas)))
			}},
		{"replication.lag_bytes", "bytes", "The log that the slowest replica has not replayed.", "replication",
			func(s *Snapshot) *float64 {
				return largest(s.Replication.Replicas, func(r Replica) *float64 { return optional(r.LagBytes) })
			}},
		{"replication.lag_ms", "ms", "How long the slowest replica takes to replay a commit.", "replication",
			func(s *Snapshot) *float64 {
				return largest(s.Replication.Replicas, func(r Replica) *float64 { return r.LagMS })
			}},
		{"replication.replay_delay_ms", "ms", "The age of the last transaction that this standby has replayed.", "replication",
			func(s *Snapshot) *float64 { return s.Replication.ReplayDelayMS }},
		{"replication.retained_bytes", "bytes", "The most log that is kept for a slot.", "replication",
			func(s *Snapshot) *float64 {
				return largest(s.Replication.Slots, func(s Slot) *float64 { return optional(s.RetainedBytes) })
			}},
		{"wraparound.share", "share", "The age of the oldest transaction that is not frozen, of autovacuum_freeze_max_age.", "wraparound",
			func(s *Snapshot) *float64 { return s.Wraparound.Share }},
		{"wraparound.multixact_share", "share", "The same of shared row locks.", "wraparound",
			func(s *Snapshot) *float64 { return s.Wraparound.MultixactShare }},
		{"wraparound.server_share", "share", "The largest share of all databases of the server.", "wraparound",
			func(s *Snapshot) *float64 { return s.Wraparound.ServerShare }},
		{"statements.calls_per_second", "statements/s", "Statements of everybody over the last five minutes, if pg_stat_statements counts them.", "statements",
			func(s *Snapshot) *float64 { return s.Statements.CallsPerSecond }},
		{"statements.mean_ms", "ms", "How long those took on average.", "statements",
			func(s *Snapshot) *float64 { return s.Statements.MeanMS }},
	}
}

func partitionMeasures() []Measure {
	sum := func(of func(PartitionedTable) int64) func(*Snapshot) *float64 {
		return func(s *Snapshot) *float64 {
			if s.Partitions == nil {
				return nil
			}
			var all int64
			for _, t := range s.Partitions.Tables {
				all += of(t)
			}
			return number(all)
		}
	}
	return []Measure{
		{"partitions.count", "partitions", "Attached partitions of all tables.", "partitions",
			sum(func(t PartitionedTable) int64 { return t.Partitions })},
		{"partitions.look_ahead_hours", "h", "For how long from now every table has partitions.", "partitions",
			func(s *Snapshot) *float64 {
				if s.Partitions == nil || len(s.Partitions.Tables) == 0 {
					return nil
				}
				least := s.Partitions.Tables[0].LookAheadHours
				for _, t := range s.Partitions.Tables {
					least = min(least, t.LookAheadHours)
				}
				return &least
			}},
		{"partitions.default_rows", "rows", "Rows that found no partition.", "partitions",
			sum(func(t PartitionedTable) int64 { return t.DefaultRows })},
		{"partitions.gaps", "gaps", "Times without a partition.", "partitions",
			sum(func(t PartitionedTable) int64 { return t.Gaps })},
		{"partitions.overdue", "partitions", "Partitions that are older than they are to be kept.", "partitions",
			sum(func(t PartitionedTable) int64 { return t.Overdue })},
		{"partitions.waiting", "partitions", "Partitions for which somebody has to decide, or whose detaching was interrupted.", "partitions",
			sum(func(t PartitionedTable) int64 { return t.Waiting + t.DetachPending })},
		{"partitions.largest_bytes", "bytes", "The size of the largest partition.", "partitions",
			func(s *Snapshot) *float64 {
				if s.Partitions == nil {
					return nil
				}
				return largest(s.Partitions.Tables, func(t PartitionedTable) *float64 { return number(t.LargestBytes) })
			}},
	}
}

func whereCounted(of func(IO) *float64) func(*Snapshot) *float64 {
	return func(s *Snapshot) *float64 {
		if s.IO == nil {
			return nil
		}
		return of(*s.IO)
	}
}

// largest is the largest figure that is known, if any is.
func largest[T any](of []T, figure func(T) *float64) *float64 {
	var most *float64
	for _, one := range of {
		if v := figure(one); v != nil && (most == nil || *v > *most) {
			most = v
		}
	}
	return most
}
