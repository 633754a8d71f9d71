package market_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/migrate"
)

const (
	firstWithRegister  = 3
	firstWithDeletions = 5
)

// database is an empty market at some version of the schema.
type database struct {
	t        *testing.T
	pool     *pgxpool.Pool
	migrator *migrate.Migrator
}

func newDatabase(t *testing.T, version int64) *database {
	t.Helper()
	dsn := testdb.Empty(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	migrator, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, migrator.Close()) })
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	d := &database{t, pool, migrator}
	if version > 0 {
		d.to(version)
	}
	return d
}

func (d *database) to(version int64) {
	d.t.Helper()
	_, err := d.migrator.To(d.t.Context(), version)
	require.NoError(d.t, err)
}

func (d *database) store(symbols ...string) *market.Store {
	d.t.Helper()
	store := market.New(market.Config{Pool: d.pool})
	for _, symbol := range symbols {
		_, err := store.RegisterInstruments(d.t.Context(), []market.Instrument{{Symbol: symbol}})
		require.NoError(d.t, err)
	}
	return store
}

// empty takes every row away.
func (d *database) empty() {
	d.t.Helper()
	_, err := d.pool.Exec(d.t.Context(), `
		do $$ begin
			if to_regclass('market_data') is not null then truncate market_data; end if;
			if to_regclass('instruments') is not null then truncate instruments, ticks, bars; end if;
		end $$`)
	require.NoError(d.t, err)
}

// TestEveryVersion goes up through the versions of the schema and asks the
// same of each.
func TestEveryVersion(t *testing.T) {
	promises := []struct {
		name  string
		first int64
		keep  func(t *testing.T, d *database)
	}{
		{"gives back what it was given", 1, givesBackWhatItWasGiven},
		{"keeps the first of an identity", 1, keepsTheFirstOfAnIdentity},
		{"stores the same by every method", 1, storesTheSameByEveryMethod},
		{"is not changed by a file taken twice", 1, isNotChangedByAFileTakenTwice},
		{"lets only the registered trade", firstWithRegister, letsOnlyTheRegisteredTrade},
		{"refuses the same by every method", firstWithRegister, refusesTheSameByEveryMethod},
		{"names the rule that a row breaks", firstWithDeletions, namesTheRuleThatARowBreaks},
		{"hides a deleted instrument until it is restored", firstWithDeletions, hidesADeletedInstrumentUntilItIsRestored},
		{"stores nothing after a deletion", firstWithDeletions, storesNothingAfterADeletion},
		{"skips the rows of a deleted instrument in a file", firstWithDeletions, skipsTheRowsOfADeletedInstrument},
	}
	d := newDatabase(t, 1)
	for version := int64(1); version <= d.migrator.Newest(); version++ {
		d.to(version)
		for _, promise := range promises {
			if version < promise.first {
				continue
			}
			t.Run(fmt.Sprintf("version %d %s", version, promise.name), func(t *testing.T) {
				here := &database{t, d.pool, d.migrator}
				here.empty()
				promise.keep(t, here)
			})
		}
		d.empty()
	}
}

func tick(symbol string, trade int64, price float64) market.Tick {
	return market.Tick{Symbol: symbol, At: noon(), Trade: trade, Price: price, Volume: 10}
}

func bar(symbol string, day int, closing float64) market.Bar {
	return market.Bar{
		Symbol: symbol, Day: time.Date(2016, 1, day, 0, 0, 0, 0, time.UTC),
		Open: 1.5, High: 200, Low: 0.00000001, Close: closing, Volume: 0,
	}
}

