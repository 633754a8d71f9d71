package objective_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/objective"
)

func TestEveryFormOfATarget(t *testing.T) {
	tests := map[string]struct {
		measure, target string
		want            objective.Objective
		limit           float64
	}{
		"a percentile of a time": {"delivery lag, p99", "at most 250 ms",
			objective.Objective{Measure: "delivery lag", Percentile: 99, Bound: objective.AtMost, Number: 250, Unit: "ms"}, 250},
		"a finer percentile": {"delivery lag, p99.9", "at most 1.5 s",
			objective.Objective{Measure: "delivery lag", Percentile: 99.9, Bound: objective.AtMost, Number: 1.5, Unit: "s"}, 1.5},
		"a name with a comma of its own": {"price history of one instrument, duration", "at most 105 % of baseline",
			objective.Objective{Measure: "price history of one instrument, duration", Bound: objective.AtMost, Number: 105, Unit: objective.Ratio, Comparison: objective.Of}, 1.05},
		"a name that merely begins with p": {"wait, pool", "at most 5 µs",
			objective.Objective{Measure: "wait, pool", Bound: objective.AtMost, Number: 5, Unit: "µs"}, 5},
		"a plain count": {"acknowledged inserts lost", "exactly 0",
			objective.Objective{Measure: "acknowledged inserts lost", Bound: objective.Exactly}, 0},
		"a rate with separated thousands": {"sustained inserts", "at least 10,000 a minute",
			objective.Objective{Measure: "sustained inserts", Bound: objective.AtLeast, Number: 10000, Unit: "a minute"}, 10000},
		"thousands without separators": {"sustained inserts", "at least 1234567.25 a second",
			objective.Objective{Measure: "sustained inserts", Bound: objective.AtLeast, Number: 1234567.25, Unit: "a second"}, 1234567.25},
		"a share": {"prices delivered", "at least 99.99 %",
			objective.Objective{Measure: "prices delivered", Bound: objective.AtLeast, Number: 99.99, Unit: "%"}, 99.99},
		"a share without a space": {"prices delivered", "at least 99.99%",
			objective.Objective{Measure: "prices delivered", Bound: objective.AtLeast, Number: 99.99, Unit: "%"}, 99.99},
		"one part": {"largest relative error", "at most 1 part per billion",
			objective.Objective{Measure: "largest relative error", Bound: objective.AtMost, Number: 1, Unit: "parts per billion"}, 1},
		"a tiny share": {"largest relative error", "at most 1 parts per billion",
			objective.Objective{Measure: "largest relative error", Bound: objective.AtMost, Number: 1, Unit: "parts per billion"}, 1},
		"faster than baseline": {"insert throughput", "at least 30 % faster than baseline",
			objective.Objective{Measure: "insert throughput", Bound: objective.AtLeast, Number: 30, Unit: objective.Ratio, Comparison: objective.Faster}, 1.3},
		"not slower than baseline": {"insert throughput", "at least 0 % faster than baseline",
			objective.Objective{Measure: "insert throughput", Bound: objective.AtLeast, Unit: objective.Ratio, Comparison: objective.Faster}, 1},
		"times baseline": {"float calculation (vwap)", "at least 2 × baseline",
			objective.Objective{Measure: "float calculation (vwap)", Bound: objective.AtLeast, Number: 2, Unit: objective.Ratio, Comparison: objective.Times}, 2},
		"times baseline on a plain keyboard": {"float calculation (vwap)", "at least 2x baseline",
			objective.Objective{Measure: "float calculation (vwap)", Bound: objective.AtLeast, Number: 2, Unit: objective.Ratio, Comparison: objective.Times}, 2},
		"a wish to be faster means at least": {"insert throughput", "should be 50 % faster than baseline",
			objective.Objective{Measure: "insert throughput", Bound: objective.AtLeast, Advisory: true, Number: 50, Unit: objective.Ratio, Comparison: objective.Faster}, 1.5},
		"a wish for a multiple means at least": {"float calculation", "should be 3 × baseline",
			objective.Objective{Measure: "float calculation", Bound: objective.AtLeast, Advisory: true, Number: 3, Unit: objective.Ratio, Comparison: objective.Times}, 3},
		"a wish with its direction": {"delivery lag, p50", "should be at most 20 ms",
			objective.Objective{Measure: "delivery lag", Percentile: 50, Bound: objective.AtMost, Advisory: true, Number: 20, Unit: "ms"}, 20},
		"spaces of any kind and number": {"  delivery lag ,  p95 ", "  at\u00a0most   250\u202fms ",
			objective.Objective{Measure: "delivery lag", Percentile: 95, Bound: objective.AtMost, Number: 250, Unit: "ms"}, 250},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := objective.Parse(test.measure, test.target)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.InDelta(t, test.limit, got.Limit(), 0)
			require.Equal(t, !test.want.Advisory, got.Gating())
			require.Equal(t, strings.Contains(test.target, "baseline"), got.Relative())
		})
	}
}

