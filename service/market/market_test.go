package market_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func noon() time.Time { return time.Date(2016, 1, 4, 12, 0, 0, 123456000, time.UTC) }

func TestTicksAreStoredOnceAndReadBackAsTheyWere(t *testing.T) {
	store, _ := newStore(t, "AAPL", "MSFT")
	ticks := []market.Tick{
		{Symbol: "MSFT", At: noon().Add(time.Hour), Trade: 2, Price: 54.8, Volume: 7},
		{Symbol: "AAPL", At: noon(), Trade: 1, Price: 101.5, Volume: 10},
		{Symbol: "AAPL", At: noon().Add(-time.Second), Trade: 1, Price: 99.99999999, Volume: 0},
	}
	fresh, counts, err := store.StoreTicks(t.Context(), ticks)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 3}, counts)
	require.Equal(t, ticks, fresh, "new ticks keep the order they came in")

	again := []market.Tick{ticks[0], {Symbol: "MSFT", At: noon(), Trade: 3, Price: 1, Volume: 1}}
	fresh, counts, err = store.StoreTicks(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: 1}, counts)
	require.Equal(t, again[1:], fresh, "only the new tick is new")

	got, err := store.Range(t.Context(), "AAPL", market.HideDeleted, market.Span{}, 10)
	require.NoError(t, err)
	require.Equal(t, []market.Tick{ticks[2], ticks[1]}, got)
	latest, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, ticks[1], latest)
}

func TestTheLatestPriceIsFoundHoweverLongAgoItWas(t *testing.T) {
	store, _ := newStore(t, "AAPL", "MSFT")
	now := time.Now().UTC().Truncate(time.Microsecond)
	steps := []time.Duration{-400 * 24 * time.Hour, -7*24*time.Hour - time.Second, -6 * 24 * time.Hour, -time.Minute, time.Hour}
	for i, ago := range steps {
		latest := market.Tick{Symbol: "AAPL", At: now.Add(ago), Trade: int64(i), Price: 1, Volume: 1}
		other := market.Tick{Symbol: "MSFT", At: now, Trade: int64(i), Price: 2, Volume: 1}
		_, _, err := store.StoreTicks(t.Context(), []market.Tick{latest, other})
		require.NoError(t, err)
		got, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
		require.NoError(t, err)
		require.Equal(t, latest, got, "%v from now", ago)
	}
}

func TestADuplicateWithinABatchCountsOnceAndTheFirstWins(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	first := market.Tick{Symbol: "AAPL", At: noon(), Trade: 1, Price: 1, Volume: 1}
	second := first
	second.Price = 2
	fresh, counts, err := store.StoreTicks(t.Context(), []market.Tick{first, second})
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: 1}, counts)
	require.Equal(t, []market.Tick{first}, fresh)
	latest, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.NoError(t, err)
	require.Equal(t, first, latest)
}

func TestABatchWithAnUnknownInstrumentStoresNothing(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{
		{Symbol: "AAPL", At: noon(), Trade: 1, Price: 1, Volume: 1},
		{Symbol: "NOPE", At: noon(), Trade: 1, Price: 1, Volume: 1},
	})
	var unknown *market.UnknownInstrument
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "ticks[1].symbol", unknown.Field)
	require.Equal(t, []string{"NOPE"}, unknown.Symbols)
	_, err = store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrNoPrices)
}

func TestAnInstrumentThatVanishedIsNoticed(t *testing.T) {
	store, pool := newStore(t, "AAPL")
	tick := market.Tick{Symbol: "AAPL", At: noon(), Trade: 1, Price: 1, Volume: 1}
	_, err := store.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrNoPrices, "the store has learnt its number")
	_, err = pool.Exec(t.Context(), `delete from instruments`)
	require.NoError(t, err)
	_, _, err = store.StoreTicks(t.Context(), []market.Tick{tick})
	var unknown *market.UnknownInstrument
	require.ErrorAs(t, err, &unknown)

	_, err = store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}})
	require.NoError(t, err)
	_, counts, err := store.StoreTicks(t.Context(), []market.Tick{tick})
	require.NoError(t, err)
	require.Equal(t, 1, counts.Stored)
	_, err = pool.Exec(t.Context(), `delete from instruments`)
	require.ErrorContains(t, err, "23503", "an instrument with ticks stays")
}

func TestBatchesThatOverlapInAnyOrderDoNotDeadlock(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	const writers, size = 8, 200
	var stored [writers]int
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			ticks := make([]market.Tick, size)
			for i := range ticks {
				trade := i
				if w%2 == 1 {
					trade = size - 1 - i
				}
				ticks[i] = market.Tick{Symbol: "AAPL", At: noon(), Trade: int64(trade), Price: 1, Volume: 1}
			}
			_, counts, err := store.StoreTicks(t.Context(), ticks)
			if err != nil {
				t.Error(err)
			}
			stored[w] = counts.Stored
		})
	}
	wait.Wait()
	total := 0
	for _, n := range stored {
		total += n
	}
	require.Equal(t, size, total, "each tick is new to exactly one writer")
}

