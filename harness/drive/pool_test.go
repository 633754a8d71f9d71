package drive_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// narrow is a service of a few connections, and the hold on its database. What
// it does with those who find no connection is up to the test.
type narrow struct {
	turnAway http.HandlerFunc
	lost     bool // it never recovers

	mu      sync.Mutex
	waiting int
	free    chan struct{}
}

// fits is a connection that a request may take; the crowd comes to a house
// that is full.
const fits = 2

func (n *narrow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // until then a server does not see that a caller has gone
	if r.URL.Path == "/api/health" || r.URL.Path == "/api/health/live" {
		return
	}
	n.mu.Lock()
	free, full := n.free, n.waiting >= fits
	if free != nil && !full {
		n.waiting++
	}
	n.mu.Unlock()
	switch {
	case free != nil && full:
		n.turnAway(w, r)
		return
	case free != nil:
		<-free
	}
	if n.lost && n.wasHeld() {
		n.turnAway(w, r)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (n *narrow) wasHeld() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting > 0
}

func (n *narrow) hold(context.Context) (drive.Hold, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = make(chan struct{})
	return n, nil
}

func (n *narrow) Waiting(context.Context) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting, nil
}

func (n *narrow) Release(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.free)
	n.free = nil
	return nil
}

// busy answers as the contract of a refusal has it, but for what a test alters.
func busy(status int, retry, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

const busyBody = `{"error":{"code":"busy","message":"every connection is in use"}}`

func rush(t *testing.T, n *narrow) (measure.Set, *drive.Ledger, error) {
	t.Helper()
	s := httptest.NewServer(n)
	t.Cleanup(s.Close)
	m := drive.NewMarket(s.URL, 4)
	t.Cleanup(m.Close)
	return m.Rush(t.Context(), drive.Rush{
		Connections: fits, Questions: 5, Hold: n.hold, Patience: 200 * time.Millisecond,
		Prices: market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now().Truncate(time.Second), time.Millisecond).Take(9),
	})
}

func TestARushIsToldByWhatBecameOfEachRequest(t *testing.T) {
	tests := map[string]struct {
		turnAway        http.HandlerFunc
		unclear, silent int64
	}{
		"all are refused clearly":          {busy(503, "1", busyBody), 0, 0},
		"they hang":                        {hang, 10, 10},
		"they are broken off":              {breakOff, 10, 10},
		"nobody says when to come again":   {busy(503, "", busyBody), 10, 0},
		"another status":                   {busy(500, "1", busyBody), 10, 0},
		"another code":                     {busy(503, "1", `{"error":{"code":"database_unavailable","message":"no"}}`), 10, 0},
		"words that are no answer of ours": {busy(503, "1", "too many connections"), 10, 0},
		"a refusal with a stranger in it":  {busy(503, "1", `{"error":{"code":"busy","message":"no","host":"db1"}}`), 10, 0},
		"they are served all the same":     {busy(201, "", `{"stored":1,"duplicates":0}`), 10, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ledger, err := rush(t, &narrow{turnAway: test.turnAway})
			require.NoError(t, err)
			require.NotNil(t, ledger)
			require.Equal(t, &measure.Share{Hits: test.unclear, Of: 10}, got["requests not refused clearly"].Share)
			require.Equal(t, &measure.Share{Hits: test.silent, Of: 10}, got["requests without an answer"].Share)
			require.Zero(t, got["liveness answers missed"].Share.Hits)
			require.Positive(t, got["liveness answers missed"].Share.Of)
			require.Equal(t, "measured once", got["time until the service recovers"].Amount.Says)
			if test.silent > 0 && name == "they hang" {
				require.GreaterOrEqual(t, got["time until the last refusal"].Amount.Value, 0.2)
			}
		})
	}
}

func TestAServiceThatDoesNotRecoverIsWaitedForAndToldSo(t *testing.T) {
	got, _, err := rush(t, &narrow{turnAway: busy(503, "1", busyBody), lost: true})
	require.NoError(t, err)
	require.Contains(t, got["time until the service recovers"].Amount.Says, "a lower bound")
}

func TestARushWithoutPricesIsAnError(t *testing.T) {
	_, _, err := drive.NewMarket("http://127.0.0.1:1", 1).Rush(t.Context(), drive.Rush{Connections: 2})
	require.ErrorContains(t, err, "2 connections with 0 prices")
}

func TestARefusedPriceThatIsStoredIsFound(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout, `INSERT INTO instruments (symbol) SELECT unnest(array['`+market.Symbols(1)[0]+`'])`)
	n := &narrow{turnAway: busy(503, "1", busyBody)}
	_, ledger, err := rush(t, n)
	require.NoError(t, err)
	got, err := drive.RefusedAndStored(t.Context(), dsn, ledger)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Of: 5}, got["refused prices stored"].Share)
	// The first of the crowd is the fourth price: one before, two to be busy with.
	execute(t, dsn, `INSERT INTO ticks SELECT 1, now(), 4, 1, 1`)
	got, err = drive.RefusedAndStored(t.Context(), dsn, ledger)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 5}, got["refused prices stored"].Share)
}

func TestLockedPricesKeepWritersWaitingUntilTheyAreReleased(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout, `INSERT INTO instruments (symbol) VALUES ('AAPL')`)
	hold, err := drive.HoldPrices(t.Context(), dsn)
	require.NoError(t, err)
	n, err := hold.Waiting(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), `INSERT INTO ticks VALUES (1, now(), 1, 1, 1)`)
		done <- err
	}()
	require.Eventually(t, func() bool {
		n, err := hold.Waiting(t.Context())
		return err == nil && n == 1
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, hold.Release(t.Context()))
	require.NoError(t, <-done)
}
