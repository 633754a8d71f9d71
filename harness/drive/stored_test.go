package drive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// stored has n prices traded on a service that stores them in a database.
func stored(t *testing.T, dsn string, n int) *drive.Ledger {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Ticks []struct {
				Symbol        string
				At            time.Time
				Trade         int64
				Price, Volume float64
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		p := body.Ticks[0]
		_, err := conn.Exec(r.Context(), `WITH i AS (INSERT INTO instruments (symbol) VALUES ($1) ON CONFLICT (symbol) DO UPDATE SET symbol = excluded.symbol RETURNING id)
			INSERT INTO ticks SELECT id, $2, $3, $4, $5 FROM i`, p.Symbol, p.At, p.Trade, p.Price, p.Volume)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer s.Close()
	m := drive.NewMarket(s.URL, 1)
	defer m.Close()
	prices := market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now().Truncate(time.Second), time.Millisecond).Take(n)
	out, err := m.Trade(t.Context(), nil, drive.Session{Schedule: load.Constant(200, time.Duration(n)*5*time.Millisecond), Prices: prices, Writers: 1})
	require.NoError(t, err)
	require.EqualValues(t, n, out.Load.Done, "%v", out.Load.First)
	return out.Ledger
}

func TestWhatIsStoredIsComparedWithWhatWasOffered(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout)
	ledger := stored(t, dsn, 20)
	sound, err := drive.CountLosses(t.Context(), dsn, ledger)
	require.NoError(t, err)
	require.Equal(t, drive.Account{Offered: 20, Acknowledged: 20, Found: 20}, sound)

	for _, sabotage := range []string{
		`UPDATE ticks SET volume = volume + 1 WHERE trade = 3`,
		`UPDATE ticks SET at = at + interval '1 microsecond' WHERE trade = 4`,
		`UPDATE ticks t SET instrument_id = (SELECT min(id) FROM instruments WHERE id <> t.instrument_id) WHERE trade = 5`,
	} {
		execute(t, dsn, sabotage)
		sound.Wrong++
		found, err := drive.CountLosses(t.Context(), dsn, ledger)
		require.NoError(t, err)
		require.Equal(t, sound, found, sabotage)
	}
	require.Equal(t, &measure.Share{Hits: 3, Of: 20}, sound.Measures()["prices stored wrong"].Share)
}

func TestTheLossCheckSeesEverySabotage(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout)
	ledger := stored(t, dsn, 20)
	execute(t, dsn, `UPDATE ticks SET price = price + 1 WHERE trade = 11`) // the middle one is no victim: it is wrong already
	done, err := drive.TestLossCheck(t.Context(), dsn, ledger)
	require.NoError(t, err)
	require.Len(t, done, 4)
	for _, d := range done {
		require.True(t, d.Red, "%+v", d)
		require.Equal(t, d.Must, d.Said)
	}

	blind := `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER nothing BEFORE UPDATE ON ticks FOR EACH ROW EXECUTE FUNCTION nothing()`
	execute(t, dsn, blind)
	done, err = drive.TestLossCheck(t.Context(), dsn, ledger)
	require.NoError(t, err)
	require.Equal(t, "wrong 0", done[3].Said)
	require.False(t, done[3].Red, "a sabotage that goes unseen must say so")
}

// operated is a database whose operator has a tool that does this, in SQL, for
// each of its verbs.
func operated(t *testing.T, does string) drive.Operator {
	t.Helper()
	dsn, _ := database(t, currentLayout, `CREATE FUNCTION tool(verb text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN `+does+` RETURN '{"skipped":[]}'; END $$`,
		`INSERT INTO instruments (symbol) VALUES ('AAPL')`,
		`INSERT INTO ticks SELECT 1, now() + n * interval '1 second', n, 100 + n, 1 FROM generate_series(1, 10) n`)
	return drive.Operator{Tool: self(t), DSN: dsn}
}

func TestARollbackThatLosesAltersOrInventsRowsIsSeen(t *testing.T) {
	tests := map[string]struct {
		does                   string
		lost, changed, nowhere int64
	}{
		"everything stays":               {``, 0, 0, 0},
		"a row is lost on the way back":  {`IF verb = 'migrate down' THEN DELETE FROM ticks WHERE trade = 3; END IF;`, 1, 0, 0},
		"a row is lost on the way forth": {`IF verb = 'migrate up' THEN DELETE FROM ticks WHERE trade = 3; END IF;`, 1, 0, 0},
		"a row gets another price":       {`IF verb = 'migrate down' THEN UPDATE ticks SET price = price + 1 WHERE trade = 4; END IF;`, 0, 1, 0},
		"a row comes from nowhere":       {`IF verb = 'migrate up' THEN INSERT INTO ticks VALUES (1, now(), 99, 1, 1); END IF;`, 0, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := drive.Journey{Operator: operated(t, test.does)}.ThereAndBack(t.Context())
			require.NoError(t, err)
			require.Equal(t, []int64{test.lost, test.changed, test.nowhere},
				[]int64{got["rows lost"].Share.Hits, got["rows changed"].Share.Hits, got["rows from nowhere"].Share.Hits})
			require.GreaterOrEqual(t, got["rows lost"].Share.Of, int64(19), "counted of the rows at both stops")
		})
	}
}

