package probe

import (
	"context"
	"math/rand/v2"
	"time"
)

// comparison is two ways to do the same, which are timed in turns.
type comparison struct {
	// baseline and current do it once. Only what they do is timed, not ready,
	// which comes before.
	baseline, current           func(ctx context.Context) error
	readyBaseline, readyCurrent func(ctx context.Context) error
	// most is how many pairs are enough, the first not counted: it warms up.
	most int
	// tries is how often each is done for one pair, of which the best counts:
	// what is short is else timed with whatever ran beside it. Zero is once.
	tries int
	// within is how long all of it may take.
	within time.Duration
}

// timed are the pairs of a comparison, in seconds.
type timed struct{ baseline, current []float64 }

// run times the pairs until there are enough or one more would take longer
// than it may. What it has when an error ends it is returned too.
func (c comparison) run(ctx context.Context) (timed, error) {
	var t timed
	if c.within <= 0 {
		return t, errOutOfBudget
	}
	began := time.Now()
	for pair := 0; pair <= c.most; pair++ {
		start := time.Now()
		took, err := c.pair(ctx)
		if err != nil {
			return t, err
		}
		if pair > 0 && took[0] > 0 && took[1] > 0 {
			t.baseline, t.current = append(t.baseline, took[0]), append(t.current, took[1])
		}
		if time.Since(began)+time.Since(start) > c.within {
			break
		}
	}
	return t, nil
}

// pair times both once, or tries times and takes the best of each, in an order
// that a coin decides each time.
func (c comparison) pair(ctx context.Context) (took [2]float64, err error) {
	arms := [2]func(context.Context) error{c.baseline, c.current}
	ready := [2]func(context.Context) error{c.readyBaseline, c.readyCurrent}
	for try := range max(1, c.tries) {
		first := rand.IntN(2)
		for _, arm := range []int{first, 1 - first} {
			if ready[arm] != nil {
				if err := ready[arm](ctx); err != nil {
					return took, err
				}
			}
			began := time.Now()
			if err := arms[arm](ctx); err != nil {
				return took, err
			}
			if seconds := time.Since(began).Seconds(); try == 0 || seconds < took[arm] {
				took[arm] = seconds
			}
		}
	}
	return took, nil
}

// ratios are of throughput, current to baseline.
func (t timed) ratios() []float64 {
	r := make([]float64, len(t.current))
	for i := range r {
		r[i] = t.baseline[i] / t.current[i]
	}
	return r
}

// metric turns the pairs into a figure. Figure makes what a side shows of the
// seconds that its median pair took.
func (t timed) metric(name string, figure func(seconds float64) float64) Metric {
	if len(t.current) == 0 {
		return absent(name, OutOfBudget)
	}
	m := absent(name, "")
	m.Reason, m.IntervalReason = nil, nil
	value, interval := estimate(t.ratios())
	m.Value, m.Interval = &value, interval
	if interval == nil {
		m.IntervalReason = pointer(TooFewPairs)
	}
	m.Baseline.Value = pointer(figure(median(t.baseline)))
	m.Current.Value = pointer(figure(median(t.current)))
	return m
}

// counted is a figure that is no matter of time.
func counted(name string, baseline, current float64, how string) Metric {
	if baseline <= 0 {
		return absent(name, NotApplicable)
	}
	m := absent(name, "")
	m.Reason, m.IntervalReason = nil, &how
	m.Value = pointer(current / baseline)
	m.Baseline.Value, m.Current.Value = &baseline, &current
	return m
}

func milliseconds(seconds float64) float64 { return seconds * 1000 }

func pointer[T any](v T) *T { return &v }
