package monitor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/monitor"
)

func TestInsertRatesComeFromCountersThatMayBeReset(t *testing.T) {
	type counters = map[uint32]int64
	tests := map[string]struct {
		looks     []counters
		perSecond any // nil is unknown
		inserting any
		since     int64
	}{
		"one look is no rate":                     {[]counters{{1: 500}}, nil, nil, 0},
		"nothing arrives":                         {[]counters{{1: 500}, {1: 500}}, 0.0, nil, 0},
		"rows of all leaves add up":               {[]counters{{1: 500, 2: 7}, {1: 600, 2: 57}}, 150.0, 150.0, 150},
		"pauses count in one rate, not the other": {[]counters{{1: 0}, {1: 100}, {1: 100}, {1: 100}, {1: 200}}, 50.0, 100.0, 200},
		"a new partition has all its rows since":  {[]counters{{1: 5}, {1: 5, 9: 30}}, 30.0, 30.0, 30},
		"a dropped partition takes nothing away":  {[]counters{{1: 5, 9: 30}, {1: 8}}, 3.0, 3.0, 3},
		"a reset counts what came after it":       {[]counters{{1: 1000}, {1: 40}}, 40.0, 40.0, 40},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := monitor.Arrivals(test.looks...)
			requireFigure(t, test.perSecond, got.RowsPerSecond)
			requireFigure(t, test.inserting, got.RowsPerSecondWhileInserting)
			require.Equal(t, test.since, got.RowsSinceStart)
		})
	}
}

func TestTheInsertRateForgetsAfterTenSeconds(t *testing.T) {
	looks := []map[uint32]int64{{1: 0}, {1: 1000}}
	for range 9 {
		looks = append(looks, map[uint32]int64{1: 1000})
	}
	requireFigure(t, 100.0, monitor.Arrivals(looks...).RowsPerSecond)
	looks = append(looks, map[uint32]int64{1: 1000})
	got := monitor.Arrivals(looks...)
	requireFigure(t, 0.0, got.RowsPerSecond)
	requireFigure(t, 1000.0, got.RowsPerSecondWhileInserting)
}

func TestTheCacheRatioIsOfTheLastMinute(t *testing.T) {
	tests := map[string]struct {
		looks          [][2]int64
		recent, always any
	}{
		"a fresh server":             {[][2]int64{{0, 0}, {0, 0}}, nil, nil},
		"one look":                   {[][2]int64{{90, 10}}, nil, 0.9},
		"only what was read since":   {[][2]int64{{0, 1000}, {75, 1025}}, 0.75, 75.0 / 1100},
		"a reset":                    {[][2]int64{{1000, 1000}, {9, 1}}, 0.9, 0.9},
		"what was long ago is past":  {append([][2]int64{{0, 0}, {0, 50}}, repeat([2]int64{0, 50}, 60)...), nil, 0.0},
		"what was just now is still": {append([][2]int64{{0, 0}, {0, 50}}, repeat([2]int64{0, 50}, 59)...), 0.0, 0.0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := monitor.Blocks(test.looks...)
			requireFigure(t, test.recent, got.HitRatio)
			requireFigure(t, test.always, got.HitRatioSinceReset)
		})
	}
}

func TestLatenciesAreThoseOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := monitor.NewRecorder()
		require.Nil(t, r.Queries().P99MS)
		for i := 1; i <= 1000; i++ {
			r.Record("", time.Duration(i)*time.Millisecond)
		}
		q := r.Queries()
		require.EqualValues(t, 1000, q.Count)
		require.InEpsilon(t, 500, *q.P50MS, 0.01)
		require.InEpsilon(t, 950, *q.P95MS, 0.01)
		require.InEpsilon(t, 990, *q.P99MS, 0.01)

		<-time.After(49 * time.Second)
		r.Record("", time.Millisecond)
		require.EqualValues(t, 1001, r.Queries().Count)
		<-time.After(12 * time.Second)
		require.EqualValues(t, 1, r.Queries().Count)
		<-time.After(time.Hour)
		require.Zero(t, r.Queries().Count)
		require.Nil(t, r.Queries().P50MS)
	})
}