func TestAnAverageIsWeightedByVolumeOverAHalfOpenSpan(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{
		{Symbol: "AAPL", At: noon(), Trade: 1, Price: 10, Volume: 1},
		{Symbol: "AAPL", At: noon().Add(time.Minute), Trade: 1, Price: 20, Volume: 3},
		{Symbol: "AAPL", At: noon().Add(time.Hour), Trade: 1, Price: 1000, Volume: 1},
		{Symbol: "AAPL", At: noon().Add(2 * time.Hour), Trade: 1, Price: 1000, Volume: 0},
	})
	require.NoError(t, err)
	v, err := store.VWAP(t.Context(), "AAPL", market.HideDeleted, market.Span{From: noon(), To: noon().Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, market.VWAP{Price: 17.5, Volume: 4, Trades: 2}, v)
	_, err = store.VWAP(t.Context(), "AAPL", market.HideDeleted, market.Span{From: noon().Add(2 * time.Hour)})
	require.ErrorIs(t, err, market.ErrNoPrices, "nothing was traded")
}

func TestAWrongFieldIsNamed(t *testing.T) {
	good := market.Tick{Symbol: "AAPL", At: noon(), Trade: 1, Price: 101.5, Volume: 10}
	tests := map[string]struct {
		change func(*market.Tick)
		want   string
	}{
		"no symbol":                 {func(k *market.Tick) { k.Symbol = "" }, "ticks[1].symbol: must not be empty"},
		"a symbol that is too long": {func(k *market.Tick) { k.Symbol = strings.Repeat("A", 21) }, "ticks[1].symbol: must have at most 20 characters"},
		"a symbol with a space":     {func(k *market.Tick) { k.Symbol = "A B" }, "ticks[1].symbol: may only have letters, digits and . - _ / : ^ ="},
		"a symbol beyond ASCII":     {func(k *market.Tick) { k.Symbol = "ÄG" }, "ticks[1].symbol: may only have letters, digits and . - _ / : ^ ="},
		"no time":                   {func(k *market.Tick) { k.At = time.Time{} }, "ticks[1].at: is missing"},
		"a time too early":          {func(k *market.Tick) { k.At = time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC) }, "ticks[1].at: must lie between the years 1900 and 2200"},
		"a time too late":           {func(k *market.Tick) { k.At = time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC) }, "ticks[1].at: must lie between the years 1900 and 2200"},
		"a negative trade":          {func(k *market.Tick) { k.Trade = -1 }, "ticks[1].trade: must not be negative"},
		"a free price":              {func(k *market.Tick) { k.Price = 0 }, "ticks[1].price: must be positive"},
		"a price that is no number": {func(k *market.Tick) { k.Price = math.NaN() }, "ticks[1].price: must be positive"},
		"an infinite price":         {func(k *market.Tick) { k.Price = math.Inf(1) }, "ticks[1].price: must be below 1000000000000"},
		"a price with nine places":  {func(k *market.Tick) { k.Price = 1.123456789 }, "ticks[1].price: must have at most 15 significant digits, 8 of them after the point"},
		"a price with 16 digits":    {func(k *market.Tick) { k.Price = 12345678.12345678 }, "ticks[1].price: must have at most 15 significant digits, 8 of them after the point"},
		"a negative volume":         {func(k *market.Tick) { k.Volume = -0.5 }, "ticks[1].volume: must not be negative"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bad := good
			test.change(&bad)
			var invalid *market.Invalid
			require.ErrorAs(t, market.ValidateTicks([]market.Tick{good, bad}, noon()), &invalid)
			require.Equal(t, test.want, invalid.Error())
		})
	}
	require.NoError(t, market.ValidateTicks([]market.Tick{good}, noon()))
	require.EqualError(t, market.ValidateTicks(nil, noon()), "ticks: must not be empty")
	require.EqualError(t, market.ValidateBars([]market.Bar{{Symbol: "A", Day: noon(), Open: 1, High: 1, Low: 2, Close: 1}}, noon()),
		"bars[0].high: must not be below low")
	require.EqualError(t, market.ValidateInstruments([]market.Instrument{{Symbol: "A", Name: "a\nb"}}),
		"instruments[0].name: must not have control characters")
}

// FuzzAmounts holds the validation to its purpose: what it lets pass goes to
// DECIMAL(20,8) and back unchanged, and it lets pass all that does.
func FuzzAmounts(f *testing.F) {
	for _, seed := range []float64{0.00000001, 101.5, 999999999999, 12345678.12345678, 0.1 + 0.2, 1e-9, 5e-324} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, amount float64) {
		err := market.ValidateTicks([]market.Tick{{Symbol: "A", At: noon(), Price: amount, Volume: 1}}, noon())
		if !(amount > 0) || amount >= 1e12 {
			require.Error(t, err)
			return
		}
		decimal := fmt.Sprintf("%.8f", amount)
		var back float64
		_, scanErr := fmt.Sscan(decimal, &back)
		require.NoError(t, scanErr)
		if err == nil {
			require.Equal(t, amount, back, "lost on the way through %s", decimal)
		}
	})
}

func newStore(t *testing.T, symbols ...string) (*market.Store, *pgxpool.Pool) {
	t.Helper()
	pool, err := pgxpool.New(context.WithoutCancel(t.Context()), testdb.Migrated(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store := market.New(market.Config{Pool: pool})
	instruments := make([]market.Instrument, len(symbols))
	for i, symbol := range symbols {
		instruments[i] = market.Instrument{Symbol: symbol, Name: symbol + " Inc."}
	}
	counts, err := store.RegisterInstruments(t.Context(), instruments)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: len(symbols)}, counts)
	return store, pool
}

func count(t *testing.T, pool *pgxpool.Pool, table string) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), `select count(*) from `+table).Scan(&n))
	return n
}
