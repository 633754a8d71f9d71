package market_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
)

// overheard notes the text of every statement that has a plan.
type overheard struct {
	mu    sync.Mutex
	texts map[string]bool
}

func (o *overheard) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	// Postgres plans nothing for what begins, ends or locks.
	if word, _, _ := strings.Cut(strings.TrimSpace(q.SQL), " "); !slices.Contains([]string{"begin", "commit", "rollback", "lock"}, word) {
		o.texts[q.SQL] = true
	}
	return ctx
}

func (o *overheard) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestTheCatalogueHasExactlyTheStatementsThatAStoreExecutes(t *testing.T) {
	config, err := pgxpool.ParseConfig(testdb.Migrated(t))
	require.NoError(t, err)
	heard := &overheard{texts: map[string]bool{}}
	config.ConnConfig.Tracer = heard
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	everyUse(t, market.New(market.Config{Pool: pool}))

	listed := map[string]string{}
	for _, q := range market.Queries() {
		require.NotContains(t, listed, q.SQL, "%s is in the catalogue twice", q.Name)
		listed[q.SQL] = q.Name
		require.NotEmpty(t, q.Name)
		require.True(t, strings.HasSuffix(q.Says, ".") || strings.HasSuffix(q.Says, "?"), "%s is said in a sentence", q.Name)
		described, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		statement, err := described.Conn().Prepare(t.Context(), "", q.SQL)
		described.Release()
		require.NoError(t, err, q.Name)
		require.Len(t, q.Parameters, len(statement.ParamOIDs), "%s: each parameter has a name", q.Name)
	}
	for sql := range heard.texts {
		require.Contains(t, listed, sql, "a Store executes what its catalogue (queries.go) does not list:\n%s", sql)
	}
	for sql, name := range listed {
		require.Contains(t, slices.Collect(maps.Keys(heard.texts)), sql,
			"the catalogue lists %q, which no use of a Store in this test executes", name)
	}
}

// everyUse uses a Store in every way that leads to another statement.
func everyUse(t *testing.T, store *market.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := store.RegisterInstruments(ctx, []market.Instrument{{Symbol: "AAPL"}, {Symbol: "MSFT"}})
	require.NoError(t, err)
	bar := func(symbol string) market.Bar {
		return market.Bar{Symbol: symbol, Day: noon(), Open: 1, High: 1, Low: 1, Close: 1, Volume: 1}
	}
	for range 2 { // the second time nothing is new
		_, _, err = store.StoreTicks(ctx, []market.Tick{tick("AAPL", 1, 1)})
		require.NoError(t, err)
		_, _, err = store.StoreTicks(ctx, []market.Tick{tick("AAPL", 1, 1), tick("AAPL", 2, 1)})
		require.NoError(t, err)
		_, _, err = store.StoreTicks(ctx, []market.Tick{tick("AAPL", 1, 1), tick("MSFT", 1, 1)})
		require.NoError(t, err)
		_, err = store.StoreBars(ctx, []market.Bar{bar("AAPL")})
		require.NoError(t, err)
		_, err = store.StoreBars(ctx, []market.Bar{bar("AAPL"), bar("MSFT")})
		require.NoError(t, err)
	}
	day := market.Span{From: noon().Add(-time.Hour), To: noon().Add(time.Hour)}
	for _, deleted := range []market.Deleted{market.HideDeleted, market.IncludeDeleted} {
		_, err = store.Latest(ctx, "AAPL", deleted)
		require.NoError(t, err)
		_, err = store.Range(ctx, "AAPL", deleted, day, 10)
		require.NoError(t, err)
		_, err = store.VWAP(ctx, "AAPL", deleted, day)
		require.NoError(t, err)
		_, err = store.Bars(ctx, "AAPL", deleted, market.Span{})
		require.NoError(t, err)
		_, err = store.Instruments(ctx, deleted)
		require.NoError(t, err)
	}
	_, err = store.Delete(ctx, "AAPL")
	require.NoError(t, err)
	require.NoError(t, store.Restore(ctx, "AAPL"))
}