func TestStatementsAreCountedUnderTheirNames(t *testing.T) {
	tests := map[string]struct {
		sql     string
		name    string
		counted bool
	}{
		"a named statement":           {"-- name: latest_price\nselect 1", "latest_price", true},
		"with words after the name":   {"\n  -- name: vwap :one\nselect 1", "vwap", true},
		"an unnamed statement":        {"select 1", "", true},
		"a name that is missing":      {"-- name:\nselect 1", "", true},
		"another comment":             {"-- latest price\nselect 1", "", true},
		"a commit is what is durable": {"commit", "commit", true},
		"a begin is no work":          {"begin isolation level serializable", "", false},
		"a rollback is no work":       {"ROLLBACK;", "", false},
		"nothing":                     {"", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := monitor.NewRecorder()
				ctx := r.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: test.sql})
				<-time.After(20 * time.Millisecond)
				r.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
				q := r.Queries()
				if !test.counted {
					require.Zero(t, q.Count)
					return
				}
				require.EqualValues(t, 1, q.Count)
				require.InEpsilon(t, 20, *q.P50MS, 0.01)
				if test.name == "" {
					require.Empty(t, q.ByStatement)
					return
				}
				require.Equal(t, test.name, q.ByStatement[0].Name)
			})
		})
	}
}

func TestBatchesAndCopiesAreTimedAsOne(t *testing.T) {
	r := monitor.NewRecorder()
	batch := r.TraceBatchStart(t.Context(), nil, pgx.TraceBatchStartData{})
	r.TraceBatchQuery(batch, nil, pgx.TraceBatchQueryData{})
	r.TraceBatchEnd(batch, nil, pgx.TraceBatchEndData{})
	r.TraceCopyFromEnd(r.TraceCopyFromStart(t.Context(), nil, pgx.TraceCopyFromStartData{}), nil, pgx.TraceCopyFromEndData{})
	r.TraceQueryEnd(context.Background(), nil, pgx.TraceQueryEndData{}) // never began
	q := r.Queries()
	require.EqualValues(t, 2, q.Count)
	require.Equal(t, []string{"batch", "copy"}, []string{q.ByStatement[0].Name, q.ByStatement[1].Name})
}

func TestAFloodOfNamesIsBounded(t *testing.T) {
	r := monitor.NewRecorder()
	for i := range 1000 {
		r.Record(fmt.Sprint("statement ", i), time.Hour)
	}
	q := r.Queries()
	require.EqualValues(t, 1000, q.Count)
	require.Len(t, q.ByStatement, 32)
	require.InEpsilon(t, 60_000, *q.P99MS, 0.01, "the histogram ends at a minute")
}

func TestASnapshotGrowsOld(t *testing.T) {
	taken := time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC)
	s := monitor.Snapshot{Status: monitor.Pass, CheckedAt: taken, Reasons: []string{}}
	require.Equal(t, monitor.Pass, s.At(taken.Add(10*time.Second)).Status)
	require.EqualValues(t, 10_000, s.At(taken.Add(10*time.Second)).AgeMS)

	old := s.At(taken.Add(10001 * time.Millisecond))
	require.Equal(t, monitor.Fail, old.Status)
	require.Equal(t, []string{monitor.Outdated}, old.Reasons)
	require.Empty(t, s.Reasons)
	require.Zero(t, s.At(taken.Add(-time.Hour)).AgeMS, "a clock that was set back")
}

func requireFigure(t *testing.T, want any, got *float64) {
	t.Helper()
	if want == nil {
		require.Nil(t, got)
		return
	}
	require.NotNil(t, got)
	require.InDelta(t, want, *got, 1e-9)
}

func repeat(counters [2]int64, n int) [][2]int64 {
	looks := make([][2]int64, n)
	for i := range looks {
		looks[i] = counters
	}
	return looks
}
