package measure_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
)

func recorded(durations ...time.Duration) *measure.Histogram {
	h := measure.NewHistogram()
	for _, d := range durations {
		h.Record(d)
	}
	return h
}

// spread gives n durations from a microsecond to some minutes, log-uniformly.
func spread(seed uint64, n int) []time.Duration {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := make([]time.Duration, n)
	for i := range d {
		d[i] = time.Duration(rng.Uint64N(1<<rng.IntN(39)) + 1)
	}
	return d
}

func TestQuantilesAreConservativeAndClose(t *testing.T) {
	for seed := range uint64(20) {
		durations := spread(seed, 500)
		h := recorded(durations...)
		slices.Sort(durations)
		require.Equal(t, durations[0], h.Min())
		require.Equal(t, durations[499], h.Max())
		for rank := 1; rank <= 500; rank++ {
			q, exact := float64(rank)/500, durations[rank-1]
			got, floor := h.Quantile(q), h.QuantileFloor(q)
			allowed := max(exact/1000, time.Microsecond)
			require.GreaterOrEqual(t, got, exact, "never below what was recorded")
			require.LessOrEqual(t, got, exact+allowed, "never more than the stated error above it")
			require.LessOrEqual(t, floor, exact)
			require.GreaterOrEqual(t, floor, exact-allowed)
		}
	}
}

func TestQuantileTakesTheRankAbove(t *testing.T) {
	tests := map[string]struct {
		n      int
		q      float64
		rank   int64
		beyond int64
	}{
		"a thousand leave ten beyond p99":          {1000, 0.99, 990, 10},
		"ninety-nine leave none beyond p99":        {99, 0.99, 99, 0},
		"a fraction of a rank takes the next":      {110, 0.99, 109, 1},
		"p92 of ten is the tenth, not the ninth":   {10, 0.92, 10, 0},
		"p99.9 of a thousand leaves one":           {1000, 0.999, 999, 1},
		"the half of three is the second":          {3, 0.5, 2, 1},
		"nought takes the first":                   {5, 0, 1, 4},
		"one takes the last":                       {5, 1, 5, 0},
		"p29 of a hundred survives binary figures": {100, 0.29, 29, 71},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := measure.NewHistogram()
			for i := range test.n {
				h.Record(time.Duration(i+1) * time.Microsecond)
			}
			require.Equal(t, time.Duration(test.rank)*time.Microsecond, h.Quantile(test.q))
			require.Equal(t, test.beyond, h.Beyond(test.q))
		})
	}
}

func TestTheEdgesOfTheRange(t *testing.T) {
	t.Run("an empty histogram has nothing to say", func(t *testing.T) {
		var h measure.Histogram
		require.Zero(t, h.Count())
		require.Zero(t, h.Quantile(0.5))
		require.Zero(t, h.Beyond(0.5))
		require.Zero(t, h.Mean())
		_, ok := h.QuantileInterval(0.5, 0.95)
		require.False(t, ok)
	})
	t.Run("the longest caps every quantile", func(t *testing.T) {
		h := recorded(250*time.Millisecond, 250*time.Millisecond)
		require.Equal(t, 250*time.Millisecond, h.Quantile(0.99))
		require.Equal(t, 250*time.Millisecond, h.QuantileFloor(0.01))
	})
	t.Run("a part of a microsecond counts as a whole one", func(t *testing.T) {
		h := recorded(1, 1001, 5000)
		require.Equal(t, time.Microsecond, h.Quantile(0.33))
		require.Equal(t, 2*time.Microsecond, h.Quantile(0.66))
		require.Equal(t, time.Duration(1), h.Min())
	})
	t.Run("beyond an hour every quantile is the longest", func(t *testing.T) {
		h := recorded(2*time.Hour, 3*time.Hour, 4*time.Hour)
		require.Equal(t, 4*time.Hour, h.Quantile(0.01))
		require.Equal(t, 4*time.Hour, h.Max())
	})
	t.Run("a clock set back counts as no time at all", func(t *testing.T) {
		h := recorded(-time.Second, time.Second)
		require.Zero(t, h.Min())
		require.Equal(t, int64(2), h.Count())
	})
	t.Run("the mean stays within the stated error", func(t *testing.T) {
		h := recorded(time.Second, 2*time.Second, 6*time.Second)
		require.InEpsilon(t, float64(3*time.Second), float64(h.Mean()), 0.001)
	})
}

