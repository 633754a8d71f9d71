package objective_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func parse(t *testing.T, measureName, target string) objective.Objective {
	t.Helper()
	o, err := objective.Parse(measureName, target)
	require.NoError(t, err)
	return o
}

func repeat(ms float64, times int) *measure.Histogram {
	h := measure.NewHistogram()
	for range times {
		h.Record(time.Duration(ms * float64(time.Millisecond)))
	}
	return h
}

// slow has 1 ms for all but the given number of a thousand, which took longer.
func slow(longer int, ms float64) *measure.Histogram {
	h := repeat(1, 1000-longer)
	h.Merge(repeat(ms, longer))
	return h
}

// withLonger adds one duration that keeps the longest from capping the others.
func withLonger(h *measure.Histogram) *measure.Histogram {
	h.Record(time.Hour)
	return h
}

func lags(h *measure.Histogram) measure.Value {
	return measure.Value{Unit: measure.Milliseconds, Histogram: h}
}

func share(unit string, hits, of int64) measure.Value {
	return measure.Value{Unit: unit, Share: &measure.Share{Hits: hits, Of: of}}
}

func amount(unit string, value float64, of int64) measure.Value {
	return measure.Value{Unit: unit, Amount: &measure.Amount{Value: value, Of: of}}
}

func series(unit string, windows ...float64) measure.Value {
	return measure.Value{Unit: unit, Series: &measure.Series{Width: 10, Windows: windows}}
}

