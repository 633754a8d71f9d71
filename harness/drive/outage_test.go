package drive_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// clinic is a service whose health a test decides.
func clinic(t *testing.T, health http.HandlerFunc) *drive.Market {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/health", health)
	mux.HandleFunc("/api/health/", health)
	mux.HandleFunc("/api/ticks", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	m := drive.NewMarket(s.URL, 16).Impatient(100 * time.Millisecond)
	t.Cleanup(m.Close)
	return m
}

// hang holds the caller until it gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// breakOff ends the connection without an answer.
func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestHealthThatHangsOrBreaksOffIsMissedAndLate(t *testing.T) {
	for name, health := range map[string]http.HandlerFunc{"hangs": hang, "breaks off": breakOff} {
		t.Run(name, func(t *testing.T) {
			got, err := clinic(t, health).AskHealth(t.Context(), 400)
			require.NoError(t, err)
			require.Equal(t, &measure.Share{Hits: 9, Of: 9}, got["health answers missed"].Share, "three questions, each asked three times")
			require.Zero(t, got["version 1 answers that changed"].Share.Of)
			require.GreaterOrEqual(t, got["health answer"].Histogram.Min(), 100*time.Millisecond)
		})
	}
}

func TestDatabaseHealthThatHangsNowAndThenIsMissedAndLate(t *testing.T) {
	var asked atomic.Int64
	const complete = `{"age_ms":5,"stale":[],"pool":{"utilisation":0},"inserts":{"rows_per_second":1},"queries":{"p99_ms":1},"cache":{"hit_ratio_since_reset":1}}`
	m := clinic(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%4 == 0 {
			hang(w, r)
			return
		}
		_, _ = w.Write([]byte(complete))
	})
	prices := market.NewTicks(1, market.Calibration{}, market.Symbols(2), time.Now(), time.Millisecond)
	got, err := m.ReadDatabaseHealth(t.Context(), drive.Reading{For: 400 * time.Millisecond, Rate: 20, PerSecond: 20, Prices: prices})
	require.NoError(t, err)
	missed := got["health answers missed"].Share
	require.Positive(t, missed.Hits)
	require.EqualValues(t, 8, missed.Of)
	require.EqualValues(t, 8, got["health answer"].Histogram.Count(), "a missed answer has a latency too")
	require.GreaterOrEqual(t, got["health answer"].Histogram.Max(), 100*time.Millisecond)
	require.Equal(t, missed.Of-missed.Hits, got["answers that break their schema"].Share.Of)
	require.Positive(t, got["answers that break their schema"].Share.Hits, "the answer is far from its schema")
}

// outage stops the database of a clinic for a while; its health may lie about it.
func outage(t *testing.T, health func(w http.ResponseWriter, r *http.Request, stopped bool)) measure.Set {
	t.Helper()
	var stopped atomic.Bool
	m := clinic(t, func(w http.ResponseWriter, r *http.Request) { health(w, r, stopped.Load()) })
	got, err := m.Outage(t.Context(), drive.Outage{
		For:      50 * time.Millisecond,
		Begin:    func(context.Context) error { stopped.Store(true); return nil },
		End:      func(context.Context) error { stopped.Store(false); return nil },
		Patience: 400 * time.Millisecond,
	})
	require.NoError(t, err)
	require.False(t, stopped.Load(), "the database was not let back")
	return got
}

func sick(w http.ResponseWriter, r *http.Request, stopped bool) {
	if stopped && !strings.HasSuffix(r.URL.Path, "/live") {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func TestAnOutageThatIsToldIsMeasured(t *testing.T) {
	got := outage(t, sick)
	require.Equal(t, &measure.Share{Of: 2}, got["changes never told"].Share)
	require.Less(t, got["time until the trouble is told"].Amount.Value, 0.4)
	require.Zero(t, got["liveness answers missed"].Share.Hits)
	require.Zero(t, got["health answers missed"].Share.Hits)
}

func TestAnOutageThatIsHiddenIsNeverTold(t *testing.T) {
	got := outage(t, func(http.ResponseWriter, *http.Request, bool) {})
	require.Equal(t, &measure.Share{Hits: 2, Of: 2}, got["changes never told"].Share)
	trouble := got["time until the trouble is told"].Amount
	require.GreaterOrEqual(t, trouble.Value, 0.4)
	require.Contains(t, trouble.Says, "a lower bound")
	require.Zero(t, got["time until the recovery is told"].Amount.Of, "nobody recovers from what was never told")
}

func TestARecoveryThatIsHiddenIsNeverTold(t *testing.T) {
	var once atomic.Bool
	got := outage(t, func(w http.ResponseWriter, r *http.Request, stopped bool) {
		once.Store(once.Load() || stopped)
		sick(w, r, once.Load())
	})
	require.Equal(t, &measure.Share{Hits: 1, Of: 2}, got["changes never told"].Share)
	require.GreaterOrEqual(t, got["time until the recovery is told"].Amount.Value, 0.4)
}

func TestHealthThatDiesWithTheDatabaseIsMissed(t *testing.T) {
	got := outage(t, func(w http.ResponseWriter, r *http.Request, stopped bool) {
		if stopped {
			breakOff(w, r)
		}
	})
	require.Positive(t, got["liveness answers missed"].Share.Hits)
	require.Positive(t, got["health answers missed"].Share.Hits)
	require.GreaterOrEqual(t, got["health answer"].Histogram.Max(), 100*time.Millisecond)
}

func TestShuttingOutMeetsClientsAndNobodyElse(t *testing.T) {
	dsn, short := database(t)
	client, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer client.Close(context.Background())
	config, err := pgconn.ParseConfig(dsn)
	require.NoError(t, err)
	config.RuntimeParams["replication"] = "database"
	sender, err := pgconn.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer sender.Close(context.Background())

	admin, name := server.postgres.DSN(""), client.Config().Database
	require.NotEmpty(t, short)
	require.NoError(t, drive.ShutOut(t.Context(), admin, name))
	require.Error(t, client.Ping(t.Context()), "the client was not disconnected")
	_, err = pgx.Connect(t.Context(), dsn)
	require.Error(t, err, "a client came in")
	_, err = sender.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
	require.NoError(t, err, "a part of the server was ended")

	require.NoError(t, drive.LetIn(t.Context(), admin, name))
	execute(t, dsn, "SELECT 1")
}