func givesBackWhatItWasGiven(t *testing.T, d *database) {
	t.Helper()
	store := d.store("AAPL", "MSFT")
	given := []market.Tick{tick("MSFT", 2, 54.8), tick("AAPL", 3, 99.99999999), tick("AAPL", 1, 101.5)}
	fresh, counts, err := store.StoreTicks(t.Context(), given)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 3}, counts)
	require.Equal(t, given, fresh, "in the order they came in")

	got, err := store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{}, 10)
	require.NoError(t, err)
	require.Equal(t, []market.Tick{given[2], given[1]}, got)
	got, err = store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{From: noon()}, 1)
	require.NoError(t, err)
	require.Equal(t, []market.Tick{given[2]}, got)
	got, err = store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{To: noon()}, 10)
	require.NoError(t, err)
	require.Empty(t, got)
	latest, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, given[1], latest)
	v, err := store.VWAP(t.Context(), "AAPL", market.HideDeleted, market.Span{})
	require.NoError(t, err)
	require.InEpsilon(t, (101.5+99.99999999)/2, v.Price, 1e-12)
	require.Equal(t, 20.0, v.Volume)
	require.Equal(t, int64(2), v.Trades)

	bars := []market.Bar{bar("AAPL", 4, 2), bar("AAPL", 5, 3), bar("MSFT", 4, 4)}
	counts, err = store.StoreBars(t.Context(), bars)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 3}, counts)
	days, err := store.Bars(t.Context(), "AAPL", market.HideDeleted, market.Span{})
	require.NoError(t, err)
	require.Equal(t, bars[:2], days)
	days, err = store.Bars(t.Context(), "AAPL", market.HideDeleted, market.Span{From: bars[1].Day})
	require.NoError(t, err)
	require.Equal(t, bars[1:2], days)
}

func keepsTheFirstOfAnIdentity(t *testing.T, d *database) {
	t.Helper()
	store := d.store("AAPL")
	ticks := []market.Tick{tick("AAPL", 1, 1), tick("AAPL", 1, 2), tick("AAPL", 2, 3)}
	fresh, counts, err := store.StoreTicks(t.Context(), ticks)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 2, Duplicates: 1}, counts)
	require.Equal(t, []market.Tick{ticks[0], ticks[2]}, fresh)
	bars := []market.Bar{bar("AAPL", 4, 1), bar("AAPL", 4, 2)}
	counts, err = store.StoreBars(t.Context(), bars)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: 1}, counts)

	again := []market.Tick{tick("AAPL", 1, 7), tick("AAPL", 2, 7)}
	fresh, counts, err = store.StoreTicks(t.Context(), again)
	require.NoError(t, err)
	require.Empty(t, fresh)
	require.Equal(t, market.Counts{Duplicates: 2}, counts)
	counts, err = store.StoreBars(t.Context(), []market.Bar{bar("AAPL", 4, 7)})
	require.NoError(t, err)
	require.Equal(t, market.Counts{Duplicates: 1}, counts)

	got, err := store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{}, 10)
	require.NoError(t, err)
	require.Equal(t, []market.Tick{ticks[0], ticks[2]}, got, "the figures stay")
	days, err := store.Bars(t.Context(), "AAPL", market.HideDeleted, market.Span{})
	require.NoError(t, err)
	require.Equal(t, bars[:1], days)
}

func isNotChangedByAFileTakenTwice(t *testing.T, d *database) {
	t.Helper()
	content, err := os.ReadFile("testdata/bars.csv")
	require.NoError(t, err)
	store := d.store()
	got, err := store.Ingest(t.Context(), strings.NewReader(string(content)))
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 3, Duplicates: 1}, got.Counts)
	require.Len(t, got.Skipped, 7)
	got, err = store.Ingest(t.Context(), strings.NewReader(string(content)))
	require.NoError(t, err)
	require.Equal(t, market.Counts{Duplicates: 4}, got.Counts)
	list, err := store.Instruments(t.Context(), market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, []market.Registered{
		{Instrument: market.Instrument{Symbol: "BRK.B"}}, {Instrument: market.Instrument{Symbol: "RE"}},
	}, list)
}

