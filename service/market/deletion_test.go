package market_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/market"
)

func hidesADeletedInstrumentUntilItIsRestored(t *testing.T, d *database) {
	t.Helper()
	store := d.store("AAPL", "MSFT")
	other := d.store() // another replica, which knows the numbers already
	for _, s := range []*market.Store{store, other} {
		_, _, err := s.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 1, 1)})
		require.NoError(t, err)
	}
	_, err := store.StoreBars(t.Context(), []market.Bar{bar("AAPL", 4, 1)})
	require.NoError(t, err)

	began := time.Now()
	at, err := store.Delete(t.Context(), "AAPL")
	require.NoError(t, err)
	require.WithinDuration(t, began, at, time.Minute)
	again, err := other.Delete(t.Context(), "AAPL")
	require.NoError(t, err)
	require.Equal(t, at, again, "it has been deleted since the first time")

	for _, s := range []*market.Store{store, other} {
		isHidden(t, s)
		isRefused(t, s)
		latest, err := s.Latest(t.Context(), "AAPL", market.IncludeDeleted)
		require.NoError(t, err)
		require.Equal(t, tick("AAPL", 1, 1), latest)
		ticks, err := s.Range(t.Context(), "AAPL", market.IncludeDeleted, market.Span{}, 9)
		require.NoError(t, err)
		require.Len(t, ticks, 1)
		_, err = s.VWAP(t.Context(), "AAPL", market.IncludeDeleted, market.Span{})
		require.NoError(t, err)
		bars, err := s.Bars(t.Context(), "AAPL", market.IncludeDeleted, market.Span{})
		require.NoError(t, err)
		require.Len(t, bars, 1)
	}
	require.NoError(t, other.Restore(t.Context(), "AAPL"))
	require.NoError(t, other.Restore(t.Context(), "AAPL"), "a second time changes nothing")
	_, counts, err := store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 1, 1), tick("AAPL", 2, 1)})
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: 1}, counts)

	var unknown *market.UnknownInstrument
	_, err = store.Delete(t.Context(), "NOPE")
	require.ErrorAs(t, err, &unknown)
	require.ErrorAs(t, store.Restore(t.Context(), "NOPE"), &unknown)
	var invalid *market.Invalid
	_, err = store.Delete(t.Context(), "")
	require.ErrorAs(t, err, &invalid)
}

func isHidden(t *testing.T, store *market.Store) {
	t.Helper()
	var unknown *market.UnknownInstrument
	_, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorAs(t, err, &unknown)
	_, err = store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{}, 9)
	require.ErrorAs(t, err, &unknown)
	_, err = store.VWAP(t.Context(), "AAPL", market.HideDeleted, market.Span{})
	require.ErrorAs(t, err, &unknown)
	_, err = store.Bars(t.Context(), "AAPL", market.HideDeleted, market.Span{})
	require.ErrorAs(t, err, &unknown)
	for deleted, want := range map[market.Deleted]string{
		market.HideDeleted: "MSFT", market.OnlyDeleted: "AAPL", market.IncludeDeleted: "AAPL MSFT",
	} {
		list, err := store.Instruments(t.Context(), deleted)
		require.NoError(t, err)
		symbols := []string{}
		for _, in := range list {
			symbols = append(symbols, in.Symbol)
			require.Equal(t, in.Symbol == "AAPL", !in.DeletedAt.IsZero())
		}
		require.Equal(t, want, strings.Join(symbols, " "))
	}
}

func isRefused(t *testing.T, store *market.Store) {
	t.Helper()
	var deleted *market.DeletedInstrument
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 2, 1)})
	require.ErrorAs(t, err, &deleted)
	require.Equal(t, market.DeletedInstrument{Field: "ticks[0].symbol", Symbols: []string{"AAPL"}}, *deleted)
	_, _, err = store.StoreTicks(t.Context(), []market.Tick{tick("MSFT", 1, 1), tick("AAPL", 1, 1)})
	require.ErrorAs(t, err, &deleted)
	require.Equal(t, "ticks[1].symbol", deleted.Field)
	_, err = store.Latest(t.Context(), "MSFT", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrNoPrices, "nothing of the batch was stored")
	_, err = store.StoreBars(t.Context(), []market.Bar{bar("AAPL", 5, 1)})
	require.ErrorAs(t, err, &deleted)
	require.Equal(t, "bars[0].symbol", deleted.Field)
	_, err = store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "NEW"}, {Symbol: "AAPL"}})
	require.ErrorAs(t, err, &deleted)
	require.Equal(t, "instruments[1].symbol", deleted.Field)
	_, err = store.Latest(t.Context(), "NEW", market.HideDeleted)
	var unknown *market.UnknownInstrument
	require.ErrorAs(t, err, &unknown, "nothing of the batch was registered")
}

