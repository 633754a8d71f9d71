package drive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// later makes prices that the sides do not hold.
func later() func() market.Tick {
	return market.NewTicks(8, market.Calibration{}, market.Symbols(3), time.Now().Add(time.Hour), time.Millisecond).Next
}

// figures of what is stored beyond the 300 prices that a side began with.
const (
	storedBefore = `SELECT count(*), count(DISTINCT xmin::text), coalesce(sum(close * volume), 0)::float8 FROM (SELECT xmin, * FROM market_data ORDER BY at OFFSET 300) n`
	storedNow    = `SELECT count(*), count(DISTINCT xmin::text), coalesce(sum(price * volume), 0)::float8 FROM (SELECT xmin, * FROM ticks ORDER BY at OFFSET 300) n`
)

func TestEveryMethodStoresTheSamePricesInItsTransactions(t *testing.T) {
	baseline, current, _ := sides(t)
	for _, size := range []int{1, 10, 150} {
		for _, method := range drive.Methods(0) {
			t.Run(fmt.Sprintf("batches of %d by %s", size, method), func(t *testing.T) {
				const batches = 3
				worth := make([]float64, 2)
				for i, side := range []*drive.Side{baseline, current} {
					store, err := side.StoreBy(t.Context(), method, size, later())
					require.NoError(t, err)
					require.NoError(t, store.Reset(t.Context()))
					took, err := store.Run(t.Context(), batches)
					require.NoError(t, err)
					require.Positive(t, took)

					rows, transactions := 0, 0
					read(t, side, &rows, &transactions, &worth[i])
					require.Equal(t, batches*size, rows)
					want := batches
					if method == drive.Single {
						want = batches * size
					}
					require.Equal(t, want, transactions)
				}
				require.InEpsilon(t, worth[0], worth[1], 1e-9, "both sides were given the same prices")
			})
		}
	}
}

// read looks at what was stored on a side since it was filled.
func read(t *testing.T, side *drive.Side, into ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), side.DSN())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	sql := map[string]string{"baseline": storedBefore, "current": storedNow}[side.Name]
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(into...))
}

func TestAPriceThatAMethodDoesNotKeepIsAnError(t *testing.T) {
	baseline, current, _ := sides(t)
	execute(t, baseline.DSN(), `CREATE UNIQUE INDEX ON market_data (kind, symbol, at, trade)`)
	price := later()()
	again := func() market.Tick { return price }
	for _, method := range drive.Methods(0) {
		for side, want := range map[*drive.Side]string{baseline: "duplicate key", current: "prices were kept"} {
			store, err := side.StoreBy(t.Context(), method, 2, again)
			require.NoError(t, err)
			_, err = store.Run(t.Context(), 1)
			require.ErrorContains(t, err, "storing batch 1 of 1 on the "+side.Name+" side", method)
			require.ErrorContains(t, err, want, method)
		}
	}
	store, err := current.StoreBy(t.Context(), drive.Copy, 2, later())
	require.NoError(t, err)
	_, err = store.Run(t.Context(), 2)
	require.NoError(t, err, "the connection serves on after an error")
}

func TestTheEvidenceShowsWhatAMethodSends(t *testing.T) {
	baseline, current, _ := sides(t)
	for side, table := range map[*drive.Side]string{baseline: "market_data", current: "ticks"} {
		for _, method := range drive.Methods(0) {
			store, err := side.StoreBy(t.Context(), method, 1_000, later())
			require.NoError(t, err)
			require.Contains(t, store.Text, table)
			require.Less(t, len(store.Text), 600, "a thousand lists of values are no reading")
			require.EqualValues(t, 300, store.Rows)
			require.NotEmpty(t, store.Settings["fsync"])
			if method == drive.MultiRow || method == drive.Copy {
				require.Empty(t, store.Plan)
			} else {
				require.Contains(t, store.Plan, "Insert on "+table)
			}
		}
	}
}

func TestABatchThatNoMethodTakesIsRefusedWithTheWayOut(t *testing.T) {
	_, current, _ := sides(t)
	tests := map[string]struct {
		method string
		size   int
		want   string
	}{
		"an unknown method":       {"carrier pigeon", 10, `storing prices by "carrier pigeon" on the current side: choose one of single, transaction, batch, multi-row, unnest, copy`},
		"an empty batch":          {drive.Unnest, 0, "storing prices in batches of 0 on the current side: want at least 1"},
		"more values than can be": {drive.MultiRow, 13_108, "storing prices in batches of 13108 with one list of values each on the current side: a statement takes at most 13107"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := current.StoreBy(t.Context(), test.method, test.size, later())
			require.EqualError(t, err, test.want)
		})
	}
	_, err := current.Through(t.Context(), drive.NewMarket("http://127.0.0.1:1", 1), 0, later())
	require.EqualError(t, err, "storing prices in batches of 0 through the service: want at least 1")
}

func TestTheServiceIsHeldToEveryPriceOfABatch(t *testing.T) {
	_, current, _ := sides(t)
	var asked, withheld int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Ticks []json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&body)
		asked += len(body.Ticks)
		if withheld < 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"stored":%d,"duplicates":%d}`, len(body.Ticks)-withheld, withheld)
	}))
	defer s.Close()
	m := drive.NewMarket(s.URL, 1)
	defer m.Close()
	through, err := current.Through(t.Context(), m, 20, later())
	require.NoError(t, err)
	require.Equal(t, "POST /api/ticks with 20 prices", through.Text)
	asked = 0
	took, err := through.Run(t.Context(), 3)
	require.NoError(t, err)
	require.Positive(t, took)
	require.Equal(t, 60, asked)

	withheld = 1
	_, err = through.Run(t.Context(), 3)
	require.EqualError(t, err, "storing batch 1 of 3 through the service: 19 of 20 prices were kept")
	withheld = -1
	_, err = through.Run(t.Context(), 3)
	require.ErrorContains(t, err, "storing batch 1 of 3 through the service: the service refused")
}
