package drive

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestTheOrderIsComparedPlaceByPlaceAndTiesMayStandEitherWay(t *testing.T) {
	exact := []valued{{"1", "30.00"}, {"2", "20.00"}, {"3", "20"}, {"4", "10.01"}, {"5", "10.00"}}
	of := func(trades ...string) (all []valued) {
		for _, trade := range trades {
			all = append(all, valued{trade: trade, value: "0"})
		}
		return all
	}
	tests := map[string]struct {
		quick []valued
		want  int64
	}{
		"the same order":                   {of("1", "2", "3", "4", "5"), 0},
		"trades of equal value changed":    {of("1", "3", "2", "4", "5"), 0},
		"trades of unlike value changed":   {of("1", "2", "3", "5", "4"), 2},
		"the first one came last":          {of("2", "3", "4", "5", "1"), 4},
		"one that ties moved over another": {of("1", "2", "4", "3", "5"), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := misplaced(exact, test.quick)
			require.NoError(t, err)
			require.Equal(t, measure.Share{Hits: test.want, Of: 5}, got)
		})
	}
	for name, test := range map[string]struct {
		quick []valued
		want  string
	}{
		"a trade is missing": {of("1", "2", "3", "4"), "5 trades of the baseline, 4 of the current arm"},
		"a stranger":         {of("1", "2", "3", "4", "6"), "the baseline has no trade 6"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := misplaced(exact, test.quick)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestATradeThatComesTwiceIsNoOrder(t *testing.T) {
	exact := []valued{{"1", "2"}, {"2", "2"}}
	_, err := misplaced(exact, []valued{{"1", ""}, {"1", ""}})
	require.ErrorContains(t, err, "twice")
}

func TestTheLargestErrorOfAllFiguresCounts(t *testing.T) {
	figures := func(texts ...string) map[string]*big.Rat {
		all := map[string]*big.Rat{}
		for i, text := range texts {
			all[string(rune('a'+i))], _ = new(big.Rat).SetString(text)
		}
		return all
	}
	off, err := largestError("sum", figures("100", "1000"), figures("100", "1000.001"))
	require.NoError(t, err)
	require.InDelta(t, 1000, off.Value, 1e-6)
	require.EqualValues(t, 2, off.Of)
	_, err = largestError("sum", figures("1", "2"), figures("1"))
	require.ErrorContains(t, err, "2 figures of the baseline, 1 of the current arm")
	_, err = largestError("sum", nil, nil)
	require.Error(t, err, "no figure is no proof")
}

// program is three trades of one instrument and one of another.
func program(t *testing.T) *Program {
	t.Helper()
	p, err := NewProgram([]market.Tick{
		{Symbol: "A", Price: 0.1, Volume: 3}, {Symbol: "B", Price: 7, Volume: 2}, {Symbol: "A", Price: 0.2, Volume: 1}, {Symbol: "A", Price: 0.3, Volume: 1},
	})
	require.NoError(t, err)
	return p
}

func TestAProgramCalculatesForEachInstrumentInBothArithmetics(t *testing.T) {
	tests := map[string]struct {
		decimals []string
		floats   []float64
	}{
		"sum":            {[]string{"0.8", "14"}, []float64{0.8, 14}},
		"vwap":           {[]string{"0.16", "7"}, []float64{0.16, 7}},
		"moving average": {[]string{"0.1", "0.15", "0.2", "7"}, []float64{0.1, 0.15, 0.2, 7}},
	}
	require.Len(t, reckonings(), len(tests))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := program(t)
			exact, err := p.decimals(reckonings()[name], nil)
			require.NoError(t, err)
			for i, text := range test.decimals {
				require.Equal(t, text, exact[i].Trim(0).String())
			}
			require.Len(t, exact, len(test.decimals))
			require.InDeltaSlice(t, test.floats, p.floats(reckonings()[name], nil), 1e-12)

			decimals, floats, off, err := p.Calculate(name)
			require.NoError(t, err)
			require.Less(t, off.Value, 1.0)
			require.EqualValues(t, len(test.decimals), off.Of)
			for _, arm := range []Workload{decimals, floats} {
				took, err := arm.Run(t.Context(), 3)
				require.NoError(t, err)
				require.Positive(t, took)
				require.Equal(t, measure.NoServer, arm.Settings[measure.ServerSetting])
				require.EqualValues(t, 4, arm.Rows)
			}
			require.NotEqual(t, decimals.Text, floats.Text)
		})
	}
}

