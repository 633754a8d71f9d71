package measure_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
)

// experiment gives n pairs around a true throughput ratio.
func experiment(seed uint64, n int, ratio, noise float64) measure.Pairs {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	p := measure.Pairs{Unit: "rows/s", Looks: []int{10, 20, 40}, Alpha: 0.05, BlockSeconds: 0.1}
	for range n {
		common := 1000 * math.Exp(0.3*rng.NormFloat64()) // both arms share the weather
		p.Baseline = append(p.Baseline, common*math.Exp(noise*rng.NormFloat64()))
		p.Current = append(p.Current, ratio*common*math.Exp(noise*rng.NormFloat64()))
		p.First += string("bc"[rng.IntN(2)])
	}
	return p
}

func TestSwappingTheArmsInvertsTheInterval(t *testing.T) {
	for seed := range uint64(50) {
		p := experiment(seed, 20, 1.3, 0.1)
		swapped := p
		swapped.Baseline, swapped.Current = p.Current, p.Baseline
		durations := swapped
		durations.LowerIsBetter = true

		a, err := p.Interval(0.98)
		require.NoError(t, err)
		b, err := swapped.Interval(0.98)
		require.NoError(t, err)
		require.InEpsilon(t, 1/a.Estimate, b.Estimate, 1e-12)
		require.InEpsilon(t, 1/a.High, b.Low, 1e-12)
		require.InEpsilon(t, 1/a.Low, b.High, 1e-12)
		require.InDelta(t, a.Level, b.Level, 1e-12)

		c, err := durations.Interval(0.98)
		require.NoError(t, err)
		require.InEpsilon(t, a.Estimate, c.Estimate, 1e-12, "durations count the other way round")

		above, err := p.PValue(1.25, measure.Above)
		require.NoError(t, err)
		below, err := swapped.PValue(1/1.25, measure.Below)
		require.NoError(t, err)
		require.InDelta(t, above, below, 1e-12)
	}
}

func TestScaleOfTheFiguresDoesNotMatter(t *testing.T) {
	p := experiment(7, 20, 1.3, 0.1)
	scaled := p
	scaled.Baseline, scaled.Current = nil, nil
	for i := range p.Baseline {
		scaled.Baseline = append(scaled.Baseline, 60*p.Baseline[i])
		scaled.Current = append(scaled.Current, 60*p.Current[i])
	}
	a, err := p.Interval(0.95)
	require.NoError(t, err)
	b, err := scaled.Interval(0.95)
	require.NoError(t, err)
	require.InEpsilon(t, a.Low, b.Low, 1e-12)
	require.InEpsilon(t, a.High, b.High, 1e-12)
}

func TestIntervalAndTestAgree(t *testing.T) {
	// A limit lies outside the interval exactly when the test rejects it.
	for seed := range uint64(50) {
		p := experiment(seed, 12, 1, 0.2)
		i, err := p.Interval(0.95)
		require.NoError(t, err)
		for limit, outside := range map[float64]bool{
			i.Low * 0.9999: true, i.Low * 1.0001: false, i.High * 0.9999: false, i.High * 1.0001: true,
		} {
			below, err := p.PValue(limit, measure.Below)
			require.NoError(t, err)
			above, err := p.PValue(limit, measure.Above)
			require.NoError(t, err)
			require.Equal(t, outside, min(below, above) <= 0.025, "limit %v of %+v", limit, i)
		}
	}
}

func TestIntervalCoversTheTruthAsOftenAsItSays(t *testing.T) {
	const trials = 2000
	covered, attained := 0, 0.0
	for seed := range uint64(trials) {
		i, err := experiment(seed, 15, 1.5, 0.2).Interval(0.95)
		require.NoError(t, err)
		if i.Contains(1.5) {
			covered++
		}
		attained = i.Level
	}
	require.InDelta(t, attained, float64(covered)/trials, 0.015, "three standard errors")
}

func TestTiesMakeTheIntervalWiderNeverEmpty(t *testing.T) {
	i, err := against([]float64{1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5}).Interval(0.95)
	require.NoError(t, err)
	require.InEpsilon(t, 1.5, i.Estimate, 1e-12)
	require.LessOrEqual(t, i.Low, i.High)
	p, err := against([]float64{2, 2, 2, 2}).PValue(2, measure.Below)
	require.NoError(t, err)
	require.InDelta(t, 1, p, 0, "no difference at all is no evidence")
}