// storesNothingAfterADeletion deletes and restores again and again while four
// writers of two replicas go on: what they were told is stored is there, and
// between the end of a deletion and the restoration nothing comes.
func storesNothingAfterADeletion(t *testing.T, d *database) {
	t.Helper()
	d.store("AAPL", "MSFT")
	replicas := []*market.Store{d.store(), d.store()}
	var acknowledged, refused atomic.Int64
	var stop atomic.Bool
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			for n := int64(w); !stop.Load(); n += 4 {
				batch := []market.Tick{tick("AAPL", n, 1)}
				if n%8 >= 4 {
					batch = append(batch, tick("MSFT", n, 1))
				}
				_, counts, err := replicas[w%2].StoreTicks(t.Context(), batch)
				var deleted *market.DeletedInstrument
				switch {
				case errors.As(err, &deleted):
					refused.Add(1)
				case err != nil || counts.Stored != len(batch):
					t.Errorf("stored %d of %d: %v", counts.Stored, len(batch), err)
				default:
					acknowledged.Add(int64(len(batch)))
				}
			}
		})
	}
	end := func() {
		stop.Store(true)
		wait.Wait()
	}
	defer end() // also when a promise is broken
	deleter := d.store()
	for range 25 {
		_, err := deleter.Delete(t.Context(), "AAPL")
		require.NoError(t, err)
		of := func() (n int) {
			require.NoError(t, d.pool.QueryRow(t.Context(), `
				select count(*) from ticks join instruments i on i.id = instrument_id where symbol = 'AAPL'`).Scan(&n))
			return n
		}
		before, told := of(), refused.Load()
		require.Eventually(t, func() bool { return refused.Load() >= told+8 }, 10*time.Second, time.Millisecond)
		require.Equal(t, before, of())
		told = acknowledged.Load()
		require.NoError(t, deleter.Restore(t.Context(), "AAPL"))
		require.Eventually(t, func() bool { return acknowledged.Load() >= told+8 }, 10*time.Second, time.Millisecond)
	}
	end()
	require.Equal(t, acknowledged.Load(), int64(count(t, d.pool, "ticks")))
}

func skipsTheRowsOfADeletedInstrument(t *testing.T, d *database) {
	t.Helper()
	store := d.store("RE")
	_, err := store.Delete(t.Context(), "RE")
	require.NoError(t, err)
	got, err := store.Ingest(t.Context(), strings.NewReader(market.Header+`
2016-01-04,181.69,182.48,179.5,181.08,278265.0,RE
2016-01-04,181,182,180,181.5,1000,AAPL
2016-01-05,,182,180,181.5,1000,RE
2016-01-05,181,182,180,181.5,1000,RE
`))
	require.NoError(t, err)
	require.Equal(t, market.Ingested{Counts: market.Counts{Stored: 1}, Skipped: []market.SkippedRow{
		{Line: 2, Reason: "Name: RE is a deleted instrument; restore it first"},
		{Line: 4, Reason: "Open: is empty"},
		{Line: 5, Reason: "Name: RE is a deleted instrument; restore it first"},
	}}, got)
}

func TestBelowTheVersionWithDeletionsNothingIsDeleted(t *testing.T) {
	d := newDatabase(t, 1)
	for version := int64(1); version < firstWithDeletions; version++ {
		d.to(version)
		store := d.store("AAPL")
		var old *market.OldSchema
		_, err := store.Delete(t.Context(), "AAPL")
		require.ErrorAs(t, err, &old)
		require.ErrorAs(t, store.Restore(t.Context(), "AAPL"), &old)
		require.Equal(t, 5, old.Needs)
		list, err := store.Instruments(t.Context(), market.OnlyDeleted)
		require.NoError(t, err)
		require.Empty(t, list)
	}
}

// A replica that prepared its statements before there were deletions must
// still not write under one.
func TestAReplicaThatSleptThroughTheMigrationHeedsADeletion(t *testing.T) {
	d := newDatabase(t, firstWithDeletions-1)
	asleep := d.store("AAPL", "MSFT")
	for trade := range int64(20) { // until every connection has a plan of its own
		_, _, err := asleep.StoreTicks(t.Context(), []market.Tick{tick("AAPL", trade, 1)})
		require.NoError(t, err)
		_, err = asleep.StoreBars(t.Context(), []market.Bar{bar("AAPL", 4, 1)})
		require.NoError(t, err)
		_, err = asleep.Latest(t.Context(), "AAPL", market.HideDeleted)
		require.NoError(t, err)
		_, err = asleep.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}})
		require.NoError(t, err)
	}
	d.to(d.migrator.Newest())
	_, err := d.store().Delete(t.Context(), "AAPL")
	require.NoError(t, err)
	isHidden(t, asleep)
	isRefused(t, asleep)
	d.to(firstWithDeletions - 1)
	_, _, err = asleep.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 21, 1)})
	require.NoError(t, err, "a schema without deletions has none")
}
