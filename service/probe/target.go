package probe

import "fmt"

// Target is what one figure is to reach. The promise itself stands in
// features/health.feature, which a scenario compares with this table.
type Target struct {
	// Metric is the figure's name.
	Metric string `json:"metric"`
	// Words say the target as a feature does: "at least 2 × baseline".
	Words string `json:"target"`
	// Says is what the figure is, in a sentence.
	Says string `json:"says"`

	bound   float64 // a ratio to the baseline
	atLeast bool    // or at most
}

// The names of the figures.
const (
	InsertImprovement   = "insert_improvement"
	FloatSpeedupVWAP    = "float_speedup_vwap"
	FloatSpeedupSum     = "float_speedup_sum"
	IndexEfficiency     = "index_efficiency"
	IndexSize           = "index_size"
	PoolEffect          = "pool_effect"
	PartitionEfficiency = "partition_efficiency"
	PartitionCost       = "partition_cost"
	StorageEfficiency   = "storage_efficiency"
)

// Targets is the table of all figures and what they are to reach.
func Targets() []Target {
	return []Target{
		faster(InsertImprovement, 30, "How fast prices are stored now, by how fast they were stored in the baseline's layout, row by row."),
		times(FloatSpeedupVWAP, 2, "How fast a volume-weighted average is calculated in floats, by how fast it is in decimals."),
		times(FloatSpeedupSum, 2, "How fast a turnover, the sum of price × volume, is calculated in floats, by how fast it is in decimals."),
		times(IndexEfficiency, 2, "How fast the newest span of an instrument is read, by how fast it is without indexes."),
		share(IndexSize, 50, "The bytes of indexes that a price takes now, by what it took in the baseline's layout."),
		times(PoolEffect, 3, "How fast a pool gives a connection, by how fast a new one is opened."),
		share(PartitionEfficiency, 50, "The partitions that a question about one day reads, by all that there are."),
		share(PartitionCost, 50, "What the planner expects a question about one day to cost, by what it expects of one about all days."),
		share(StorageEfficiency, 60, "The bytes that a price takes now, indexes included, by what it took in the baseline's layout."),
	}
}

func faster(metric string, percent float64, says string) Target {
	return Target{metric, fmt.Sprintf("at least %g %% faster than baseline", percent), says, 1 + percent/100, true}
}

func times(metric string, n float64, says string) Target {
	return Target{metric, fmt.Sprintf("at least %g × baseline", n), says, n, true}
}

func share(metric string, percent float64, says string) Target {
	return Target{metric, fmt.Sprintf("at most %g %% of baseline", percent), says, percent / 100, false}
}

// judge says whether the target is met. A figure that was timed has met it, or
// missed it, with its whole interval; one that was counted by itself.
func (t Target) judge(m Metric) Verdict {
	var low, high float64
	switch {
	case m.Value == nil:
		return Undecided
	case m.Interval != nil:
		low, high = m.Interval.Low, m.Interval.High
	case m.IntervalReason != nil && *m.IntervalReason == Counted:
		low, high = *m.Value, *m.Value
	default:
		return Undecided
	}
	switch {
	case t.atLeast && low >= t.bound, !t.atLeast && high <= t.bound:
		return Met
	case t.atLeast && high < t.bound, !t.atLeast && low > t.bound:
		return Missed
	}
	return Undecided
}
