package report_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/report"
)

func TestFiguresAreWrittenForPeople(t *testing.T) {
	tests := map[string]struct{ got, want string }{
		"a whole number stays whole":            {report.Number(250), "250"},
		"thousands are separated":               {report.Number(148220), "148,220"},
		"above a hundred no digits behind":      {report.Number(201.4), "201"},
		"three significant digits":              {report.Number(18.43), "18.4"},
		"three significant digits below ten":    {report.Number(1.6234), "1.62"},
		"three significant digits below one":    {report.Number(0.2104), "0.21"},
		"rounding does not add a digit":         {report.Number(9.9996), "10"},
		"a negative number has a minus":         {report.Number(-1234), "−1,234"},
		"zero is never negative":                {report.Number(math.Copysign(0, -1)), "0"},
		"a tiny number is a power of ten":       {report.Number(3.1e-12), "3.1\u00a0×\u00a010⁻¹²"},
		"a plain power of ten":                  {report.Number(1e-9), "10⁻⁹"},
		"no number is a dash":                   {report.Number(math.NaN()), "–"},
		"infinity is a dash":                    {report.Number(math.Inf(1)), "–"},
		"counts":                                {report.Count(1000000), "1,000,000"},
		"negative counts":                       {report.Count(-1000), "−1,000"},
		"what is missing of a hundred per cent": {report.Percent(99.99817), "99.99817"},
		"a whole hundred per cent":              {report.Percent(100), "100"},
		"half":                                  {report.Percent(50), "50"},
		"a coarse share":                        {report.Rounded(.193), "19\u00a0%"},
		"a small share":                         {report.Rounded(.0031), "0.3\u00a0%"},
		"less than anybody reads":               {report.Rounded(.0001), "less than 0.1\u00a0%"},
		"seconds":                               {report.Span(.12), "0.12\u00a0s"},
		"minutes":                               {report.Span(161), "2\u00a0min 41\u00a0s"},
		"whole minutes":                         {report.Span(180), "3\u00a0min"},
		"hours":                                 {report.Span(3840), "1\u00a0h 4\u00a0min"},
		"memory":                                {report.Size(8 << 30), "8\u00a0GiB"},
		"little memory":                         {report.Size(512 << 20), "512\u00a0MiB"},
		"a moment is in UTC":                    {report.Moment(time.Date(2025, 6, 12, 11, 41, 0, 0, time.FixedZone("", 7200))), "Thu 12 June 2025, 09:41\u00a0UTC"},
		"no moment is nothing":                  {report.Moment(time.Time{}), ""},
		"text for a style sheet":                {report.CSSString("a\"}</style>"), `"a\000022\00007d\00003c\00002fstyle\00003e"`},
		"a letter after a number in a style":    {report.CSSString("é1"), `"\0000e91"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, test.got) })
	}
}

func TestAnIntervalHasOneScale(t *testing.T) {
	require.Equal(t, []string{"1.62", "1.55", "1.70"}, report.Alike("× baseline", 1.6234, 1.551, 1.7))
	require.Equal(t, []string{"41.2", "38.0", "45.3"}, report.Alike("ms", 41.2, 38, 45.3))
	require.Equal(t, []string{"201", "199", "202"}, report.Alike("ms", 200.9, 199.2, 202.4))
	require.Equal(t, []string{"99.9982", "99.9967", "99.9991"}, report.Alike("%", 99.99817, 99.99672, 99.99909))
	require.Equal(t, []string{"100", "99.99963", "100"}, report.Alike("%", 100, 99.99963, 100))
}

func TestAnAxisStartsAtZeroAndCoversEverything(t *testing.T) {
	for _, highest := range []float64{.0003, .7, 1, 1.05, 3.1, 12018, 1e9} {
		ticks := report.Ticks(highest, 4)
		require.Zero(t, ticks[0])
		require.GreaterOrEqual(t, ticks[len(ticks)-1]*1.0001, highest)
		require.LessOrEqual(t, len(ticks), 6)
	}
	require.Len(t, report.Ticks(0, 4), 5, "nothing measured still has an axis")
	require.Len(t, report.Ticks(math.Inf(1), 4), 5)
}