func TestTooFewPairsHaveNoInterval(t *testing.T) {
	for level, least := range map[float64]int{0.95: 6, 0.99: 8, 1 - 0.05/3: 7} {
		_, err := experiment(1, least-1, 1, 0.1).Interval(level)
		require.ErrorContains(t, err, "too few")
		i, err := experiment(1, least, 1, 0.1).Interval(level)
		require.NoError(t, err)
		require.GreaterOrEqual(t, i.Level, level)
	}
}

func TestBootstrapAgreesWithTheExactInterval(t *testing.T) {
	for seed := range uint64(5) {
		p := experiment(seed, 40, 1.3, 0.1)
		exact, err := p.Interval(0.95)
		require.NoError(t, err)
		boot, err := p.Bootstrap(0.95, 7)
		require.NoError(t, err)
		again, err := p.Bootstrap(0.95, 7)
		require.NoError(t, err)
		require.Equal(t, boot, again, "equal seeds give equal intervals")
		require.InEpsilon(t, exact.Estimate, boot.Estimate, 1e-12)
		require.InDelta(t, exact.Low, boot.Low, 0.03)
		require.InDelta(t, exact.High, boot.High, 0.03)
	}
	_, err := measure.Pairs{}.Bootstrap(0.95, 1)
	require.Error(t, err)
}

func TestFitnessComparesABlockWithItself(t *testing.T) {
	p := experiment(3, 10, 1, 0.02)
	i, err := measure.Fitness{A: p.Baseline, B: p.Current}.Interval(0.99)
	require.NoError(t, err)
	require.True(t, i.Contains(1))
	require.GreaterOrEqual(t, i.Level, 0.99)
	_, err = measure.Fitness{A: []float64{1}, B: []float64{1, 2}}.Interval(0.99)
	require.ErrorContains(t, err, "comparing a block with itself: 2 and 1 figures")
}

