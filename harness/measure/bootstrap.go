package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is one less than a round number, so that percentiles of them are
// whole ranks.
const resamples = 999

// Bootstrap is the same estimate as Interval with a percentile bootstrap
// interval (Efron 1979) of 999 resamples: a cross-check that shares no
// assumption about symmetry with the signed-rank interval. No verdict rests on
// it. Equal seeds give equal intervals.
func (p Pairs) Bootstrap(level float64, seed uint64) (Interval, error) {
	r, err := p.Ratios()
	if err != nil {
		return Interval{}, err
	}
	if len(r) == 0 || !(level > 0 && level < 1) {
		return Interval{}, fmt.Errorf("resampling %d pairs at level %v", len(r), level)
	}
	x := logs(r)
	rng := rand.New(rand.NewPCG(seed, uint64(len(x))))
	drawn := make([]float64, len(x))
	estimates := make([]float64, resamples)
	for i := range estimates {
		for j := range drawn {
			drawn[j] = x[rng.IntN(len(x))]
		}
		estimates[i] = median(walshAverages(drawn))
	}
	slices.Sort(estimates)
	k := max(int((1-level)/2*(resamples+1)), 1)
	return Interval{
		Estimate: math.Exp(median(walshAverages(x))),
		Low:      math.Exp(estimates[k-1]),
		High:     math.Exp(estimates[resamples-k]),
		Level:    level,
	}, nil
}
