package market_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
)

// BenchmarkMethod measures every candidate for a batch of each size, from the
// call of StoreTicks to its return, on one connection. An iteration stores a
// batch by each of them, in an order that a coin decides, so that a busy
// machine meets all alike; the figures are the medians, in microseconds a batch.
// The cluster of the tests does not wait for the disk: name a server that does
// in SIGNOFF_TEST_DATABASE.
//
//	go test -run '^$' -bench Method -benchtime 400x ./service/market
func BenchmarkMethod(b *testing.B) {
	for _, instruments := range []int{1, 50} {
		for _, size := range []int{1, 2, 5, 10, 100, 1_000, 10_000} {
			if size < instruments && instruments > 1 && size == 1 {
				continue // one tick is of one instrument
			}
			b.Run(fmt.Sprintf("instruments=%d/ticks=%d", instruments, size), func(b *testing.B) { benchmarkMethods(b, instruments, size) })
		}
	}
}

func benchmarkMethods(b *testing.B, instruments, size int) {
	b.Helper()
	var names []string
	for _, name := range market.Candidates() {
		if name != "row" || size == 1 {
			names = append(names, name)
		}
	}
	dsn := testdb.Migrated(b)
	stores := make(map[string]*market.Store, len(names))
	for _, name := range names {
		config, err := pgxpool.ParseConfig(dsn)
		require.NoError(b, err)
		config.MaxConns = 1
		pool, err := pgxpool.NewWithConfig(context.WithoutCancel(b.Context()), config)
		require.NoError(b, err)
		b.Cleanup(pool.Close)
		stores[name] = market.New(market.Config{Pool: pool}).By(name)
	}
	listed := make([]market.Instrument, instruments)
	for i := range listed {
		listed[i].Symbol = fmt.Sprintf("S%d", i)
	}
	_, err := stores[names[0]].RegisterInstruments(b.Context(), listed)
	require.NoError(b, err)

	at, trade := time.Now().UTC().Truncate(time.Microsecond), int64(0)
	batch := func() []market.Tick {
		ticks := make([]market.Tick, size)
		for i := range ticks {
			trade++
			ticks[i] = market.Tick{
				Symbol: listed[i%instruments].Symbol, At: at.Add(time.Duration(trade) * time.Microsecond), Trade: trade, Price: 101.5, Volume: 10,
			}
		}
		return ticks
	}
	took := make(map[string][]float64, len(names))
	round := func(keep bool) {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			ticks := batch()
			began := time.Now()
			_, counts, err := stores[name].StoreTicks(b.Context(), ticks)
			d := time.Since(began)
			require.NoError(b, err)
			require.Equal(b, size, counts.Stored)
			if keep {
				took[name] = append(took[name], float64(d)/float64(time.Microsecond))
			}
		}
	}
	for range 10 { // until the plans are generic
		round(false)
	}
	b.ResetTimer()
	for range b.N {
		round(true)
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range names {
		slices.Sort(took[name])
		b.ReportMetric(took[name][len(took[name])/2], name+"-µs")
	}
}