func TestWithoutARegisterEverySymbolMayTrade(t *testing.T) {
	for _, version := range []int64{1, 2} {
		store := newDatabase(t, version).store()
		_, err := store.Latest(t.Context(), "NOPE", market.HideDeleted)
		require.ErrorIs(t, err, market.ErrNoPrices)
		_, err = store.VWAP(t.Context(), "NOPE", market.HideDeleted, market.Span{})
		require.ErrorIs(t, err, market.ErrNoPrices)
		ticks, err := store.Range(t.Context(), "NOPE", market.HideDeleted, market.Span{}, 1)
		require.NoError(t, err)
		require.Empty(t, ticks)

		counts, err := store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}})
		require.NoError(t, err)
		require.Equal(t, market.Counts{Duplicates: 1}, counts, "there is nothing to store")
		_, err = store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}, {Symbol: "MSFT", Name: "Microsoft"}})
		var old *market.OldSchema
		require.ErrorAs(t, err, &old)
		require.Equal(t, "instruments[1].name", old.Field)
		require.Equal(t, "the name of an instrument needs version 3 of the schema, and the database is at an older one", old.Error())
	}
}

func TestARegisterThatWasKeptTakesNewNames(t *testing.T) {
	d := newDatabase(t, firstWithRegister)
	store := d.store("AAPL")
	d.to(2)
	counts, err := store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}, {Symbol: "MSFT", Name: "Microsoft"}})
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: 1}, counts)
	_, _, err = store.StoreTicks(t.Context(), []market.Tick{tick("TSLA", 1, 1)})
	require.NoError(t, err)
	want := []market.Registered{
		{Instrument: market.Instrument{Symbol: "AAPL"}},
		{Instrument: market.Instrument{Symbol: "MSFT", Name: "Microsoft"}},
		{Instrument: market.Instrument{Symbol: "TSLA"}},
	}
	list, err := store.Instruments(t.Context(), market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, want, list)
	d.to(firstWithRegister)
	list, err = store.Instruments(t.Context(), market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, want, list, "and on the way up again")
}

func letsOnlyTheRegisteredTrade(t *testing.T, d *database) {
	t.Helper()
	store := d.store("AAPL")
	var unknown *market.UnknownInstrument
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 1, 1), tick("NOPE", 1, 1)})
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, market.UnknownInstrument{Field: "ticks[1].symbol", Symbols: []string{"NOPE"}}, *unknown)
	_, err = store.StoreBars(t.Context(), []market.Bar{bar("AAPL", 4, 1), bar("NOPE", 4, 1)})
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "bars[1].symbol", unknown.Field)
	_, err = store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrNoPrices, "nothing of the batch was stored")
	_, err = store.Latest(t.Context(), "NOPE", market.HideDeleted)
	require.ErrorAs(t, err, &unknown)
	_, err = store.Range(t.Context(), "NOPE", market.HideDeleted, market.Span{}, 1)
	require.ErrorAs(t, err, &unknown)
	_, err = store.VWAP(t.Context(), "NOPE", market.HideDeleted, market.Span{})
	require.ErrorAs(t, err, &unknown)
	_, err = store.Bars(t.Context(), "NOPE", market.HideDeleted, market.Span{})
	require.ErrorAs(t, err, &unknown)

	// One that another replica removed, against all rules.
	_, err = d.pool.Exec(t.Context(), `delete from instruments`)
	require.NoError(t, err)
	_, _, err = store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 1, 1)})
	require.ErrorAs(t, err, &unknown)
	d.store("AAPL")
	_, counts, err := store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 1, 1)})
	require.NoError(t, err)
	require.Equal(t, 1, counts.Stored)
}

func namesTheRuleThatARowBreaks(t *testing.T, d *database) {
	t.Helper()
	d.store("AAPL")
	ahead := time.Now().AddDate(0, 0, 3)
	store := market.New(market.Config{Pool: d.pool, Now: func() time.Time { return ahead }})
	late := tick("AAPL", 1, 1)
	late.At = ahead
	var invalid *market.Invalid
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{late})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "ticks: have a row that breaks the rule ticks_at_not_ahead", invalid.Error())
	next := bar("AAPL", 4, 1)
	next.Day = ahead
	_, err = store.StoreBars(t.Context(), []market.Bar{next})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "bars: have a row that breaks the rule bars_day_not_ahead", invalid.Error())
}

func TestADatabaseWithoutAMarketIsAnErrorInTime(t *testing.T) {
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), testdb.Empty(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = market.New(market.Config{Pool: pool}).Latest(ctx, "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrChanging)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
