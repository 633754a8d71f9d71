package monitor

import "slices"

// Measure is a figure of a Snapshot under a name that stays: what alerts and
// the history refer to.
type Measure struct {
	// Name is its place in the snapshot: "pool.wait_share".
	Name string
	// Unit is written out: "ms", "rows/s", "share" (0 to 1).
	Unit string
	// Says is what it is, in a sentence.
	Says string

	// part is whose statement reads it; empty for what the service knows by
	// itself.
	part string
	of   func(*Snapshot) *float64
}

// Measures lists every figure that Figures may hold, in the order of the
// documents (service/docs/measures.md).
func Measures() []Measure {
	return slices.Concat(healthMeasures(), poolMeasures(), insertMeasures(), queryMeasures(), databaseMeasures(),
		activityMeasures(), tableMeasures(), upkeepMeasures(), partitionMeasures())
}

// Figures returns the figures that are known, by their names: a figure that
// is null in the snapshot is not among them, and neither is one of a part that
// is stale or one of a snapshot that is outdated.
func (s Snapshot) Figures() map[string]float64 {
	figures := map[string]float64{}
	if slices.Contains(s.Reasons, Outdated) {
		return figures
	}
	for _, m := range s.measures() {
		if v := m.of(&s); v != nil && !s.stale(m) {
			figures[m.Name] = *v
		}
	}
	return figures
}

// Unread lists the names of the figures that could not be read, as against
// those of which there are none.
func (s Snapshot) Unread() []string {
	var unread []string
	for _, m := range s.measures() {
		if s.stale(m) || s.hidden(m) || slices.Contains(s.Reasons, Outdated) {
			unread = append(unread, m.Name)
		}
	}
	return unread
}

// measures are those of the service that made the snapshot: to list them anew
// several times a second would cost more than to read them.
func (s Snapshot) measures() []Measure {
	if s.listed == nil {
		return Measures()
	}
	return *s.listed
}

func (s Snapshot) stale(m Measure) bool {
	return slices.ContainsFunc(s.Stale, func(old Stale) bool { return old.Part == m.part })
}

// hidden says that the sessions of others may not be seen: of an activity that
// was read everything is known, or nothing.
func (s Snapshot) hidden(m Measure) bool {
	return m.part == activityPart && s.Transactions.LongestMS == nil && !slices.Contains(s.Reasons, NotCollected)
}

func healthMeasures() []Measure {
	return []Measure{
		{"health.status", "0 pass, 1 warn, 2 fail", "How the database is.", "", func(s *Snapshot) *float64 {
			return number(slices.Index([]Status{Pass, Warn, Fail}, s.Status))
		}},
	}
}

func poolMeasures() []Measure {
	whenWatched := func(of func(Pool) *float64) func(*Snapshot) *float64 {
		return func(s *Snapshot) *float64 {
			if s.Pool.Max == 0 {
				return nil
			}
			return of(s.Pool)
		}
	}
	return []Measure{
		{"pool.wait_share", "share", "Acquisitions of the last ten seconds that had to wait for a connection.", "",
			whenWatched(func(p Pool) *float64 { return p.WaitShare })},
		{"pool.wait_ms", "ms", "How long those waited on average.", "",
			whenWatched(func(p Pool) *float64 { return p.WaitMS })},
		{"pool.utilisation", "share", "Connections in use, of the most there may be.", "",
			whenWatched(func(p Pool) *float64 { return &p.Utilisation })},
		{"pool.acquired", "connections", "Connections in use.", "",
			whenWatched(func(p Pool) *float64 { return number(p.Acquired) })},
		{"pool.idle", "connections", "Open connections that are not in use.", "",
			whenWatched(func(p Pool) *float64 { return number(p.Idle) })},
		{"pool.max", "connections", "The most connections there may be.", "",
			whenWatched(func(p Pool) *float64 { return number(p.Max) })},
		{"pool.acquires_per_second", "acquisitions/s", "Acquisitions over the last ten seconds.", "",
			whenWatched(func(p Pool) *float64 { return p.AcquiresPerSecond })},
		{"pool.acquire_ms", "ms", "How long they took on average, waiting or not.", "",
			whenWatched(func(p Pool) *float64 { return p.AcquireMS })},
		{"pool.given_up_per_second", "acquisitions/s", "Those that got no connection: refused as busy, or the caller had gone.", "",
			whenWatched(func(p Pool) *float64 { return p.GivenUpPerSecond })},
		{"pool.opened_per_second", "connections/s", "Connections opened over the last ten seconds.", "",
			whenWatched(func(p Pool) *float64 { return p.OpenedPerSecond })},
	}
}