func TestEveryErrorShowsThePlaceAndTheWayOut(t *testing.T) {
	const lag = "delivery lag, p99"
	tests := map[string]struct {
		measure, target string
		says            []string
	}{
		"nothing":                         {lag, "", []string{`target ""`, "at its end", `"at most"`}},
		"no bound":                        {lag, "250 ms", []string{`column 1, at "250"`, "a target begins with"}},
		"half a bound":                    {lag, "at 250 ms", []string{`column 1, at "at"`}},
		"a capital letter":                {lag, "At most 250 ms", []string{`column 1, at "At"`, `"at most"`}},
		"no number":                       {lag, "at most ms", []string{`column 9, at "ms"`, "a number belongs here"}},
		"the end instead of a number":     {lag, "at most", []string{"at its end", "a number belongs here"}},
		"a negative number":               {lag, "at most -5 ms", []string{`column 9, at "-5"`, "a number belongs here"}},
		"a comma for the decimal point":   {lag, "at most 1,5 s", []string{`column 9, at "1,5"`, `decimal point as "."`}},
		"thousands in the wrong place":    {lag, "at most 10,00 ms", []string{`"10,00"`, "10,000.5"}},
		"a trailing point":                {lag, "at most 10. ms", []string{`"10."`}},
		"an exponent":                     {lag, "at most 1e9 ms", []string{`column 10, at "e9"`, "no unit"}},
		"a number beyond every sense":     {lag, "at most 1000000000000001 ms", []string{"1,000,000,000,000,000", "use a larger unit"}},
		"a number beyond every machine":   {lag, "at most 1" + strings.Repeat("0", 400) + " ms", []string{"largest number"}},
		"an unknown unit":                 {lag, "at most 250 millis", []string{`column 13, at "millis"`, "no unit", "ms", "a minute"}},
		"a unit in the plural":            {lag, "at most 5 minutes", []string{`"minutes"`, "min"}},
		"something after the unit":        {lag, "at most 250 ms sharp", []string{`column 16, at "sharp"`, "a target ends before this"}},
		"a time faster than baseline":     {"insert throughput", "at least 30 ms faster than baseline", []string{`column 16, at "faster"`, `"% faster than baseline"`}},
		"half a comparison":               {"insert throughput", "at least 30 % faster", []string{`at "faster"`, `"% faster than baseline"`}},
		"slower than baseline":            {"insert throughput", "at most 5 % slower than baseline", []string{`at "slower"`, `"% of baseline"`}},
		"times without baseline":          {"insert throughput", "at least 2 ×", []string{`column 12, at "×"`, `"× baseline"`}},
		"exactly a ratio":                 {"insert throughput", "exactly 2 × baseline", []string{`at "exactly"`, `"at least"`}},
		"a ratio of nothing":              {"insert throughput", "at least 0 × baseline", []string{`column 10, at "0"`, "more than 0"}},
		"a wish without direction":        {lag, "should be 250 ms", []string{`column 11, at "250"`, `"should be at most"`}},
		"a share of baseline as a wish":   {"history", "should be 105 % of baseline", []string{`column 11, at "105"`, `"should be at most"`}},
		"an exact wish":                   {"losses", "should be exactly 0", []string{`at "exactly"`, "a number belongs here"}},
		"an exact percentile":             {lag, "exactly 5 ms", []string{"no percentile is ever exactly"}},
		"a percentile of an experiment":   {"insert throughput, p99", "at least 2 × baseline", []string{"no percentiles", `write "insert throughput"`}},
		"no measure":                      {"  ", "exactly 0", []string{"the measure is empty"}},
		"a percentile alone":              {", p99", "at most 5 ms", []string{"no name"}},
		"p100":                            {"lag, p100", "at most 5 ms", []string{`"p100" is no percentile`, "p99.9"}},
		"p0":                              {"lag, p0", "at most 5 ms", []string{`"p0" is no percentile`}},
		"a percentile with a tail":        {"lag, p99th", "at most 5 ms", []string{`"p99th" is no percentile`}},
		"two percentiles":                 {"lag, p50, p99", "at most 5 ms", []string{"two percentiles"}},
		"both sides wrong, both said":     {"lag, p0", "at mots 5 ms", []string{`"p0"`, `"at mots 5 ms"`}},
		"a target that is no text":        {lag, "at most 5 ms\xff", []string{"UTF-8"}},
		"a measure that is no text":       {"lag\xff", "at most 5 ms", []string{"UTF-8"}},
		"columns count letters not bytes": {lag, "at most 250 µs ×", []string{`column 16, at "×"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := objective.Parse(test.measure, test.target)
			require.Error(t, err)
			require.Zero(t, got)
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
}

func TestHelpIsTrue(t *testing.T) {
	help := objective.Help()
	require.LessOrEqual(t, strings.Count(help, "\n"), 66, "one page")

	rows := regexp.MustCompile(`(?m)^  \| (.+?)\s+\| (.+?)\s+\|$`).FindAllStringSubmatch(help, -1)
	require.Len(t, rows, 10)
	for _, row := range rows[1:] {
		_, err := objective.Parse(row[1], row[2])
		require.NoError(t, err)
	}

	targets := regexp.MustCompile(`(?m)^    ((?:at least|at most|should be) .+?)(?:  .*)?$`).FindAllStringSubmatch(help, -1)
	require.Len(t, targets, 10)
	comparisons := map[objective.Comparison]bool{}
	for _, target := range targets {
		o, err := objective.Parse("anything", target[1])
		require.NoError(t, err)
		comparisons[o.Comparison] = true
	}
	require.Len(t, comparisons, 4, "every comparison is shown, and none")

	_, err := objective.Parse("anything", "at most 5 parsecs")
	require.Error(t, err)
	_, units, found := strings.Cut(err.Error(), "write one of ")
	require.True(t, found)
	units, _, _ = strings.Cut(units, ", or compare")
	_, section, found := strings.Cut(help, "\nUNIT")
	require.True(t, found)
	for unit := range strings.SplitSeq(units, ", ") {
		require.Regexp(t, `(?m)^  (.*, )?`+regexp.QuoteMeta(unit)+`(,.*)?\s\s`, section, "every unit stands in the help")
		_, err := objective.Parse("anything", "at most 5 "+unit)
		require.NoError(t, err)
	}
	for _, verdict := range []objective.Verdict{objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit, objective.NotRun} {
		require.Contains(t, help, "\n  "+string(verdict)+"  ")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"delivery lag, p99", "at most 250 ms"}, {"lost", "exactly 0"}, {"insert throughput", "at least 30 % faster than baseline"},
		{"vwap", "should be 3 × baseline"}, {"vwap", "at least 2x baseline"}, {"history, duration", "at most 105 % of baseline"},
		{"sustained inserts", "at least 10,000.5 a minute"}, {"error", "at most 1 parts per billion"}, {"lag, p0", "at mots -5 ms"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, measureName, target string) {
		o, err := objective.Parse(measureName, target)
		if err != nil {
			require.Zero(t, o)
			return
		}
		require.NotEmpty(t, o.Measure)
		require.NotEmpty(t, o.Bound)
		require.GreaterOrEqual(t, o.Limit(), 0.0)
		again, err := objective.Parse(o.Name(), o.String())
		require.NoError(t, err)
		require.Equal(t, o, again, "the plainest form means the same")
	})
}

func ExampleParse() {
	o, err := objective.Parse("delivery lag, p99", "at most 250 ms")
	fmt.Println(o.Measure, o.Percentile, o.Limit(), o.Unit, err)
	_, err = objective.Parse("delivery lag, p99", "at most 250 millis")
	fmt.Println(err)
	// Output:
	// delivery lag 99 250 ms <nil>
	// target "at most 250 millis", column 13, at "millis": this is no unit: write one of %, parts per billion, µs, ms, s, min, a second, a minute, times, bytes, KB, MB, or compare with "% faster than baseline", "× baseline" or "% of baseline"
}
