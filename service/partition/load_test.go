package partition_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/partition"
)

// market writes and reads beside the manager: writers store through the
// parent, readers count all of it. Every answer is checked against what was
// acknowledged before the question and attempted before the answer.
type market struct {
	pool  *pgxpool.Pool
	since time.Time // rows before are not counted: they may be detached
	days  []time.Time

	acknowledged, attempted atomic.Int64
	trade                   atomic.Int64
	reads                   atomic.Int64
	base                    int64

	mu       sync.Mutex
	problems []error
}

// trading starts the market. The function that it returns ends it and fails
// the test if anybody met an error or missed a row.
func trading(t *testing.T, pool *pgxpool.Pool, since time.Time, days ...time.Time) (m *market, ended func()) {
	t.Helper()
	m = &market{pool: pool, since: since, days: days, base: one[int64](t, pool, `select count(*) from ticks where at >= $1`, since)}
	m.trade.Store(1_000_000)
	ctx, stop := contextOf(t)
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() { m.write(ctx, n) })
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec} {
		all.Go(func() { m.read(ctx, mode) })
	}
	return m, func() {
		t.Helper()
		stop()
		all.Wait()
		require.NoError(t, errors.Join(m.problems...))
		require.Equal(t, m.base+m.acknowledged.Load(), one[int64](t, pool, `select count(*) from ticks where at >= $1`, since))
		require.Positive(t, m.acknowledged.Load())
		require.Positive(t, m.reads.Load())
	}
}

func (m *market) complain(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems = append(m.problems, err)
}

func (m *market) write(ctx context.Context, worker int) {
	for n := worker; ctx.Err() == nil; n++ {
		m.attempted.Add(5)
		// A writer who was told to stop finishes its statement.
		_, err := m.pool.Exec(context.WithoutCancel(ctx), `insert into ticks (price, volume, at, trade, instrument_id)
			select 10, 1, $1::timestamptz + n * interval '1 second', $2::bigint + n, 1 + n from generate_series(0, 4) n`,
			m.days[n%len(m.days)], m.trade.Add(10))
		if err != nil {
			m.complain(fmt.Errorf("writing: %w", err))
			return
		}
		m.acknowledged.Add(5)
	}
}

func (m *market) read(ctx context.Context, mode pgx.QueryExecMode) {
	for ctx.Err() == nil {
		least := m.base + m.acknowledged.Load()
		var found int64
		err := m.pool.QueryRow(context.WithoutCancel(ctx), `select count(*) from ticks where at >= $1`, mode, m.since).Scan(&found)
		most := m.base + m.attempted.Load()
		if err == nil && (found < least || found > most) {
			err = fmt.Errorf("%d rows were seen, of %d to %d", found, least, most)
		}
		if err != nil {
			m.complain(fmt.Errorf("reading (%s): %w", mode, err))
			return
		}
		m.reads.Add(1)
	}
}

func TestNobodyMissesARowDuringAnyVerb(t *testing.T) {
	pool := opened(t)
	hour := time.Now().UTC().Add(-time.Minute)
	forgotten := today().AddDate(0, 0, -2)
	ticksOn(t, pool, forgotten, 3000)
	for n := 30; n < 36; n++ {
		ticksOn(t, pool, today().AddDate(0, 0, -n), 100)
	}
	_, ended := trading(t, pool, today().AddDate(0, 0, -20),
		hour, hour.Add(23*time.Hour), forgotten, today().AddDate(0, 0, -4), today().AddDate(0, 0, -7))
	managers := []*partition.Manager{managing(pool), managing(pool)}
	for round := range 3 {
		for _, verb := range verbs(managers[round%2]) {
			report, err := verb.do(t.Context())
			require.NoError(t, err, verb.name)
			t.Logf("%s: made %d, moved %d, detached %d, skipped %q", verb.name,
				len(report.Created), report.Moved, len(report.Detached), report.Skipped)
		}
		// The day goes wrong while the market is open.
		execute(t, pool, fmt.Sprintf(`begin; lock table only ticks in access exclusive mode;
			alter table ticks detach partition %[1]s; insert into ticks select * from %[1]s; drop table %[1]s; commit`, tick(forgotten)))
	}
	ended()
}

type verb struct {
	name string
	do   func(context.Context) (partition.Report, error)
}

func verbs(m *partition.Manager) []verb {
	return []verb{
		{"ensure", func(ctx context.Context) (partition.Report, error) { return m.Ensure(ctx, time.Now()) }},
		{"repair", func(ctx context.Context) (partition.Report, error) { return m.Repair(ctx, time.Now()) }},
		{"retain", func(ctx context.Context) (partition.Report, error) { return m.Retain(ctx, time.Now(), days(20)) }},
	}
}
