package drive_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestTheRealServiceKeepsWhatMustStay(t *testing.T) {
	t.Parallel()
	s := released(t, 7)
	s.trades(t, 50)

	seen, tried, err := s.market.OfferImpossible(t.Context(), s.symbols[0])
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 12}, seen["impossible rows taken"].Share, "%+v", tried)
	seen, tried, err = s.operator.ForceImpossible(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 16}, seen["impossible rows let in"].Share, "%+v", tried)
	seen, tried, err = s.operator.DestroyHistory(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 4}, seen["removals of history that went through"].Share, "%+v", tried)
	require.Equal(t, &measure.Share{Of: 50}, seen["history rows lost"].Share)
	seen, err = s.market.Repeat(t.Context(), s.operator, s.prices.Take(20))
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 70}, seen["rows changed by repetition"].Share)
	require.Equal(t, &measure.Share{Of: 40}, seen["repetitions not told"].Share)

	seen, err = s.market.Retire(t.Context(), s.operator, s.symbols[:2])
	require.NoError(t, err)
	for name, of := range map[string]int64{
		"deleted instruments still shown": 10, "deleted instruments that cannot be seen": 10,
		"writes to deleted instruments taken": 6, "history rows lost": 140, "instruments that did not come back": 10,
	} {
		require.Equal(t, &measure.Share{Of: of}, seen[name].Share, name)
	}
}

// careless is a database without promises, in which an instrument has a history.
func careless(t *testing.T) drive.Operator {
	t.Helper()
	dsn, _ := database(t, currentLayout,
		`ALTER TABLE ticks DROP CONSTRAINT ticks_instrument_id_fkey; ALTER TABLE bars DROP CONSTRAINT bars_instrument_id_fkey`,
		`INSERT INTO instruments (symbol) VALUES ('AAPL')`,
		`INSERT INTO ticks SELECT 1, now() + n * interval '1 second', n, 100 + n, 1 FROM generate_series(1, 10) n`)
	return drive.Operator{Tool: self(t), DSN: dsn}
}

func TestADatabaseWithoutPromisesIsSeen(t *testing.T) {
	o := careless(t)
	seen, _, err := o.ForceImpossible(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 16, Of: 16}, seen["impossible rows let in"].Share)
	seen, _, err = o.DestroyHistory(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 4, Of: 4}, seen["removals of history that went through"].Share)
	require.Equal(t, &measure.Share{Of: 10}, seen["history rows lost"].Share, "everything was taken back")
}

func TestAServiceWithoutCareIsSeen(t *testing.T) {
	o := careless(t)
	removed := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			execute(t, o.DSN, `DELETE FROM ticks WHERE trade < 4`)
			removed = true
		case r.Method == http.MethodPost && r.URL.Path == "/api/ticks":
			if !removed {
				execute(t, o.DSN, `UPDATE ticks SET volume = volume + 1 WHERE trade = 5`)
			}
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]int{"stored": 1, "duplicates": 0})
			return
		case r.URL.Path == "/api/instruments" && r.Method == http.MethodGet:
			_, _ = w.Write([]byte(`{"instruments":[{"symbol":"AAPL"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{}`))
	}))
	defer s.Close()
	m := drive.NewMarket(s.URL, 4)
	defer m.Close()

	seen, _, err := m.OfferImpossible(t.Context(), "AAPL")
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 12, Of: 12}, seen["impossible rows taken"].Share)
	seen, err = m.Repeat(t.Context(), o, market.NewTicks(1, market.Calibration{}, []string{"AAPL"}, time.Now(), time.Second).Take(3))
	require.NoError(t, err)
	require.Equal(t, int64(10), seen["rows changed by repetition"].Share.Hits, "all rows of the day")
	require.Equal(t, &measure.Share{Hits: 6, Of: 6}, seen["repetitions not told"].Share)
	seen, err = m.Retire(t.Context(), o, []string{"AAPL"})
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 5, Of: 5}, seen["deleted instruments still shown"].Share)
	require.Equal(t, &measure.Share{Hits: 3, Of: 3}, seen["writes to deleted instruments taken"].Share)
	require.Positive(t, seen["history rows lost"].Share.Hits)
}