func TestMergingIsRecordingTogether(t *testing.T) {
	a, b := spread(1, 300), spread(2, 700)
	merged := recorded(a...)
	merged.Merge(recorded(b...))
	merged.Merge(measure.NewHistogram())
	merged.Merge(nil)
	together, err := json.Marshal(recorded(append(a, b...)...))
	require.NoError(t, err)
	got, err := json.Marshal(merged)
	require.NoError(t, err)
	require.JSONEq(t, string(together), string(got))
}

func TestHistogramsComeBackFromJSONExactly(t *testing.T) {
	tests := map[string]*measure.Histogram{
		"nothing":              measure.NewHistogram(),
		"one observation":      recorded(1234567),
		"equal observations":   recorded(time.Second, time.Second),
		"a wide spread":        recorded(spread(3, 5000)...),
		"zero and ten hours":   recorded(0, 10*time.Hour),
		"the edge of a bucket": recorded(2047*time.Microsecond, 2048*time.Microsecond, 2049*time.Microsecond, 4096*time.Microsecond),
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(h)
			require.NoError(t, err)
			var back measure.Histogram
			require.NoError(t, json.Unmarshal(b, &back))
			again, err := json.Marshal(&back)
			require.NoError(t, err)
			require.Equal(t, string(b), string(again))
			require.Equal(t, h.Count(), back.Count())
			require.Equal(t, h.Min(), back.Min())
			require.Equal(t, h.Max(), back.Max())
			for _, q := range []float64{0.01, 0.5, 0.99, 0.999} {
				require.Equal(t, h.Quantile(q), back.Quantile(q))
				require.Equal(t, h.QuantileFloor(q), back.QuantileFloor(q))
			}
		})
	}
}

func TestForgedHistogramsAreRefused(t *testing.T) {
	const whole = `{"unit":"µs","relative_error":0.001,"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`
	require.NoError(t, json.Unmarshal([]byte(whole), measure.NewHistogram()), "the sound one is read")
	head := `{"unit":"µs","relative_error":0.001,`
	tests := map[string]struct{ text, says string }{
		"a count that is not the sum":      {head + `"count":4,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, "count says 4"},
		"a count below the sum":            {head + `"count":2,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, "count says 2"},
		"a negative count":                 {head + `"count":1,"min_ns":1000,"max_ns":2000,"buckets":[[1,-1],[2,2]]}`, "counts -1"},
		"an empty bucket":                  {head + `"count":2,"min_ns":1000,"max_ns":2000,"buckets":[[1,0],[2,2]]}`, "counts 0"},
		"buckets out of order":             {head + `"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[2,2],[1,1]]}`, "not above the one before"},
		"a bucket twice":                   {head + `"count":3,"min_ns":1000,"max_ns":1000,"buckets":[[1,1],[1,2]]}`, "not above the one before"},
		"a bucket off the grid":            {head + `"count":1,"min_ns":2049000,"max_ns":2049000,"buckets":[[2049,1]]}`, "no bucket begins at 2049"},
		"a bucket beyond the hour":         {head + `"count":1,"min_ns":1,"max_ns":1,"buckets":[[4000000000,1]]}`, "no bucket begins"},
		"a negative bucket":                {head + `"count":1,"min_ns":1,"max_ns":1,"buckets":[[-1,1]]}`, "not above"},
		"a longest outside its bucket":     {head + `"count":3,"min_ns":1000,"max_ns":1500000,"buckets":[[1,1],[2,2]]}`, "max_ns 1500000"},
		"a shortest outside its bucket":    {head + `"count":3,"min_ns":0,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, "min_ns 0"},
		"a shortest above the longest":     {head + `"count":3,"min_ns":3000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, "no range"},
		"one observation of two lengths":   {head + `"count":1,"min_ns":900,"max_ns":1000,"buckets":[[1,1]]}`, "cannot be both"},
		"ends without observations":        {head + `"count":0,"min_ns":0,"max_ns":7,"buckets":[]}`, "without observations"},
		"counts beyond every number":       {head + `"count":1,"min_ns":1000,"max_ns":2000,"buckets":[[1,9223372036854775807],[2,9223372036854775807]]}`, "exceed every number"},
		"a bucket of three figures":        {head + `"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1,9],[2,2]]}`, "3 figures"},
		"a bucket of one figure":           {head + `"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1],[2,2]]}`, "1 figures"},
		"a field nobody knows":             {head + `"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]],"mood":1}`, `"mood" is unknown or repeated`},
		"a field twice":                    {head + `"count":9,"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, `"count" is unknown or repeated`},
		"a field in another case":          {head + `"Count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, `"Count" is unknown`},
		"a field missing":                  {head + `"count":3,"min_ns":1000,"buckets":[[1,1],[2,2]]}`, `"max_ns" is missing`},
		"no field at all":                  {head + `"count":null,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`, `"count" is null`},
		"a fraction of an observation":     {head + `"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,0.5],[2,2]]}`, `"buckets"`},
		"another unit":                     {`{"unit":"ms","relative_error":0.001,"count":0,"min_ns":0,"max_ns":0,"buckets":[]}`, `unit "ms"`},
		"a claim of less error than it is": {`{"unit":"µs","relative_error":0.0001,"count":0,"min_ns":0,"max_ns":0,"buckets":[]}`, "relative error"},
		"no object":                        {`[1,2]`, "not an object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := json.Unmarshal([]byte(test.text), measure.NewHistogram())
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "reading a histogram")
		})
	}
}

