package drive_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// shop is a service that stores prices in ticks, whatever happens there.
func shop(t *testing.T, dsn string) *drive.Market {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/health/ready" {
			if pool.Ping(r.Context()) != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
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
		_, err := pool.Exec(r.Context(), `INSERT INTO ticks (instrument_id, at, trade, price, volume)
			SELECT id, $2, $3, $4, $5 FROM instruments WHERE symbol = $1`, p.Symbol, p.At, p.Trade, p.Price, p.Volume)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	m := drive.NewMarket(s.URL, 32)
	t.Cleanup(func() { m.Close(); s.Close(); pool.Close() })
	return m
}

// upgraded is a database at version 1 with ten prices, whose operator has a tool
// that goes to the version it is told, and does this in SQL beside.
func upgraded(t *testing.T, does string) drive.Upgrade {
	t.Helper()
	symbols := market.Symbols(3)
	dsn, _ := database(t, currentLayout,
		`CREATE TABLE goose_db_version (version_id bigint, is_applied boolean); INSERT INTO goose_db_version VALUES (0, true), (1, true)`,
		`CREATE FUNCTION tool(verb text) RETURNS text LANGUAGE plpgsql AS $$
			DECLARE goal bigint := regexp_replace(current_setting('tool.words'), '.*--to (\d+).*', '\1'); steps text;
			BEGIN `+does+`
				DELETE FROM goose_db_version WHERE version_id > goal;
				INSERT INTO goose_db_version SELECT n, true FROM generate_series(2, goal) n
					WHERE n > (SELECT max(version_id) FROM goose_db_version);
				RETURN '{}';
			END $$`,
		`INSERT INTO instruments (symbol) VALUES ('`+symbols[0]+`'), ('`+symbols[1]+`'), ('`+symbols[2]+`')`,
		`INSERT INTO ticks SELECT 1, now() + n * interval '1 second', n, 100 + n, 1 FROM generate_series(1, 10) n`)
	prices := market.NewTicks(7, market.Calibration{}, symbols, time.Now(), time.Millisecond)
	prices.Take(10)
	return drive.Upgrade{
		Market: shop(t, dsn), Operator: drive.Operator{Tool: self(t), DSN: dsn}, Way: []int64{2, 3, 2, 1}, Rate: 100,
		Prices: prices, Longest: 20 * time.Second,
	}
}

func TestAnUpgradeThatHarmsNobodyIsSeen(t *testing.T) {
	t.Parallel()
	u := upgraded(t, ``)
	out, err := u.UnderLoad(t.Context())
	require.NoError(t, err)
	require.Len(t, out.Moves, 4)
	require.Empty(t, out.Differences)
	require.Equal(t, &measure.Share{Of: 10}, out.Measures["rows changed"].Share)
	require.Equal(t, &measure.Share{Of: 4}, out.Measures["migrations left unfinished"].Share)
	require.Zero(t, out.Measures["prices refused"].Share.Hits)
	require.Zero(t, out.Measures["exclusive locks, in sum"].Amount.Value)
	require.Positive(t, out.Measures["exclusive locks, in sum"].Amount.Of)
	require.EqualValues(t, 2, out.Measures["rollback to the first good write"].Amount.Of)
	require.Positive(t, out.Measures["schema differences"].Share.Of)
	account, err := drive.CountLosses(t.Context(), u.Operator.DSN, out.Ledger)
	require.NoError(t, err)
	require.Greater(t, account.Acknowledged, int64(100))
	require.Equal(t, account.Acknowledged, account.Found)
	require.Zero(t, account.Lost+account.Unexpected+account.Wrong)
}

func TestAnUpgradeThatStopsWritersIsSeen(t *testing.T) {
	u := upgraded(t, `LOCK TABLE ticks IN SHARE MODE; PERFORM pg_sleep(0.4);`)
	u.Way = []int64{2, 1}
	out, err := u.UnderLoad(t.Context())
	require.NoError(t, err)
	for name, want := range map[string]float64{"exclusive locks, in sum": 800, "longest write stall": 400, "locks against readers, in sum": 0} {
		require.InDelta(t, want, out.Measures[name].Amount.Value, want/5, name)
	}
	require.GreaterOrEqual(t, out.Measures["rollback to the first good write"].Amount.Value, 0.4)
	require.GreaterOrEqual(t, out.Measures["store latency"].Histogram.Max(), 350*time.Millisecond)
}

func TestAnUpgradeThatHarmsIsSeen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		does          string
		rows, schema  int64
		told, changed string
	}{
		"a row that was there is lost": {`DELETE FROM ticks WHERE trade = 3;`, 1, 0, "", "is lost"},
		"a row that was there differs": {`IF goal = 3 THEN UPDATE ticks SET price = price * (1 + 1e-15) WHERE trade = 4; END IF;`, 1, 0, "", "has other figures"},
		"an index stays away": {
			`IF goal = 1 THEN ALTER TABLE bars DROP CONSTRAINT bars_pkey; END IF;`, 0, 2, "version 1: constraint bars_pkey of bars is gone", "",
		},
		"a column is left behind": {`IF goal = 3 THEN ALTER TABLE ticks ADD note text; END IF;`, 0, 2, "version 2: column ticks.note is new", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := upgraded(t, test.does).UnderLoad(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.rows, out.Measures["rows changed"].Share.Hits, out.Changed)
			require.Equal(t, test.schema, out.Measures["schema differences"].Share.Hits, out.Differences)
			if test.told != "" {
				require.Contains(t, out.Differences, test.told)
			}
			if test.changed != "" {
				require.Contains(t, out.Changed[0], test.changed)
			}
		})
	}
}

func TestAnUpgradeThatDoesNotGetThereIsSeen(t *testing.T) {
	t.Parallel()
	out, err := upgraded(t, `goal := least(goal, 2);`).UnderLoad(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 2}, out.Measures["migrations left unfinished"].Share, "and the way ends there")
	_, err = upgraded(t, `IF goal = 3 THEN RAISE 'no way'; END IF;`).UnderLoad(t.Context())
	require.ErrorContains(t, err, "going from schema 2 to 3")
}

func TestWritesThatEndWithAMoveAreNoGoodWrite(t *testing.T) {
	u := upgraded(t, `IF goal = 1 THEN ALTER TABLE ticks RENAME TO ticks_away; CREATE TABLE ticks (instrument_id int, at timestamptz, trade bigint, price float8, volume float8, CHECK (price IS NULL)); END IF;`)
	u.Way = []int64{2, 1}
	out, err := u.UnderLoad(t.Context())
	require.NoError(t, err)
	back := out.Measures["rollback to the first good write"].Amount
	require.Contains(t, back.Says, "none until the end")
	require.GreaterOrEqual(t, back.Value, 1.0)
	require.GreaterOrEqual(t, out.Measures["longest write stall"].Amount.Value, 900.0)
	require.Positive(t, out.Measures["prices refused"].Share.Hits)
}