func TestValidateReportsEveryFault(t *testing.T) {
	tests := map[string]struct {
		damage func(*measure.Pairs)
		says   []string
	}{
		"a sound record":              {func(*measure.Pairs) {}, nil},
		"arms of different length":    {func(p *measure.Pairs) { p.Current = p.Current[:9] }, []string{"10 figures of the baseline and 9"}},
		"a figure of zero":            {func(p *measure.Pairs) { p.Current[3] = 0 }, []string{"not a positive number"}},
		"a figure that is none":       {func(p *measure.Pairs) { p.Baseline[3] = math.NaN() }, []string{"not a positive number"}},
		"an order too short":          {func(p *measure.Pairs) { p.First = "bc" }, []string{`the order "bc"`}},
		"an order of other letters":   {func(p *measure.Pairs) { p.First = "bcbcbcbcbx" }, []string{"does not name b or c"}},
		"no looks":                    {func(p *measure.Pairs) { p.Looks = nil }, []string{"no look was planned"}},
		"looks that shrink":           {func(p *measure.Pairs) { p.Looks = []int{10, 10} }, []string{"do not grow"}},
		"a stop between two looks":    {func(p *measure.Pairs) { p.Looks = []int{9, 20} }, []string{"10 pairs are none of the looks"}},
		"no alpha":                    {func(p *measure.Pairs) { p.Alpha = 0 }, []string{"alpha 0"}},
		"an alpha that is no number":  {func(p *measure.Pairs) { p.Alpha = math.NaN() }, []string{"alpha NaN"}},
		"negative warm-up":            {func(p *measure.Pairs) { p.WarmupPairs = -1 }, []string{"-1 warm-up pairs"}},
		"endless blocks":              {func(p *measure.Pairs) { p.BlockSeconds = math.Inf(1) }, []string{"+Inf s"}},
		"a fitness check of one side": {func(p *measure.Pairs) { p.Fitness = &measure.Fitness{A: []float64{1}} }, []string{"1 and 0 figures"}},
		"a server unseen":             {func(p *measure.Pairs) { p.Server = &measure.Observed{} }, nil},
		"a server in full view":       {func(p *measure.Pairs) { p.Server = observed(10, 1, 10) }, nil},
		"a log of fewer blocks":       {func(p *measure.Pairs) { p.Server = observed(9) }, []string{"of 9 blocks of the baseline and 9 of the current arm is not that of 10 pairs"}},
		"a log of one arm":            {func(p *measure.Pairs) { p.Server = observed(10); p.Server.CurrentWAL = nil }, []string{"of 10 blocks of the baseline and 0 of"}},
		"a log that shrinks":          {func(p *measure.Pairs) { p.Server = observed(10); p.Server.CurrentWAL[3] = -1 }, []string{"-1 bytes of write-ahead log in block 4 of the current arm"}},
		"a checkpoint before it all":  {func(p *measure.Pairs) { p.Server = observed(10, 0) }, []string{"checkpoints in the pairs [0]"}},
		"a checkpoint after it all":   {func(p *measure.Pairs) { p.Server = observed(10, 11) }, []string{"rise from 1 to at most 10"}},
		"a checkpoint told twice":     {func(p *measure.Pairs) { p.Server = observed(10, 3, 3) }, []string{"checkpoints in the pairs [3 3]"}},
		"several at once":             {func(p *measure.Pairs) { p.First, p.Alpha = "", 2 }, []string{"the order", "alpha 2"}},
		"more looks than anyone runs": {func(p *measure.Pairs) { p.Looks = []int{10, 1000000} }, []string{"at most 400"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := experiment(1, 10, 1, 0.1)
			test.damage(&p)
			err := p.Validate()
			if test.says == nil {
				require.NoError(t, err)
				return
			}
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
}

// observed is a server that wrote a log in so many blocks of either arm.
func observed(blocks int, checkpoints ...int) *measure.Observed {
	return &measure.Observed{BaselineWAL: make([]int64, blocks), CurrentWAL: make([]int64, blocks), Checkpoints: checkpoints}
}

func TestPairsWithoutARatioAreRefused(t *testing.T) {
	for name, p := range map[string]measure.Pairs{
		"different lengths":     {Baseline: []float64{1, 2}, Current: []float64{1}},
		"a ratio out of range":  {Baseline: []float64{1e-300}, Current: []float64{1e300}},
		"a figure that is zero": {Baseline: []float64{0}, Current: []float64{1}},
		"far too many":          {Baseline: make([]float64, 5000), Current: make([]float64, 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Ratios()
			require.Error(t, err)
			_, err = p.Interval(0.95)
			require.Error(t, err)
			_, err = p.PValue(1, measure.Below)
			require.Error(t, err)
		})
	}
	_, err := experiment(1, 10, 1, 0.1).PValue(math.NaN(), measure.Below)
	require.ErrorContains(t, err, "testing against a ratio of NaN")
	_, err = experiment(1, 10, 1, 0.1).Interval(1.5)
	require.ErrorContains(t, err, "level 1.5")
}

func FuzzPairsJSON(f *testing.F) {
	for _, n := range []int{10, 20} {
		p := experiment(9, n, 1.2, 0.1)
		p.Fitness = &measure.Fitness{A: p.Baseline, B: p.Baseline}
		p.Server = observed(n, 2, 5)
		b, err := json.Marshal(p)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"baseline":[1e308,1e-308],"current":[1e-308,1e308],"first":"bc","looks":[2],"alpha":0.05}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p measure.Pairs
		if json.Unmarshal(b, &p) != nil || p.Validate() != nil {
			return
		}
		i, err := p.Interval(1 - p.Alpha/float64(len(p.Looks)))
		if err != nil {
			return
		}
		require.LessOrEqual(t, i.Low, i.Estimate)
		require.LessOrEqual(t, i.Estimate, i.High)
		below, err := p.PValue(1, measure.Below)
		require.NoError(t, err)
		require.True(t, below >= 0 && below <= 1, "%v", below)
	})
}

func ExamplePairs_Interval() {
	p := measure.Pairs{ // ms for the same work: 30 to 39 % faster
		LowerIsBetter: true,
		Baseline:      []float64{130, 131, 132, 133, 134, 135, 136, 137, 138, 139},
		Current:       []float64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100},
	}
	i, _ := p.Interval(0.95)
	fmt.Printf("%.3f from %.3f to %.3f at %.3f\n", i.Estimate, i.Low, i.High, i.Level)
	// Output: 1.345 from 1.320 to 1.370 at 0.951
}
