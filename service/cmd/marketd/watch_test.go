package main

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
)

func TestEveryStatementOfTheCatalogueIsCountedUnderItsName(t *testing.T) {
	recorder := monitor.NewRecorder(statementNames())
	wanted := []string{}
	for _, q := range market.Queries() {
		wanted = append(wanted, q.Name)
		recorder.TraceQueryEnd(recorder.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: q.SQL}), nil, pgx.TraceQueryEndData{})
	}
	counted := []string{}
	for _, s := range recorder.Queries().ByStatement {
		counted = append(counted, s.Name)
	}
	require.ElementsMatch(t, wanted, counted)
}

func TestTheMonitorHearsOfPartitionsAndOfWhatWasStored(t *testing.T) {
	pool, err := monitor.OpenPool(t.Context(), testdb.Migrated(t))
	require.NoError(t, err)
	defer pool.Close()
	seen, err := partitionsOn(pool, partition.Keep{})(t.Context())
	require.NoError(t, err)
	require.Len(t, seen.Tables, 2)
	require.Equal(t, "ticks", seen.Tables[0].Table)
	require.NotEmpty(t, seen.Tables[0].Partitions)
	require.Positive(t, seen.Tables[0].LookAheadHours)

	served, err := pgxpool.New(t.Context(), testdb.Migrated(t))
	require.NoError(t, err)
	defer served.Close()
	store := market.New(market.Config{Pool: served})
	tell := writtenBy(store)
	require.Zero(t, tell())
	_, err = store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}})
	require.NoError(t, err)
	ticks := []market.Tick{{Symbol: "AAPL", At: time.Now(), Trade: 1, Price: 1, Volume: 1}}
	for range 2 { // the second time nothing is new
		_, _, err = store.StoreTicks(t.Context(), ticks)
		require.NoError(t, err)
	}
	bar := market.Bar{Symbol: "AAPL", Day: time.Now().AddDate(0, 0, -1), Open: 1, High: 1, Low: 1, Close: 1, Volume: 1}
	_, err = store.StoreBars(t.Context(), []market.Bar{bar})
	require.NoError(t, err)
	require.EqualValues(t, 2, tell().Rows)
	require.Positive(t, tell().Took)
}
