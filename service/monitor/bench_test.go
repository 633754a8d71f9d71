package monitor_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

// BenchmarkLook tells how long a look takes on the few partitions of a new
// database and on a thousand more: one that reads what each look reads, and
// one that reads every part, of which there is about one a minute.
//
//	go test ./service/monitor -run '^$' -bench Look
func BenchmarkLook(b *testing.B) {
	for _, partitions := range []int{0, 1000} {
		dsn := testdb.Migrated(b)
		conn, err := pgx.Connect(b.Context(), dsn)
		require.NoError(b, err)
		for i := range partitions {
			_, err := conn.Exec(b.Context(), fmt.Sprintf(`create table later_%[1]d partition of ticks
				for values from ('2100-01-01'::timestamptz + %[1]d * interval '1 day') to ('2100-01-02'::timestamptz + %[1]d * interval '1 day')`, i))
			require.NoError(b, err)
		}
		require.NoError(b, conn.Close(b.Context()))
		pool, err := monitor.OpenPool(b.Context(), dsn)
		require.NoError(b, err)
		b.Cleanup(pool.Close)
		for name, anew := range map[string]bool{"each": false, "every part": true} {
			b.Run(fmt.Sprintf("%s/%d partitions more", name, partitions), func(b *testing.B) {
				look := monitor.NewLook(monitor.Config{Pool: pool})
				require.Empty(b, look.Take(b.Context()).Stale)
				for b.Loop() {
					if anew {
						look.Anew()
					}
					require.Empty(b, look.Take(b.Context()).Stale)
				}
			})
		}
	}
}

// frames counts the seconds of a service that runs.
type frames chan struct{}

// Broadcast implements monitor.Publisher.
func (f frames) Broadcast(channel string, _ any) {
	if channel == monitor.Channel {
		f <- struct{}{}
	}
}

// BenchmarkWatchedSecond tells what a second of watching an idle database
// costs this process, as a share of a core. What it costs the server is in the
// server's own accounts.
//
//	go test ./service/monitor -run '^$' -bench WatchedSecond -benchtime 60x
func BenchmarkWatchedSecond(b *testing.B) {
	dsn := testdb.Migrated(b)
	own, err := monitor.OpenPool(b.Context(), dsn)
	require.NoError(b, err)
	defer own.Close()
	queries := monitor.NewRecorder()
	for i := range 20 {
		queries.Record(fmt.Sprint("statement ", i), time.Millisecond)
	}
	heard := make(frames)
	s := monitor.New(monitor.Config{Pool: own, Served: own, Queries: queries, Publish: heard})
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	<-heard
	before, began := processorTime(b), time.Now()
	for b.Loop() {
		<-heard
	}
	took := time.Since(began)
	b.ReportMetric(100*float64(processorTime(b)-before)/float64(took), "%core")
	cancel()
	require.NoError(b, <-ran)
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
