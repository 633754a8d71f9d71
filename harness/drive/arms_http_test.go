package drive_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// small is a small service on a real database: it stores prices, sends them to
// whoever listens, and answers questions as library does.
type small struct {
	held     time.Duration // how long each answer is held up
	wrong    atomic.Bool   // tells of another price than was traded
	deaf     atomic.Bool   // does not send prices on
	refusing atomic.Bool
	careless atomic.Bool // acknowledges what the log does not have on disk

	db    *pgxpool.Pool
	mu    sync.Mutex
	lines []*websocket.Conn
}

// release starts the service on a database of its own.
func (s *small) release(t *testing.T, name string) *drive.Release {
	t.Helper()
	dsn, _ := database(t, currentLayout)
	r, err := drive.OpenRelease(t.Context(), name, s.on(t, dsn), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	require.NoError(t, r.Stock(t.Context(), earlier(40), nil, market.Symbols(2)))
	return r
}

// on starts the service on a database and says where it listens.
func (s *small) on(t *testing.T, dsn string) string {
	t.Helper()
	var err error
	s.db, err = pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(s.db.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/instruments", s.list)
	mux.HandleFunc("POST /api/ticks", s.store)
	mux.HandleFunc("GET /ws", s.listen)
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil, `{"status":"pass"}`) })
	mux.HandleFunc("GET /api/prices/latest", s.latest)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold(r.Context(), s.held)
		if s.refusing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			answer(w, nil, `{"error":{"code":"busy","message":"not now"}}`)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func hold(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (s *small) list(w http.ResponseWriter, r *http.Request) {
	_, err := s.db.Exec(r.Context(), `INSERT INTO instruments (symbol) SELECT unnest($1::text[])`, market.Symbols(2))
	answer(w, err, `{"stored":2}`)
}

func (s *small) store(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Ticks []struct {
			Symbol        string
			At            time.Time
			Trade         int64
			Price, Volume float64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, err, "")
		return
	}
	batch := &pgx.Batch{}
	if s.careless.Load() {
		batch.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	}
	for _, p := range body.Ticks {
		batch.Queue(`INSERT INTO ticks SELECT id, $2, $3, $4, $5 FROM instruments WHERE symbol = $1`, p.Symbol, p.At, p.Trade, p.Price, p.Volume)
	}
	answer(w, s.db.SendBatch(r.Context(), batch).Close(), `{"stored":1}`)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.lines {
		for _, p := range body.Ticks {
			if !s.deaf.Load() {
				_ = line.WriteJSON(map[string]any{"type": "market_data", "data": map[string]any{"symbol": p.Symbol, "price": p.Price, "volume": p.Volume, "trade": p.Trade}})
			}
		}
	}
}

func (s *small) listen(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, conn)
	_ = conn.WriteMessage(websocket.TextMessage, []byte(greeting))
}

func (s *small) latest(w http.ResponseWriter, r *http.Request) {
	symbol := r.URL.Query().Get("symbol")
	var at time.Time
	var trade int64
	var price, volume float64
	err := s.db.QueryRow(r.Context(), `SELECT at, trade, price, volume FROM ticks JOIN instruments ON id = instrument_id
		WHERE symbol = $1 ORDER BY at DESC LIMIT 1`, symbol).Scan(&at, &trade, &price, &volume)
	if s.wrong.Load() {
		price++
	}
	raw, _ := json.Marshal(map[string]any{"symbol": symbol, "at": at, "trade": trade, "price": price, "volume": volume})
	answer(w, err, string(raw))
}

func answer(w http.ResponseWriter, err error, body string) {
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, body)
}

func earlier(n int) []market.Tick {
	return market.NewTicks(7, market.Calibration{}, market.Symbols(2), time.Now().Truncate(time.Hour), time.Millisecond).Take(n)
}

func afterwards() *market.Ticks {
	return market.NewTicks(8, market.Calibration{}, market.Symbols(2), time.Now().Truncate(time.Hour).Add(time.Hour), time.Millisecond)
}

// rows counts what a release has stored.
func (s *small) rows(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM ticks`).Scan(&n))
	return n
}

func TestEveryTrialOfAReleaseBeginsWithTheSamePrices(t *testing.T) {
	t.Parallel()
	var s small
	w, err := s.release(t, "baseline").Store(t.Context(), 10, afterwards)
	require.NoError(t, err)
	require.EqualValues(t, 40, w.Rows)
	require.Equal(t, "on", w.Settings["fsync"])
	for range 2 { // the same prices again: storing one twice would break the key
		for range 3 {
			took, err := w.Run(t.Context(), 2)
			require.NoError(t, err)
			require.Positive(t, took)
		}
		require.Equal(t, 100, s.rows(t))
		require.NoError(t, w.Reset(t.Context()))
		require.Equal(t, 40, s.rows(t))
	}
}

func TestASlowReleaseTakesLonger(t *testing.T) {
	t.Parallel()
	slow := &small{held: 20 * time.Millisecond}
	r := slow.release(t, "current")
	look, err := r.Answer(t.Context(), drive.LatestPrice)
	require.NoError(t, err)
	health, err := r.Health(t.Context())
	require.NoError(t, err)
	store, err := r.Store(t.Context(), 1, afterwards)
	require.NoError(t, err)
	deliver, leave, err := r.Deliver(t.Context(), 2, 5, afterwards)
	require.NoError(t, err)
	defer leave()
	for _, w := range []drive.Workload{look, health, store, deliver} {
		if w.Reset != nil {
			require.NoError(t, w.Reset(t.Context()), w.Text)
		}
		took, err := w.Run(t.Context(), 3)
		require.NoError(t, err, w.Text)
		require.GreaterOrEqual(t, took, 3*slow.held, w.Text)
	}
}

func TestAnAnswerThatIsWrongHasNoTime(t *testing.T) {
	t.Parallel()
	var s small
	r := s.release(t, "current")
	_, err := r.Answer(t.Context(), "tomorrow's price")
	require.ErrorContains(t, err, `no question "tomorrow's price"`)
	_, err = r.Answer(t.Context(), drive.DailyBars)
	require.ErrorContains(t, err, "nothing was stored that it could be about")
	s.wrong.Store(true)
	_, err = r.Answer(t.Context(), drive.LatestPrice)
	require.ErrorContains(t, err, "asking the current release for the latest price: it answered 200, and not what was stored")
}

func TestWhatAReleaseRefusesOrLosesHasNoTime(t *testing.T) {
	t.Parallel()
	var s small
	r := s.release(t, "current")
	store, err := r.Store(t.Context(), 1, afterwards)
	require.NoError(t, err)
	deliver, leave, err := r.Deliver(t.Context(), 2, 5, afterwards)
	require.NoError(t, err)
	defer leave()
	s.deaf.Store(true)
	_, err = deliver.Run(t.Context(), 1)
	require.ErrorContains(t, err, "the current release delivered 0 of the 10 prices that were due to 2 traders")
	s.refusing.Store(true)
	_, err = store.Run(t.Context(), 2)
	require.ErrorContains(t, err, "request 1 of 2 to the current release: the service refused (503 busy): not now")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = store.Run(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}
