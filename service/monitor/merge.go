package monitor

import (
	"cmp"
	"slices"
)

// merge sums up several processes: counts and rates are sums, shares and
// percentiles are those of the worst. Of one process it changes nothing.
func merge(all []Local) Local {
	merged := all[0]
	for _, one := range all[1:] {
		merged.Pool = mergePools(merged.Pool, one.Pool)
		merged.Queries = mergeQueries(merged.Queries, one.Queries)
		merged = mergeStored(merged, one)
	}
	return merged
}

func mergePools(a, b Pool) Pool {
	return Pool{
		Acquired: a.Acquired + b.Acquired, Idle: a.Idle + b.Idle, Total: a.Total + b.Total, Max: a.Max + b.Max,
		Utilisation: max(a.Utilisation, b.Utilisation),
		WaitShare:   most(a.WaitShare, b.WaitShare), WaitMS: most(a.WaitMS, b.WaitMS), AcquireMS: most(a.AcquireMS, b.AcquireMS),
		AcquiresSinceStart: a.AcquiresSinceStart + b.AcquiresSinceStart, WaitsSinceStart: a.WaitsSinceStart + b.WaitsSinceStart,
		WaitedMSSinceStart: a.WaitedMSSinceStart + b.WaitedMSSinceStart, GivenUpSinceStart: a.GivenUpSinceStart + b.GivenUpSinceStart,
		Constructing:      a.Constructing + b.Constructing,
		AcquiresPerSecond: both(a.AcquiresPerSecond, b.AcquiresPerSecond), WaitsPerSecond: both(a.WaitsPerSecond, b.WaitsPerSecond),
		GivenUpPerSecond: both(a.GivenUpPerSecond, b.GivenUpPerSecond), OpenedPerSecond: both(a.OpenedPerSecond, b.OpenedPerSecond),
		ClosedOldPerSecond:  both(a.ClosedOldPerSecond, b.ClosedOldPerSecond),
		ClosedIdlePerSecond: both(a.ClosedIdlePerSecond, b.ClosedIdlePerSecond),
	}
}

func mergeQueries(a, b Queries) Queries {
	merged := noQueries()
	merged.Latency = mergeLatencies(a.Latency, b.Latency)
	byName := map[string]Latency{}
	for _, s := range slices.Concat(a.ByStatement, b.ByStatement) {
		byName[s.Name] = mergeLatencies(byName[s.Name], s.Latency)
	}
	for name, latency := range byName {
		merged.ByStatement = append(merged.ByStatement, Statement{Name: name, Latency: latency})
	}
	slices.SortFunc(merged.ByStatement, func(a, b Statement) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range slices.Concat(a.Slowest, b.Slowest) {
		at := slices.IndexFunc(merged.Slowest, func(seen Slow) bool { return seen.Name == s.Name })
		switch {
		case at < 0:
			merged.Slowest = append(merged.Slowest, s)
		case merged.Slowest[at].MS < s.MS:
			merged.Slowest[at] = s
		}
	}
	slices.SortFunc(merged.Slowest, slowestFirst)
	merged.Slowest = merged.Slowest[:min(len(merged.Slowest), mostSlow)]
	return merged
}

func mergeLatencies(a, b Latency) Latency {
	return Latency{Count: a.Count + b.Count, P50MS: most(a.P50MS, b.P50MS), P95MS: most(a.P95MS, b.P95MS), P99MS: most(a.P99MS, b.P99MS)}
}

// mergeStored keeps the speed and the baseline of one process together: of the
// one that fell most below what it is used to.
func mergeStored(a, b Local) Local {
	worst := a
	switch before, now := a.writingShare(), b.writingShare(); {
	case before != nil && now != nil && *now < *before, before == nil && now != nil:
		worst = b
	case before == nil && now == nil && b.Stored.RowsPerWritingSecond != nil &&
		(a.Stored.RowsPerWritingSecond == nil || *b.Stored.RowsPerWritingSecond < *a.Stored.RowsPerWritingSecond):
		worst = b
	}
	a.WritingBaseline = worst.WritingBaseline
	a.Stored = Stored{
		RowsPerSecond:        both(a.Stored.RowsPerSecond, b.Stored.RowsPerSecond),
		RowsSinceStart:       a.Stored.RowsSinceStart + b.Stored.RowsSinceStart,
		RowsPerWritingSecond: worst.Stored.RowsPerWritingSecond,
	}
	return a
}

// most is the larger of two figures of which any may be unknown.
func most(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// both is the sum of two figures of which any may be unknown.
func both(a, b *float64) *float64 {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	sum := *a + *b
	return &sum
}