func TestAbsoluteTargets(t *testing.T) {
	const lag = "delivery lag, p99"
	tests := map[string]struct {
		measure, target string
		value           measure.Value
		want            objective.Verdict
		reason          string
	}{
		"exactly at the limit":                    {lag, "at most 250 ms", lags(repeat(250, 1000)), objective.Pass, "250 ms (p99 of 1,000 observations); at most 250 ms is promised."},
		"just over the limit":                     {lag, "at most 250 ms", lags(repeat(250.001, 1000)), objective.Fail, "250.001 ms (p99 of 1,000 observations), more than the 250 ms that is promised."},
		"no observation is no pass":               {lag, "at most 250 ms", lags(repeat(250, 0)), objective.Inconclusive, "Only 0 of 0 observations lie beyond p99; nothing is said about it with fewer than 10."},
		"too few for the ninety-nine":             {lag, "at most 250 ms", lags(repeat(1, 99)), objective.Inconclusive, "Only 0 of 99 observations"},
		"nine beyond are too few":                 {lag, "at most 250 ms", lags(repeat(1, 900)), objective.Inconclusive, "Only 9 of 900"},
		"few slow ones are too few as well":       {lag, "at most 250 ms", lags(repeat(900, 99)), objective.Inconclusive, "Only 0 of 99"},
		"ten slow ones of a thousand":             {lag, "at most 250 ms", lags(slow(10, 300)), objective.Pass, "1 ms (p99"},
		"eleven slow ones of a thousand":          {lag, "at most 250 ms", lags(slow(11, 300)), objective.Fail, "300 ms (p99"},
		"a limit in another unit":                 {lag, "at most 0.25 s", lags(repeat(250, 1000)), objective.Pass, "0.25 s (p99"},
		"a limit in microseconds":                 {lag, "at most 249,999 µs", lags(repeat(250, 1000)), objective.Fail, "250,000 µs"},
		"a median from below":                     {"pause, p50", "at least 5 ms", lags(repeat(5, 20)), objective.Pass, "5 ms (p50"},
		"a median from below, missed":             {"pause, p50", "at least 5 ms", lags(repeat(4.999, 20)), objective.Fail, "less than the 5 ms"},
		"a median from below, hidden in a bucket": {"pause, p50", "at least 250 ms", lags(withLonger(repeat(249.999, 20))), objective.Fail, "249.999 ms"},
		"a low percentile needs lower ones":       {"pause, p1", "at least 5 ms", lags(repeat(9, 999)), objective.Pass, "9 ms (p1"},
		"a low percentile with too few":           {"pause, p1", "at least 5 ms", lags(repeat(9, 900)), objective.Inconclusive, "Only 9 of 900 observations lie up to p1"},
		"a wish that is missed fails as wish":     {lag, "should be at most 200 ms", lags(repeat(250, 1000)), objective.Fail, "more than the 200 ms that is hoped for."},

		"the longest counts without a percentile":   {"pause", "at most 2 s", lags(slow(1, 2001)), objective.Fail, "2.001 s (the longest of 1,000), more than the 2 s that is promised."},
		"the longest at the limit":                  {"pause", "at most 2 s", lags(slow(1, 2000)), objective.Pass, "2 s (the longest of 1,000)"},
		"the shortest counts for at least":          {"pause", "at least 1 ms", lags(slow(1, 0.5)), objective.Fail, "0.5 ms (the shortest of 1,000)"},
		"one observation is enough for a longest":   {"rollback, duration", "at most 60 s", lags(repeat(4700, 1)), objective.Pass, "4.7 s (the longest of 1)"},
		"no pause observed is no pass":              {"pause", "at most 2 s", lags(measure.NewHistogram()), objective.Inconclusive, "Nothing was observed"},
		"exactly a duration, all of them":           {"pause", "exactly 2 ms", lags(repeat(2, 5)), objective.Pass, "2 ms"},
		"exactly a duration, but for one":           {"pause", "exactly 1 ms", lags(slow(1, 2)), objective.Fail, "2 ms (the longest of 1,000), more than the 1 ms"},
		"exactly a duration, but for a short one":   {"pause", "exactly 1 ms", lags(slow(1, 0.2)), objective.Fail, "0.2 ms (the shortest"},
		"a share at the limit":                      {"prices delivered", "at least 99.99 %", share("%", 999900, 1000000), objective.Pass, "99.99 % (999,900 of 1,000,000)"},
		"a share one below the limit":               {"prices delivered", "at least 99.99 %", share("%", 999899, 1000000), objective.Fail, "99.9899 % (999,899 of 1,000,000), less than the 99.99 %"},
		"a share in parts per billion":              {"errors", "at most 1,000 parts per billion", share("%", 1, 1000000), objective.Pass, "1,000 parts per billion (1 of 1,000,000)"},
		"nothing due is no delivery":                {"prices delivered", "at least 99.99 %", share("%", 0, 0), objective.Inconclusive, "Nothing was observed"},
		"more than all contradicts itself":          {"prices delivered", "at least 99.99 %", share("%", 101, 100), objective.Inconclusive, "101 out of 100 contradicts itself"},
		"less than none contradicts itself":         {"lost", "exactly 0", share("", -1, 100), objective.Inconclusive, "contradicts itself"},
		"none lost":                                 {"acknowledged inserts lost", "exactly 0", share("", 0, 12000), objective.Pass, "0 (counted among 12,000); exactly 0 is promised."},
		"one lost":                                  {"acknowledged inserts lost", "exactly 0", share("", 1, 12000), objective.Fail, "1 (counted among 12,000), more than the 0"},
		"none lost of nothing":                      {"acknowledged inserts lost", "exactly 0", share("", 0, 0), objective.Inconclusive, "never a pass"},
		"an amount at the limit":                    {"relative error", "at most 1 parts per billion", amount("parts per billion", 1, 1820), objective.Pass, "over 1,820"},
		"an amount over the limit":                  {"relative error", "at most 1 parts per billion", amount("parts per billion", 1.5, 1820), objective.Fail, "1.5 parts per billion"},
		"an amount of nothing":                      {"relative error", "at most 1 parts per billion", amount("parts per billion", 0, 0), objective.Inconclusive, "Nothing was observed"},
		"an amount that is no number":               {"relative error", "at most 1 parts per billion", amount("parts per billion", math.NaN(), 5), objective.Inconclusive, "no number"},
		"an amount of bytes in MB":                  {"report size", "at most 2 MB", amount("bytes", 2000000, 1), objective.Pass, "2 MB"},
		"the lowest window counts for at least":     {"sustained inserts", "at least 10,000 a minute", series("a minute", 12000, 9999, 13000), objective.Fail, "9,999 a minute (the lowest of 3 windows), less than the 10,000 a minute"},
		"every window at the limit":                 {"sustained inserts", "at least 10,000 a minute", series("a minute", 10000, 10000), objective.Pass, "10,000 a minute"},
		"windows a second, target a minute":         {"sustained inserts", "at least 10,000 a minute", series("a second", 200, 167), objective.Pass, "10,020 a minute"},
		"the highest window counts for at most":     {"queue", "at most 5", series("", 1, 6, 2), objective.Fail, "6 (the highest of 3 windows)"},
		"exactly, with the window farthest off":     {"queue", "exactly 5", series("", 5, 3, 6), objective.Fail, "3 (the lowest of 3 windows), less than the 5"},
		"no window at all":                          {"sustained inserts", "at least 10,000 a minute", series("a minute"), objective.Inconclusive, "Nothing was observed"},
		"a window that is no number":                {"sustained inserts", "at least 10,000 a minute", series("a minute", 1, math.Inf(1)), objective.Inconclusive, "window 2 of 2"},
		"an empty value claims nothing":             {lag, "at most 250 ms", measure.Value{Unit: "ms"}, objective.NotRun, `"delivery lag" was not measured`},
		"a time against a share":                    {lag, "at most 5 %", lags(repeat(1, 1000)), objective.NotRun, `measured in "ms", so "at most 5 %" cannot be judged: write the target in "ms"`},
		"a share against a count":                   {"prices delivered", "exactly 0", share("%", 1, 2), objective.NotRun, `write the target in "%"`},
		"a count against a time":                    {"lost", "at most 5 ms", share("", 1, 2), objective.NotRun, "write the target without a unit"},
		"a percentile of one figure":                {"rollback, p99", "at most 5 s", amount("s", 1, 1), objective.NotRun, "has no p99"},
		"a comparison of what was not compared":     {"delivery lag", "at least 2 × baseline", lags(repeat(1, 1000)), objective.NotRun, "not compared with a baseline"},
		"an absolute figure of a paired comparison": {"insert throughput", "at least 10,000 a second", measure.Value{Pairs: &measure.Pairs{}}, objective.NotRun, "compared with a baseline"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := parse(t, test.measure, test.target)
			j := o.Judge(test.value, 1)
			require.Equal(t, test.want, j.Verdict, j.Reason)
			require.Contains(t, j.Reason, test.reason)
			require.Equal(t, o.Unit, j.Unit)
			require.InDelta(t, o.Number, j.Limit, 0)
			require.Nil(t, j.P, "only comparisons have a probability")
			require.Equal(t, test.want == objective.Pass || test.want == objective.Fail, j.Value != nil)
			_, err := json.Marshal(j)
			require.NoError(t, err)
		})
	}
}

