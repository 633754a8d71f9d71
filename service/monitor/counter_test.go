package monitor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/monitor"
)

func TestCountersThatFallNeverGiveNegativeRates(t *testing.T) {
	tests := map[string]struct {
		sums      bool
		readings  []float64
		grown     float64
		perSecond any
	}{
		"one reading is no rate":                        {false, []float64{500}, 0, nil},
		"growth adds up":                                {false, []float64{500, 510, 530}, 30, 15.0},
		"a reset counts what came after it":             {false, []float64{500, 510, 4}, 14, 7.0},
		"a sum that fell lost a table and says no more": {true, []float64{500, 510, 4, 6}, 12, 4.0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			grown, perSecond := monitor.Growth(test.sums, test.readings...)
			require.InDelta(t, test.grown, grown, 0)
			requireFigure(t, test.perSecond, perSecond)
		})
	}
	long := make([]float64, 100)
	for i := range long {
		long[i] = float64(i)
	}
	grown, _ := monitor.Growth(false, long...)
	require.InDelta(t, 60, grown, 0, "what is past is forgotten")
}

func TestWhatIsAMinutePastIsForgottenAtTheReadingNearestToIt(t *testing.T) {
	const minute, early = time.Minute, 2 * time.Millisecond
	require.InDelta(t, 1, monitor.GrowthAfter(minute-time.Second/2), 0)
	require.Zero(t, monitor.GrowthAfter(minute))
	require.Zero(t, monitor.GrowthAfter(minute-early), "readings do not come on the dot")
}

func TestTheBaselineIsTheMedianOfTheMinutesWithInserts(t *testing.T) {
	tests := map[string]struct {
		rates []float64
		want  any
	}{
		"nothing yet":                 {nil, nil},
		"four minutes are too few":    {[]float64{10, 10, 10, 10}, nil},
		"five are enough":             {[]float64{10, 30, 20, 50, 40}, 30.0},
		"of an even number the mean":  {[]float64{10, 20, 30, 40, 50, 60}, 35.0},
		"minutes without are no zero": {[]float64{10, 0, 0, 0, 30, 20, 0, 50, 40}, 30.0},
		"an outlier moves nothing":    {[]float64{10, 10, 10, 10, 1e9}, 10.0},
		"an hour ago is forgotten":    {append([]float64{1, 1, 1, 1, 1}, constant(7, 60)...), 7.0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { requireFigure(t, test.want, monitor.Usual(test.rates...)) })
	}
}

func constant(rate float64, n int) []float64 {
	rates := make([]float64, n)
	for i := range rates {
		rates[i] = rate
	}
	return rates
}

func TestHowFastTheServiceStoresDoesNotHangOnHowMuchIsTraded(t *testing.T) {
	got := monitor.Writing(
		monitor.Written{Rows: 100},
		monitor.Written{Rows: 300, Took: 100 * time.Millisecond},
		monitor.Written{Rows: 300, Took: 100 * time.Millisecond},
		monitor.Written{Rows: 500, Took: 200 * time.Millisecond},
	)
	require.EqualValues(t, 500, got.RowsSinceStart)
	requireFigure(t, 400.0/3, got.RowsPerSecond)
	requireFigure(t, 2000.0, got.RowsPerWritingSecond)
	requireFigure(t, nil, monitor.Writing(monitor.Written{}, monitor.Written{Took: time.Second}).RowsPerWritingSecond)
}

func TestAStatementOfTheCatalogueIsCountedUnderItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := monitor.NewRecorder(map[string]string{"\n\t\tselect 1": "latest price"})
		ctx := r.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: "\n\t\tselect 1"})
		<-time.After(20 * time.Millisecond)
		r.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
		require.Equal(t, "latest price", r.Queries().ByStatement[0].Name)
	})
}

func TestTheSlowestStatementsAreToldForFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := monitor.NewRecorder()
		names := func() (names []string) {
			for _, s := range r.Queries().Slowest {
				names = append(names, s.Name)
			}
			return names
		}
		r.Record("quick", time.Millisecond)
		r.Record("slow", time.Second)
		r.Record("slow", 2*time.Second)
		r.Record("slow", time.Millisecond)
		r.Record("", time.Minute)
		require.Equal(t, []string{"other", "slow", "quick"}, names())
		require.InDelta(t, 2000, r.Queries().Slowest[1].MS, 0)

		<-time.After(4 * time.Minute)
		r.Record("slow", time.Second)
		require.InDelta(t, 2000, r.Queries().Slowest[1].MS, 0)
		<-time.After(time.Minute)
		require.Equal(t, []string{"slow"}, names())
		require.InDelta(t, 1000, r.Queries().Slowest[0].MS, 0)
		for i := range 20 {
			r.Record(string(rune('a'+i)), time.Second)
		}
		require.Len(t, r.Queries().Slowest, 10)
	})
}

func TestStatementsFitTheVersionOfTheServer(t *testing.T) {
	tests := map[string]struct {
		version         int
		checkpoints, io string
	}{
		"15": {150004, "pg_stat_bgwriter", ""},
		"16": {160002, "pg_stat_bgwriter", "op_bytes"},
		"17": {170000, "pg_stat_checkpointer", "op_bytes"},
		"18": {180001, "pg_stat_checkpointer", "read_bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, monitor.CheckpointSQL(test.version), test.checkpoints)
			if test.io == "" {
				require.Empty(t, monitor.IOSQL(test.version))
				return
			}
			require.Contains(t, monitor.IOSQL(test.version), test.io)
		})
	}
	require.NotContains(t, monitor.IOSQL(180000), "op_bytes")
}

func TestPercentilesAreByNearestRankAndOnePerCentRight(t *testing.T) {
	require.Zero(t, monitor.Percentiles().Count)
	for us := int64(1); us < 60_000_000; us = us*101/100 + 1 {
		for _, near := range []int64{us, us + us/200} {
			require.InEpsilon(t, float64(near)/1000, *monitor.Percentiles(near).P50MS, 0.01, "%d us alone", near)
			require.InEpsilon(t, float64(near)/1000, *monitor.Percentiles(near, 60_000_000).P50MS, 0.01, "%d us and a minute", near)
		}
	}
	tests := map[string]struct {
		us            []int64
		p50, p95, p99 float64
	}{
		"one":                           {[]int64{7}, 0.007, 0.007, 0.007},
		"two: the half is the first":    {[]int64{1000, 3000}, 1, 3, 3},
		"nothing is less than a tick":   {[]int64{0, -5}, 0.001, 0.001, 0.001},
		"nothing is more than a minute": {[]int64{1 << 40}, 60_000, 60_000, 60_000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := monitor.Percentiles(test.us...)
			require.InEpsilon(t, test.p50, *got.P50MS, 0.01)
			require.InEpsilon(t, test.p95, *got.P95MS, 0.01)
			require.InEpsilon(t, test.p99, *got.P99MS, 0.01)
		})
	}
}