func TestATakeInThatLosesAltersOrConcealsRowsIsSeen(t *testing.T) {
	t.Parallel()
	const csv = "Date,Open,High,Low,Close,Volume,Name\n" +
		"2016-01-04,100,102,99,101,1000,AAPL\n2016-01-05,101,103,100,102,1000,AAPL\n2016-01-06,,,,102,1000,AAPL\n2016-01-07,102,104,101,103,1000,AAPL\n"
	operator := operated(t, `INSERT INTO bars VALUES (1, '2016-01-04', 100, 102, 99, 101, 1000), (1, '2016-01-05', 101, 103, 100, 999, 1000);`)
	got, err := operator.TakeIn(t.Context(), []byte(csv))
	require.NoError(t, err)
	for name, want := range map[string]int64{"bars stored": 2, "bars lost": 1, "bars changed": 1, "rows left out silently": 1} {
		require.Equal(t, &measure.Share{Hits: want, Of: 4}, got[name].Share, name)
	}
}

// sides are both sides with the same prices, and where the current one is.
func sides(t *testing.T) (baseline, current *drive.Side, dsn string) {
	t.Helper()
	before, _ := database(t, baselineLayout)
	dsn, _ = database(t, currentLayout)
	bars, _, err := market.Sample()
	require.NoError(t, err)
	calibration, err := market.Calibrate(bars)
	require.NoError(t, err)
	prices := market.NewTicks(7, calibration, market.Symbols(3), time.Now(), time.Second).Take(300)
	baseline, err = drive.Baseline(t.Context(), before)
	require.NoError(t, err)
	t.Cleanup(func() { _ = baseline.Close(context.Background()) })
	current, err = drive.Current(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = current.Close(context.Background()) })
	require.NoError(t, baseline.Fill(t.Context(), prices))
	require.NoError(t, current.Fill(t.Context(), prices))
	return baseline, current, dsn
}

func TestACalculationThatIsOffIsSeen(t *testing.T) {
	baseline, current, dsn := sides(t)
	// What sorting yields is an order, which is compared place by place.
	names := slices.DeleteFunc(drive.Calculations(), func(name string) bool { return name == "sort" })
	for _, name := range names {
		off, err := drive.RelativeError(t.Context(), name, baseline, current)
		require.NoError(t, err)
		require.Less(t, off.Value, 1.0, name)
		figures := map[string]int64{"moving average": 300 + 1}[name] // one for each price, and all together
		if figures == 0 {
			figures = 3 + 1 // one for each instrument, and all together
		}
		require.Equal(t, figures, off.Of, name)
	}
	execute(t, dsn, `UPDATE ticks SET price = price * 1.001 WHERE trade % 2 = 0`)
	for _, name := range names {
		off, err := drive.RelativeError(t.Context(), name, baseline, current)
		require.NoError(t, err)
		require.Greater(t, off.Value, 1.0, name)
	}
	execute(t, dsn, `DELETE FROM ticks WHERE instrument_id = 1`)
	_, err := drive.RelativeError(t.Context(), "vwap", baseline, current)
	require.ErrorContains(t, err, "comparing vwap: 4 figures of the baseline, 3 of the current arm")
}

func TestTheEvidenceTellsHowTheServerCarriesAWorkloadOut(t *testing.T) {
	t.Parallel()
	baseline, current, _ := sides(t)
	next := market.NewTicks(8, market.Calibration{}, market.Symbols(3), time.Now().Add(time.Hour), time.Millisecond).Next
	for side, table := range map[*drive.Side]string{baseline: "market_data", current: "ticks"} {
		store, err := side.Store(t.Context(), 10, next)
		require.NoError(t, err)
		require.Contains(t, store.Plan, "Insert on "+table)
		sum, err := side.Calculate(t.Context(), "sum")
		require.NoError(t, err)
		require.Contains(t, sum.Plan, "Aggregate")
		require.Contains(t, sum.Plan, "on "+table)
		require.NotContains(t, sum.Plan, "actual time", "nothing was carried out for the plan")
	}
}

