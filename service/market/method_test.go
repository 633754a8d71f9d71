package market_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/market"
)

func TestEachBatchIsStoredByTheMethodOfItsSize(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	var used []string
	store.Watched(func(name string) { used = append(used, name) })
	trade := int64(0)
	for _, ends := range market.Boundaries() {
		for _, size := range []int{ends, ends + 1} {
			used = nil
			batch := make([]market.Tick, size)
			for i := range batch {
				trade++
				batch[i] = tick("AAPL", trade, 1)
			}
			fresh, _, err := store.StoreTicks(t.Context(), batch)
			require.NoError(t, err)
			require.Equal(t, batch, fresh)
			require.Equal(t, []string{market.Method(size)}, used, "%d ticks", size)
		}
		require.NotEqual(t, market.Method(ends), market.Method(ends+1))
	}
	require.Equal(t, "row", market.Method(1))
	require.Equal(t, "arrays", market.Method(2))
	require.Equal(t, "arrays", market.Method(1_000_000))
}

// sizes are those around each boundary, those in between, and large ones.
func sizes() []int {
	sizes := []int{1, 2, 3, 100, 1_000}
	for _, ends := range market.Boundaries() {
		sizes = append(sizes, ends, ends+1)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// methodsAt are all candidates with the newest schema, and with an older one
// those that a Store uses.
func methodsAt(d *database) []string {
	if d.version() == d.migrator.Newest() {
		return market.Candidates()
	}
	used := []string{market.Method(1)}
	for _, ends := range market.Boundaries() {
		used = append(used, market.Method(ends+1))
	}
	return used
}

// storesTheSameByEveryMethod holds all candidates to one behaviour, at every
// size that a method begins or ends with.
func storesTheSameByEveryMethod(t *testing.T, d *database) {
	t.Helper()
	for _, name := range methodsAt(d) {
		for _, size := range sizes() {
			if name == "row" && size > 1 {
				continue
			}
			t.Run(fmt.Sprintf("%d by %s", size, name), func(t *testing.T) {
				here := &database{t, d.pool, d.migrator}
				here.empty()
				storesTheSame(t, here, size, name)
			})
		}
	}
}

func storesTheSame(t *testing.T, d *database, size int, name string) {
	t.Helper()
	store := d.store("AAPL", "MSFT").By(name)
	batch := make([]market.Tick, size)
	for i := range batch {
		batch[i] = tick([]string{"MSFT", "AAPL"}[i%2], int64(size-i), 100)
		batch[i].At = noon().Add(time.Duration(i%7) * time.Microsecond)
	}

	fresh, counts, err := store.StoreTicks(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: size}, counts)
	require.Equal(t, batch, fresh, "in the order they came in")

	other := slices.Clone(batch)
	for i := range other {
		other[i].Price = 200
	}
	fresh, counts, err = store.StoreTicks(t.Context(), other)
	require.NoError(t, err)
	require.Empty(t, fresh)
	require.Equal(t, market.Counts{Duplicates: size}, counts, "what is there already is no error")
	require.Equal(t, size, priced(t, d, 100), "and stays as it is")

	if size > 1 {
		storesTheNewOnes(t, d, store, other)
	}
}

// storesTheNewOnes offers a batch of which the first and the last tick are the
// same and new, and all others are there.
func storesTheNewOnes(t *testing.T, d *database, store *market.Store, batch []market.Tick) {
	t.Helper()
	size := len(batch)
	mixed := slices.Clone(batch)
	mixed[0].Trade = int64(size) + 1
	mixed[size-1] = mixed[0]
	mixed[size-1].Price = 300
	fresh, counts, err := store.StoreTicks(t.Context(), mixed)
	require.NoError(t, err)
	require.Equal(t, mixed[:1], fresh)
	require.Equal(t, market.Counts{Stored: 1, Duplicates: size - 1}, counts, "the first of an identity wins")
	require.Equal(t, []int{size, 1, 0}, []int{priced(t, d, 100), priced(t, d, 200), priced(t, d, 300)})
}

// refusesTheSameByEveryMethod offers batches with an instrument that may not
// trade, to stores that remember its number: nothing of them may be stored.
func refusesTheSameByEveryMethod(t *testing.T, d *database) {
	t.Helper()
	for _, name := range methodsAt(d) {
		for _, size := range sizes() {
			if name == "row" && size > 1 {
				continue
			}
			t.Run(fmt.Sprintf("%d by %s", size, name), func(t *testing.T) {
				here := &database{t, d.pool, d.migrator}
				here.empty()
				refusesTheSame(t, here, size, name)
			})
		}
	}
}

func refusesTheSame(t *testing.T, d *database, size int, name string) {
	t.Helper()
	store := d.store("AAPL", "GONE").By(name)
	_, _, err := store.StoreTicks(t.Context(), []market.Tick{tick("GONE", 0, 1)})
	require.NoError(t, err, "the store has learnt its number")
	_, _, err = store.StoreTicks(t.Context(), []market.Tick{tick("AAPL", 0, 1)})
	require.NoError(t, err)

	batch := make([]market.Tick, size)
	for i := range batch {
		batch[i] = tick("AAPL", int64(i+1), 100)
	}
	last := size - 1
	batch[last].Symbol = "NOPE"
	var unknown *market.UnknownInstrument
	_, _, err = store.StoreTicks(t.Context(), batch)
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, market.UnknownInstrument{Field: fmt.Sprintf("ticks[%d].symbol", last), Symbols: []string{"NOPE"}}, *unknown)

	batch[last].Symbol = "GONE"
	if d.version() >= firstWithDeletions {
		_, err := d.store().Delete(t.Context(), "GONE") // by another replica
		require.NoError(t, err)
		var deleted *market.DeletedInstrument
		_, _, err = store.StoreTicks(t.Context(), batch)
		require.ErrorAs(t, err, &deleted)
		require.Equal(t, market.DeletedInstrument{Field: fmt.Sprintf("ticks[%d].symbol", last), Symbols: []string{"GONE"}}, *deleted)
	}
	require.Zero(t, priced(t, d, 100), "nothing of a refused batch is stored")

	_, err = d.pool.Exec(t.Context(), `delete from ticks; delete from instruments where symbol = 'GONE'`) // against all rules
	require.NoError(t, err)
	_, _, err = store.StoreTicks(t.Context(), batch)
	require.ErrorAs(t, err, &unknown)
	require.Zero(t, count(t, d.pool, "ticks"), "nothing of a refused batch is stored")
}

// priced counts the ticks with a price.
func priced(t *testing.T, d *database, price float64) (n int) {
	t.Helper()
	of := `select count(*) from ticks where price = $1::float8`
	if d.version() < firstWithRegister {
		of = `select count(*) from market_data where kind = 'tick' and close = $1::float8`
	}
	require.NoError(t, d.pool.QueryRow(t.Context(), of, price).Scan(&n))
	return n
}

func (d *database) version() int64 {
	d.t.Helper()
	version, err := d.migrator.Version(d.t.Context())
	require.NoError(d.t, err)
	return version
}