func TestAMovingAverageForgetsWhatLiesBehindIt(t *testing.T) {
	var prices []market.Tick
	for i := range movingTrades + 5 {
		prices = append(prices, market.Tick{Symbol: "A", Price: float64(i), Volume: 1})
	}
	p, err := NewProgram(prices)
	require.NoError(t, err)
	exact, err := p.decimals(reckonings()["moving average"], nil)
	require.NoError(t, err)
	last := float64(movingTrades+4) - float64(movingTrades-1)/2
	got, _ := exact[len(exact)-1].Float64()
	require.InDelta(t, last, got, 1e-12)
	floats := p.floats(reckonings()["moving average"], nil)
	require.InDelta(t, last, floats[len(floats)-1], 1e-12)
}

func TestFiguresThatDecimalsCannotHoldAreAnErrorAndNeverRounded(t *testing.T) {
	p, err := NewProgram([]market.Tick{{Symbol: "A", Price: 123456789.01, Volume: 1e18}})
	require.NoError(t, err)
	_, _, _, err = p.Calculate("sum")
	require.ErrorContains(t, err, "calculating the sum of price × volume")
}

func TestAProgramNeedsPricesAndAKnownCalculation(t *testing.T) {
	_, err := NewProgram(nil)
	require.ErrorContains(t, err, "there are no prices")
	_, _, _, err = program(t).Calculate("median")
	require.ErrorContains(t, err, `"median" in a program: known calculations are moving average, sum, vwap`)
}

func TestARiseTellsEachWindowAndWhatWasSeenBeyondTheKnee(t *testing.T) {
	stuck := func(_ int, due time.Duration) (time.Duration, error) {
		if due >= time.Second {
			return 3 * time.Second, nil
		}
		return time.Millisecond, nil
	}
	quick := func(int, time.Duration) (time.Duration, error) { return time.Millisecond, nil }
	watched := func(o Outcome) *Observer {
		seen := &Observer{}
		for i := range 30 {
			seen.looks = append(seen.looks, sight{at: o.began.Add(time.Duration(i)*100*time.Millisecond + time.Millisecond), server: true, waits: []string{string(rune('0' + i/10))}})
		}
		return seen
	}
	o := rising(stuck)
	o.began = time.Now()
	r := o.Rise(watched(o))
	require.True(t, r.Reached)
	require.InDelta(t, 600, r.Capacity, 1e-9)
	require.Equal(t, Stretch{Due: 600, Kept: 600, P99: time.Millisecond}, r.Stretches[0])
	require.Equal(t, 3*time.Second, r.Stretches[2].P99)
	require.Equal(t, map[string]int64{"1": 10, "2": 10}, r.Strain.Sessions.Waits, "the first window stood fast")

	o = rising(quick)
	o.began = time.Now()
	r = o.Rise(watched(o))
	require.False(t, r.Reached)
	require.InDelta(t, 1800, r.Capacity, 1e-9)
	require.Equal(t, map[string]int64{"2": 10}, r.Strain.Sessions.Waits, "only the last window is near the knee")
}

func TestTheSlowestHundredthIsTakenByRank(t *testing.T) {
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration(200-i))
	}
	require.Equal(t, time.Duration(198), slowest(took))
	require.Equal(t, time.Duration(5), slowest([]time.Duration{5}))
	require.Zero(t, slowest(nil))
}
