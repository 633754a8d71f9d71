package changepoint_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline/changepoint"
)

// nile is the annual flow of the Nile at Aswan, 1871 to 1970, in 10⁸ m³. That
// it fell in 1899, when the old dam was begun, is the usual first example of a
// change point (Cobb, "The problem of the Nile", Biometrika 65, 1978).
func nile() []float64 {
	return []float64{
		1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
		1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
		831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759,
		781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890,
		744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
	}
}

func TestThePublishedExamples(t *testing.T) {
	tests := map[string]struct {
		series []float64
		want   []int
	}{
		"the Nile fell in 1899": {nile(), []int{1899 - 1871}},
		// The series that Apache Otava, which detects regressions in this way
		// since Hunter (Fleming and others, ICPE 2023), tries itself on.
		"a halving":              {[]float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}, []int{6}},
		"a tenth less":           {[]float64{2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.80, 1.76, 1.78}, []int{4}},
		"nothing ever changed":   {make([]float64, 20), nil},
		"up, and down once more": {append(append(around(1, 12, 10), around(2, 12, 20)...), around(3, 12, 10)...), []int{12, 24}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := changepoint.Find(test.series, 7)
			require.NoError(t, err)
			var at []int
			for _, p := range found {
				at = append(at, p.At)
				require.LessOrEqual(t, p.P, changepoint.Level)
			}
			require.Equal(t, test.want, at)
		})
	}
}

// TestTheDistanceByHand works one division out on paper. Of 0, 0, 0, 1, 1, 1 the
// sides of the cut in the middle lie 1 apart and have no distance within, so
// that Q = 3·3 ÷ 6 × (2·1 − 0 − 0) = 3. Of 0, 2, 4, 10, 12, 14 the mean distance
// between the sides is 10, and within each it is (2+4+2) ÷ 3 = 8/3, so that
// Q = 9/6 × (2·10 − 8/3 − 8/3) = 22.
func TestTheDistanceByHand(t *testing.T) {
	at, q := changepoint.Best([]float64{0, 0, 0, 1, 1, 1})
	require.Equal(t, 3, at)
	require.InDelta(t, 3, q, 1e-12)
	at, q = changepoint.Best([]float64{0, 2, 4, 10, 12, 14})
	require.Equal(t, 3, at)
	require.InDelta(t, 22, q, 1e-12)
}

// TestTheBestDivisionIsThatOfTheDefinition computes every division from the
// definition, without any of the sums that make the search fast.
func TestTheBestDivisionIsThatOfTheDefinition(t *testing.T) {
	coin := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		series := make([]float64, 6+coin.IntN(20))
		for i := range series {
			series[i] = math.Round(10*coin.NormFloat64()) / 10 // with ties
		}
		_, q := changepoint.Best(series)
		require.InDelta(t, plainest(series), q, 1e-9)
	}
}

func plainest(series []float64) float64 {
	largest := 0.0
	for cut := changepoint.LeastSegment; cut < len(series); cut++ {
		for end := cut + changepoint.LeastSegment; end <= len(series); end++ {
			x, y := series[:cut], series[cut:end]
			n, m := float64(len(x)), float64(len(y))
			largest = max(largest, n*m/(n+m)*(2*apart(x, y)/(n*m)-apart(x, x)/(n*(n-1))-apart(y, y)/(m*(m-1))))
		}
	}
	return largest
}

func apart(x, y []float64) float64 {
	total := 0.0
	for _, a := range x {
		for _, b := range y {
			total += math.Abs(a - b)
		}
	}
	return total
}

// around is n figures around level with a spread of 3 %.
func around(seed uint64, n int, level float64) []float64 {
	coin := rand.New(rand.NewPCG(seed, 1))
	series := make([]float64, n)
	for i := range series {
		series[i] = level * (1 + .03*coin.NormFloat64())
	}
	return series
}

