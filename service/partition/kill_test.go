package partition_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

// killer ends the connection of the manager just before its nth statement.
type killer struct {
	admin *pgxpool.Pool
	left  atomic.Int64
}

func (k *killer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if k.left.Add(-1) == 0 {
		// With the timeout it is gone when we are told so.
		_, _ = k.admin.Exec(ctx, `select pg_terminate_backend($1, 5000)`, conn.PgConn().PID())
	}
	return ctx
}

func (*killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// victim is a manager whose server process dies before its nth statement.
func victim(t *testing.T, pool *pgxpool.Pool, nth int) (*partition.Manager, *killer) {
	t.Helper()
	config := pool.Config()
	k := &killer{admin: pool}
	k.left.Store(int64(nth))
	config.ConnConfig.Tracer = k
	dying, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(dying.Close)
	return partition.New(partition.Config{Pool: dying}), k
}

func TestAVerbThatIsKilledAtAnyStatementIsCompletedByTheNext(t *testing.T) {
	seeds := map[string]func(*testing.T, *pgxpool.Pool){
		"ensure": func(t *testing.T, pool *pgxpool.Pool) {
			ticksOn(t, pool, today(), 100)
			// Large enough that attaching must not scan it.
			execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id)
				select 10, 1, $1, n, 1 from generate_series(1, 110000) n`, today().AddDate(-3, 0, 0))
		},
		"repair": func(t *testing.T, pool *pgxpool.Pool) {
			ticksOn(t, pool, today().AddDate(-3, 0, 0), 100)
			ticksOn(t, pool, today().AddDate(0, 0, -2), 100)
		},
		"retain": func(t *testing.T, pool *pgxpool.Pool) {
			require.NoError(t, managing(pool).Cover(t.Context(), "ticks", today().AddDate(0, 0, -40), today().AddDate(0, 0, -41)))
			ticksOn(t, pool, today().AddDate(0, 0, -40), 100)
			ticksOn(t, pool, today(), 100)
		},
	}
	const everything = `select (select count(*) from ticks) + (select coalesce(sum(count), 0) from
		(select (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I', relname), false, true, '')))[1]::text::bigint as count
		from pg_class where relname like 'ticks\_kept%' and relkind = 'r') kept)::bigint`
	for n, name := range []string{"ensure", "repair", "retain"} {
		t.Run(name, func(t *testing.T) {
			pool := opened(t, `drop table bars`)
			seeds[name](t, pool)
			rows := one[int64](t, pool, everything)
			killed := 0
			for nth := 1; ; nth++ {
				manager, k := victim(t, pool, nth)
				_, err := verbs(manager)[n].do(t.Context())
				require.Equal(t, rows, one[int64](t, pool, everything), "killed before statement %d", nth)
				if k.left.Load() > 0 {
					require.NoError(t, err)
					break // it ended before
				}
				killed++
			}
			require.Greater(t, killed, 10)
			_, err := verbs(managing(pool))[n].do(t.Context())
			require.NoError(t, err)
			report, err := verbs(managing(pool))[n].do(t.Context())
			require.NoError(t, err)
			require.True(t, report.Idle(), report)
			requireWhole(t, pool, "ticks_default")
			if name != "retain" {
				require.Equal(t, 0, one[int](t, pool, `select count(*) from only ticks_default where at >= $1`, today().AddDate(0, 0, -30)))
			}
			t.Logf("killed %d times", killed)
		})
	}
}

func TestTwoManagersUnderLoadAreKilledAndNobodyNotices(t *testing.T) {
	pool := opened(t)
	_, err := managing(pool).Ensure(t.Context(), time.Now())
	require.NoError(t, err)
	m, ended := trading(t, pool, today().AddDate(0, 0, -20), time.Now().UTC().Add(-time.Minute), time.Now().UTC().Add(23*time.Hour))
	for nth := 1; nth < 40; nth += 3 {
		day := today().AddDate(0, 0, -1-nth%7)
		dying, _ := victim(t, pool, nth)
		other := make(chan error, 1)
		go func() {
			_, err := managing(pool).Repair(t.Context(), time.Now())
			other <- err
		}()
		_, _ = dying.Repair(t.Context(), time.Now()) // dies or not
		require.NoError(t, <-other)
		_ = dying.Cover(t.Context(), "ticks", day)
		require.NoError(t, managing(pool).Cover(t.Context(), "ticks", day))
	}
	require.Eventually(t, func() bool { return m.reads.Load() > 50 }, time.Minute, time.Millisecond)
	ended()
	require.Equal(t, 0, one[int](t, pool, `select count(*) from ticks_default`))
}