// TestASideIsRestoredInAnyCase: both sides of a comparison are written anew
// before each trial, also the one that nobody wrote to since. A side that was
// filled just now is quicker than one that was filled before.
func TestASideIsRestoredInAnyCase(t *testing.T) {
	baseline, current, dsn := sides(t)
	next := market.NewTicks(8, market.Calibration{}, market.Symbols(3), time.Now().Add(time.Hour), time.Millisecond).Next
	state := func() (rows int, last string) {
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*), max(xmin::text::bigint)::text FROM ticks`).Scan(&rows, &last))
		return rows, last
	}
	store, err := current.Store(t.Context(), 10, next)
	require.NoError(t, err)
	for what, touch := range map[string]func(){
		"nobody wrote":      func() {},
		"rows were added":   func() { _, err := store.Run(t.Context(), 1); require.NoError(t, err) },
		"a row was changed": func() { execute(t, dsn, `UPDATE ticks SET price = price WHERE trade = 3`) },
		"a row was removed": func() { execute(t, dsn, `DELETE FROM ticks WHERE trade = 3`) },
	} {
		_, before := state()
		touch()
		require.NoError(t, store.Reset(t.Context()))
		rows, after := state()
		require.Equal(t, 300, rows, what)
		require.NotEqual(t, before, after, "%s: all of it was written anew", what)
	}
	off, err := drive.RelativeError(t.Context(), "sum", baseline, current)
	require.NoError(t, err)
	require.Less(t, off.Value, 1.0, "both sides hold the same prices again")
}

func TestTheDecimalOfAPriceIsExact(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.00000000", 0.01: "0.01000000", 101.25: "101.25000000", 1e6: "1000000.00000000", 1e9: "1000000000.00000000",
		123.45: "123.45000000", 0.1 + 0.2: "0.30000000", -7.5: "-7.50000000",
	} {
		got, err := drive.Decimal(f).Value()
		require.NoError(t, err)
		exact, ok := new(big.Rat).SetString(got.(string))
		require.True(t, ok, "%v", got)
		require.Equal(t, want, exact.FloatString(8))
	}
	require.True(t, drive.Decimal(math.NaN()).NaN)
	require.True(t, drive.Decimal(math.Inf(1)).NaN)
}

func TestWhatTheDriverSaysStandsInNoReport(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	ledger := drive.NewLedger(nil)
	failures := map[string]func(dsn string) error{
		"losses":  func(dsn string) error { _, err := drive.CountLosses(t.Context(), dsn, ledger); return err },
		"test":    func(dsn string) error { _, err := drive.TestLossCheck(t.Context(), dsn, ledger); return err },
		"content": func(dsn string) error { _, err := drive.ReadContent(t.Context(), dsn); return err },
		"schema":  func(dsn string) error { _, err := drive.SchemaVersion(t.Context(), dsn); return err },
		"shut":    func(dsn string) error { return drive.ShutOut(t.Context(), dsn, "no_such_database") },
		"side":    func(dsn string) error { _, err := drive.Current(t.Context(), dsn); return err },
		"fill": func(dsn string) error {
			side, err := drive.Baseline(t.Context(), dsn)
			if err != nil {
				return err
			}
			defer func() { _ = side.Close(context.Background()) }()
			return side.Fill(t.Context(), []market.Tick{{Symbol: "A"}})
		},
	}
	addresses := map[string]string{
		"an empty database":         dsn,
		"a database that is gone":   "postgres://" + config.User + ":hush@" + fmt.Sprintf("127.0.0.1:%d", config.Port) + "/no_such_database?sslmode=disable",
		"a server that is gone":     "postgres://somebody:hush@127.0.0.1:1/prices?sslmode=disable",
		"an address that is broken": "postgres://somebody:hush@127.0.0.1:99999999/prices",
	}
	for where, address := range addresses {
		for what, fails := range failures {
			err := fails(address)
			if what == "content" && where == "an empty database" || what == "side" && err == nil {
				continue
			}
			require.Error(t, err, "%s: %s", where, what)
			for _, secret := range []string{"hush", "127.0.0.1", "somebody", "user=", "no_such", "SELECT", "INSERT", "pgx", "failed to", "cannot parse"} {
				require.NotContains(t, err.Error(), secret, "%s: %s", where, what)
			}
			var driver *pgconn.PgError
			require.NotErrorAs(t, err, &driver, "the original is within reach")
		}
	}
}

func TestAnErrorOfTheServerKeepsItsCode(t *testing.T) {
	require.EqualError(t, drive.Plain(&pgconn.PgError{Code: "22003", Message: "numeric field overflow"}), "the server says: numeric field overflow (SQLSTATE 22003)")
	require.EqualError(t, drive.Plain(&pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "somebody"`}), "the server does not let the user in (SQLSTATE 28P01)")
	require.ErrorIs(t, drive.Plain(fmt.Errorf("dial 10.0.0.1: %w", context.Canceled)), context.Canceled)
	require.NoError(t, drive.Plain(nil))
}
