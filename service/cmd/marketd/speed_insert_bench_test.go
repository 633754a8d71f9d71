package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
)

// benchInserts writes as fast as it can in blocks with and without monitoring,
// by turns and in the order of a coin. With it, a whole marketd watches the
// database and the statements are timed; without it, marketd is stopped where
// it is and nothing is timed. A stopped marketd looks as soon as it goes on, so
// that it looks about twice as often as it would: that counts against it.
func benchInserts(b *testing.B, program marketdProgram) {
	const pairs, block, settle = 60, 500 * time.Millisecond, 50 * time.Millisecond
	m := program.start(b)
	w := startWriters(b, program.database)
	rate := func(on bool) float64 {
		require.NoError(b, syscall.Kill(m.pid, map[bool]syscall.Signal{true: syscall.SIGCONT, false: syscall.SIGSTOP}[on]))
		w.watched.Store(on)
		<-time.After(settle)
		rows, began := w.rows.Load(), time.Now()
		<-time.After(block)
		return float64(w.rows.Load()-rows) / time.Since(began).Seconds()
	}
	rate(true)
	rate(false)
	var logs, off []float64
	for range pairs {
		var with, without float64
		if coin() {
			with, without = rate(true), rate(false)
		} else {
			without, with = rate(false), rate(true)
		}
		logs, off = append(logs, math.Log(with/without)), append(off, without)
	}
	require.NoError(b, syscall.Kill(m.pid, syscall.SIGCONT))
	w.stop(b)
	center, spread := stat.MeanStdDev(logs, nil)
	half := distuv.StudentsT{Sigma: 1, Nu: pairs - 1}.Quantile(0.975) * spread / math.Sqrt(pairs)
	ratio, low, high := 100*math.Exp(center), 100*math.Exp(center-half), 100*math.Exp(center+half)
	told := "held"
	switch {
	case high < 99:
		told = "MISSED"
	case low < 99:
		told = "the pairs cannot tell"
	}
	b.ReportMetric(ratio, "%of-unwatched")
	b.Logf("inserts with monitoring against without: %.2f %% (95 %%: %.2f to %.2f), %d pairs of %s, %.0f rows/s without; limit 99 %%: %s",
		ratio, low, high, pairs, block, stat.Mean(off, nil), told)
}

// writers store batches without a pause.
type writers struct {
	rows    atomic.Int64
	watched atomic.Bool
	halt    context.CancelFunc
	running sync.WaitGroup
	failure atomic.Value
}

func startWriters(b *testing.B, dsn string) *writers {
	const clients, batch, instruments = 2, 500, 50
	watched := writingStore(b, dsn, monitor.NewRecorder(statementNames()))
	plain := writingStore(b, dsn, nil)
	named := make([]market.Instrument, instruments)
	for i := range named {
		named[i].Symbol = fmt.Sprintf("SPEED%d", i)
	}
	_, err := plain.RegisterInstruments(b.Context(), named)
	require.NoError(b, err)
	w := &writers{}
	ctx, halt := context.WithCancel(b.Context())
	w.halt = halt
	for client := range clients {
		w.running.Go(func() {
			for n := int64(0); ctx.Err() == nil; n++ {
				ticks := make([]market.Tick, batch)
				for i := range ticks {
					ticks[i] = market.Tick{
						Symbol: named[i%instruments].Symbol, At: time.Now(), Trade: (n*clients+int64(client))*batch + int64(i),
						Price: 1.25, Volume: 1,
					}
				}
				store := plain
				if w.watched.Load() {
					store = watched
				}
				if _, _, err := store.StoreTicks(ctx, ticks); err != nil && ctx.Err() == nil {
					w.failure.Store(err)
					return
				}
				w.rows.Add(batch)
			}
		})
	}
	return w
}

// writingStore is a store on a pool as serve opens it; without a recorder no
// statement is timed.
func writingStore(b *testing.B, dsn string, recorder *monitor.Recorder) *market.Store {
	b.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(b, err)
	config = servedPool(config, serveOptions{connections: 2, wait: time.Second, waiting: 10}, recorder)
	if recorder == nil {
		config.ConnConfig.Tracer = untimed{&market.Admission{Wait: time.Second, Waiting: 10}}
	}
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	return market.New(market.Config{Pool: pool})
}

// untimed is the tracer of serve without its clock.
type untimed struct{ *market.Admission }

func (untimed) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (untimed) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (w *writers) stop(b *testing.B) {
	b.Helper()
	w.halt()
	w.running.Wait()
	require.Nil(b, w.failure.Load(), "a writer gave up")
}