// TestNoiseAloneRaisesFewAlarms measures the rate of false alarms on series
// of runs that never changed: even noise, heavy tails, and figures with ties. It
// is promised to be Level; four standard deviations of chance are allowed.
func TestNoiseAloneRaisesFewAlarms(t *testing.T) {
	kinds := map[string]func(*rand.Rand) float64{
		"even noise":  func(c *rand.Rand) float64 { return c.NormFloat64() },
		"heavy tails": func(c *rand.Rand) float64 { return math.Exp(1.5 * c.NormFloat64()) },
		"many ties":   func(c *rand.Rand) float64 { return float64(c.IntN(3)) },
	}
	for name, draw := range kinds {
		t.Run(name, func(t *testing.T) {
			const series = 1000
			coin, alarms := rand.New(rand.NewPCG(1, 2)), 0
			for i := range series {
				x := make([]float64, 40)
				for j := range x {
					x[j] = draw(coin)
				}
				found, err := changepoint.Find(x, uint64(i))
				require.NoError(t, err)
				if len(found) > 0 {
					alarms++
				}
			}
			t.Logf("%d false alarms in %d series of 40", alarms, series)
			most := changepoint.Level*series + 4*math.Sqrt(series*changepoint.Level*(1-changepoint.Level))
			require.LessOrEqual(t, float64(alarms), most)
		})
	}
}

// TestPlantedShiftsAreFound measures how often a planted shift is found, and
// how far from where it is.
func TestPlantedShiftsAreFound(t *testing.T) {
	tests := map[string]struct {
		shift float64 // per cent, on noise of 3 %
		at    int     // of 40
		least float64 // share found within two runs
	}{
		"10 % in the middle":       {10, 20, .98},
		"10 % in the last quarter": {10, 30, .97},
		"10 % five runs ago":       {10, 35, .95},
		"20 % three runs ago":      {20, 37, .95},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const series = 100
			hits := 0
			for i := range uint64(series) {
				x := around(1000+i, 40, 100)
				for j := test.at; j < len(x); j++ {
					x[j] *= 1 - test.shift/100
				}
				found, err := changepoint.Find(x, i)
				require.NoError(t, err)
				for _, p := range found {
					if d := p.At - test.at; d >= -2 && d <= 2 {
						hits++
						break
					}
				}
			}
			t.Logf("found %d of %d", hits, series)
			require.GreaterOrEqual(t, float64(hits)/series, test.least)
		})
	}
}

func TestTheSameSeedFindsTheSame(t *testing.T) {
	one, err := changepoint.Find(nile(), 3)
	require.NoError(t, err)
	two, err := changepoint.Find(nile(), 3)
	require.NoError(t, err)
	require.Equal(t, one, two)
}

func TestWhatIsNoSeriesIsRefused(t *testing.T) {
	_, err := changepoint.Find(make([]float64, changepoint.LeastFigures-1), 1)
	require.ErrorIs(t, err, changepoint.ErrTooFew)
	require.EqualError(t, err, "too few figures to look for a change: 9, and 10 are needed")
	_, err = changepoint.Find(make([]float64, changepoint.MostFigures+1), 1)
	require.EqualError(t, err, "401 figures are more than 400")
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		_, err = changepoint.Find(append(make([]float64, 10), x), 1)
		require.EqualError(t, err, "figure 11 is no number")
		require.NotErrorIs(t, err, changepoint.ErrTooFew)
	}
}

func ExampleFind() {
	points, err := changepoint.Find([]float64{101, 99, 102, 100, 98, 101, 90, 88, 91, 89, 90, 92}, 1)
	if err != nil {
		fmt.Println(err)
	}
	for _, p := range points {
		fmt.Printf("changed with figure %d, by chance in %.1f %% of cases\n", p.At, 100*p.P)
	}
	// Output: changed with figure 6, by chance in 0.6 % of cases
}

func BenchmarkFind(b *testing.B) {
	x := append(around(1, 100, 100), around(2, 100, 90)...)
	for b.Loop() {
		if _, err := changepoint.Find(x, 1); err != nil {
			b.Fatal(err)
		}
	}
}
