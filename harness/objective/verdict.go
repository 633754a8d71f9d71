package objective

// Verdict is the outcome of one objective. The zero value is no verdict, so
// that a forgotten one can never be taken for a pass.
type Verdict string

// The five verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive" // the data cannot decide
	Unfit        Verdict = "unfit"        // the machine or its settings void the measurement
	NotRun       Verdict = "not run"      // nothing was observed, nothing is claimed
)

// Judgement is a verdict with the figures it rests on. Value, Low and High are
// in Unit; Low and High are absent where the figure was counted, not estimated.
type Judgement struct {
	Verdict Verdict  `json:"verdict"`
	Value   *float64 `json:"value,omitempty"`
	Low     *float64 `json:"low,omitempty"`
	High    *float64 `json:"high,omitempty"`
	// Unit of Value, Low and High: the unit of the target, or "× baseline"
	// for every relative target. Ratios are throughput ratios, but for "at
	// most" on a duration, which is read as the ratio of the durations.
	Unit string `json:"unit"`
	// Limit is the target on the scale of Value: 1.3 for "at least 30 %
	// faster than baseline", 250 for "at most 250 ms".
	Limit float64 `json:"limit"`
	// Samples says how many observations stand behind Value, and of what:
	// 20 "pairs", 6 "windows", 12000 "".
	Samples    int64  `json:"samples"`
	SampleUnit string `json:"sample_unit,omitempty"`
	// P is the one-sided probability of data this bad if the promise were
	// kept exactly at its limit, times the number of looks that were planned;
	// only relative targets have one.
	P *float64 `json:"p,omitempty"`
	// Reason says in one sentence why the verdict is what it is, with figures.
	Reason string `json:"reason"`
	// Headroom is how far the worse end lies on the good side of the limit,
	// as a fraction of the limit: 0.19 is "19 % to spare", negative is over it.
	// It is absent where the limit is 0 or exact.
	Headroom *float64 `json:"headroom,omitempty"`
}