func TestFiguresOfAJudgement(t *testing.T) {
	t.Run("a percentile shows the interval between order statistics and the room it leaves", func(t *testing.T) {
		h := measure.NewHistogram()
		for i := range 2000 {
			h.Record(time.Duration(i+1) * 100 * time.Microsecond)
		}
		j := parse(t, "lag, p99", "at most 250 ms").Judge(lags(h), 1)
		require.Equal(t, objective.Pass, j.Verdict)
		require.InEpsilon(t, 198, *j.Value, 0.002)
		require.InEpsilon(t, 197.2, *j.Low, 0.002)
		require.InEpsilon(t, 198.9, *j.High, 0.002)
		require.InDelta(t, (250-*j.High)/250, *j.Headroom, 1e-12)
		require.EqualValues(t, 2000, j.Samples)
	})
	t.Run("a pass whose interval reaches over the limit has nothing to spare", func(t *testing.T) {
		j := parse(t, "lag, p99", "at most 2 ms").Judge(lags(slow(9, 3)), 1)
		require.Equal(t, objective.Pass, j.Verdict)
		require.Greater(t, *j.High, 2.0)
		require.InDelta(t, 0, *j.Headroom, 0)
	})
	t.Run("a share shows the exact interval and is judged on what was counted", func(t *testing.T) {
		j := parse(t, "prices delivered", "at least 99.99 %").Judge(share("%", 1000000, 1000000), 1)
		require.InDelta(t, 100, *j.Value, 0)
		require.InDelta(t, 99.9996, *j.Low, 0.0001)
		require.InDelta(t, 100, *j.High, 0)
		require.InDelta(t, 0.01/99.99, *j.Headroom, 1e-12)
	})
	t.Run("windows have no interval", func(t *testing.T) {
		j := parse(t, "inserts", "at least 10,000 a minute").Judge(series("a minute", 11976, 12000), 1)
		require.Nil(t, j.Low)
		require.Equal(t, "windows", j.SampleUnit)
		require.InDelta(t, 0.1976, *j.Headroom, 1e-12)
	})
	t.Run("over the limit is negative headroom", func(t *testing.T) {
		j := parse(t, "pause", "at most 2 s").Judge(lags(repeat(3000, 1)), 1)
		require.InDelta(t, -0.5, *j.Headroom, 1e-12)
	})
	t.Run("a limit of nothing leaves no room to speak of", func(t *testing.T) {
		require.Nil(t, parse(t, "lost", "exactly 0").Judge(share("", 0, 9), 1).Headroom)
		require.Nil(t, parse(t, "lost", "at most 0").Judge(share("", 3, 9), 1).Headroom)
	})
	t.Run("how an amount was taken is told as it was written", func(t *testing.T) {
		v := amount("parts per billion", 0.0031, 1820)
		v.Amount.Says = "largest of 1,820"
		j := parse(t, "relative error", "at most 1 parts per billion").Judge(v, 1)
		require.Equal(t, "0.0031 parts per billion (largest of 1,820); at most 1 parts per billion is promised.", j.Reason)
		require.InDelta(t, 0.9969, *j.Headroom, 1e-9)
	})
}