func TestTooFewObservationsHaveNoInterval(t *testing.T) {
	h := measure.NewHistogram()
	for range 300 {
		h.Record(time.Millisecond)
	}
	_, ok := h.QuantileInterval(0.99, 0.95)
	require.False(t, ok, "0.99^300 is 4.9 %: the longest may well lie below p99")
	_, ok = h.QuantileInterval(0.5, 0.95)
	require.True(t, ok)
}

func TestShareWithoutSenseHasNoInterval(t *testing.T) {
	for name, s := range map[string]measure.Share{
		"nothing observed": {}, "more than all": {Hits: 3, Of: 2}, "less than none": {Hits: -1, Of: 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := s.Interval(0.95)
			require.False(t, ok)
		})
	}
}

func FuzzHistogramJSON(f *testing.F) {
	for _, h := range []*measure.Histogram{recorded(), recorded(1, 5000), recorded(spread(4, 40)...)} {
		b, err := json.Marshal(h)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"unit":"µs","relative_error":0.001,"count":3,"min_ns":1000,"max_ns":2000,"buckets":[[1,1],[2,2]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h measure.Histogram
		if json.Unmarshal(b, &h) != nil {
			return
		}
		once, err := json.Marshal(&h)
		require.NoError(t, err)
		var back measure.Histogram
		require.NoError(t, json.Unmarshal(once, &back), "what was accepted is accepted again")
		twice, err := json.Marshal(&back)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		require.LessOrEqual(t, h.Min(), h.Quantile(0.5))
		require.LessOrEqual(t, h.Quantile(0.5), h.Quantile(0.99))
		require.LessOrEqual(t, h.Quantile(0.99), h.Max())
		h.QuantileInterval(0.99, 0.95)
	})
}

func ExampleHistogram() {
	h := measure.NewHistogram()
	for i := range 1000 {
		h.Record(time.Duration(i+1) * time.Millisecond)
	}
	fmt.Println(h.Count(), h.Max(), h.Beyond(0.99))
	fmt.Println(h.Quantile(0.99).Round(time.Millisecond))
	// Output:
	// 1000 1s 10
	// 990ms
}
