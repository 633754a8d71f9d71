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