func insertMeasures() []Measure {
	return []Measure{
		{"inserts.rows_per_second", "rows/s", "Rows that arrived over the last ten seconds, by anybody, as the server counts.", "inserts",
			func(s *Snapshot) *float64 { return s.Inserts.RowsPerSecond }},
		{"inserts.rows_per_second_while_inserting", "rows/s", "Rows over those seconds of the last minute in which any arrived.", "inserts",
			func(s *Snapshot) *float64 { return s.Inserts.RowsPerSecondWhileInserting }},
		{"inserts.share_of_baseline", "share", "The same by the median of the last hour's minutes with inserts; falls too when less is traded.", "inserts",
			func(s *Snapshot) *float64 { return s.Inserts.Baseline.Share }},
		{"inserts.stored_rows_per_second", "rows/s", "Rows that this service stored over the last ten seconds.", "",
			func(s *Snapshot) *float64 { return s.Inserts.Stored.RowsPerSecond }},
		{"inserts.rows_per_writing_second", "rows/s", "Rows stored in the last minute by the time that writers spent on them.", "",
			func(s *Snapshot) *float64 { return s.Inserts.Stored.RowsPerWritingSecond }},
		{"inserts.writing_share_of_baseline", "share", "The same by the median of the last hour's minutes with inserts; falls when storing is slower, or batches are smaller.", "",
			func(s *Snapshot) *float64 { return s.Inserts.Baseline.WritingShare }},
	}
}

func queryMeasures() []Measure {
	return []Measure{
		{"queries.count", "statements", "Statements of the service in the last minute.", "",
			func(s *Snapshot) *float64 { return number(s.Queries.Count) }},
		{"queries.p50_ms", "ms", "Half of them took at most this long.", "", func(s *Snapshot) *float64 { return s.Queries.P50MS }},
		{"queries.p95_ms", "ms", "95 % of them took at most this long.", "", func(s *Snapshot) *float64 { return s.Queries.P95MS }},
		{"queries.p99_ms", "ms", "99 % of them took at most this long.", "", func(s *Snapshot) *float64 { return s.Queries.P99MS }},
		{"queries.slowest_ms", "ms", "The slowest statement of the last five minutes.", "", func(s *Snapshot) *float64 {
			if len(s.Queries.Slowest) == 0 {
				return nil
			}
			return &s.Queries.Slowest[0].MS
		}},
	}
}

func databaseMeasures() []Measure {
	return []Measure{
		{"cache.hit_ratio", "share", "Block reads of the last minute that the server's own memory answered.", "database",
			func(s *Snapshot) *float64 { return s.Cache.HitRatio }},
		{"cache.hit_ratio_since_reset", "share", "The same since the server's statistics were reset.", "database",
			func(s *Snapshot) *float64 { return s.Cache.HitRatioSinceReset }},
		{"database.connections", "connections", "Connections to this database, by anybody.", "database",
			func(s *Snapshot) *float64 { return optional(s.Database.Connections) }},
		{"database.connection_share", "share", "The same of the most that the server takes over all databases.", "database",
			func(s *Snapshot) *float64 {
				if s.Database.Connections == nil || s.Database.MaxConnections == nil {
					return nil
				}
				return ratio(float64(*s.Database.Connections), float64(*s.Database.MaxConnections))
			}},
		{"database.size_bytes", "bytes", "The size of the database.", "size",
			func(s *Snapshot) *float64 { return optional(s.Database.SizeBytes) }},
	}
}

func number[N int | int32 | int64](n N) *float64 {
	v := float64(n)
	return &v
}

func optional(n *int64) *float64 {
	if n == nil {
		return nil
	}
	return number(*n)
}
