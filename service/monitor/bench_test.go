package monitor_test

import (
	"fmt"
	"testing"

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
