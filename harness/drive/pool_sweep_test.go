package drive_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
)

// pooled is a service with a pool of a size; tells says whether it tells how
// long was waited for it.
type pooled struct {
	size   int
	tells  bool
	refuse bool
	asked  atomic.Int64
}

func (p *pooled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/health/database":
		waited := ""
		if p.tells {
			waited = fmt.Sprintf(`,"waited_ms_since_start":%d`, 3*p.asked.Load())
		}
		_, _ = fmt.Fprintf(w, `{"checked_at":%q,"pool":{"max":%d%s}}`, time.Now().UTC().Format(time.RFC3339Nano), p.size, waited)
	case "/api/ticks":
		p.asked.Add(1)
		w.WriteHeader(http.StatusCreated)
	default:
		if p.refuse {
			busy(503, "1", busyBody)(w, r)
		}
	}
}

// trial sweeps fake services; stopped counts those that were stopped again.
func trial(t *testing.T, tells, refuse bool, stopped *int) drive.PoolTrial {
	t.Helper()
	return drive.PoolTrial{
		Sizes: []int{1, 2, 4}, Clients: []int{2, 3}, Repeats: 3, For: 10 * time.Millisecond, Seed: 1,
		Next: market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Next,
		Start: func(_ context.Context, connections int) (string, func(context.Context) error, error) {
			if connections == 0 {
				connections = 6
			}
			s := httptest.NewServer(&pooled{size: connections, tells: tells, refuse: refuse})
			return s.URL, func(context.Context) error {
				s.Close()
				*stopped++
				return nil
			}, nil
		},
	}
}

func TestASweepReadsEverySizeAsOftenWithEveryNumberOfClients(t *testing.T) {
	stopped := 0
	sweep, own, err := drive.SweepPool(t.Context(), trial(t, true, false, &stopped))
	require.NoError(t, err)
	require.Equal(t, 6, own, "what the service takes by itself")
	require.Equal(t, 1+3*3, stopped, "every service is stopped")
	read := map[[2]int]int{}
	for _, r := range sweep {
		read[[2]int{r.Connections, r.Clients}]++
		require.Positive(t, r.PerSecond)
		require.InDelta(t, 3, r.WaitMS, 1e-9, "three for each operation, and none of the warming")
		require.Zero(t, r.Failed)
	}
	require.Len(t, read, 6)
	for at, n := range read {
		require.Equal(t, 3, n, at)
	}
	require.Equal(t, []int{1, 2, 4}, sweep.Sizes())

	got := sweep.Measures()
	require.InDelta(t, float64(sweep.Recommended(drive.NearBest)), got["recommended pool size"].Amount.Value, 0)
	require.Zero(t, got["operations that failed"].Share.Hits)
	require.Positive(t, got["operations that failed"].Share.Of)
}

func TestAServiceOfAnEarlierReleaseDoesNotTellItsWait(t *testing.T) {
	stopped := 0
	sweep, _, err := drive.SweepPool(t.Context(), trial(t, false, false, &stopped))
	require.NoError(t, err)
	require.True(t, math.IsNaN(sweep[0].WaitMS), "not known is no wait of 0")
}

func TestAServiceThatRefusesEveryQuestionCannotBeSwept(t *testing.T) {
	stopped := 0
	_, _, err := drive.SweepPool(t.Context(), trial(t, true, true, &stopped))
	require.ErrorContains(t, err, "reading a pool of")
	require.ErrorContains(t, err, "busy")
	require.Equal(t, 2, stopped)
}

func TestASizeThatDoesNotStartIsNamed(t *testing.T) {
	stopped := 0
	plan := trial(t, true, false, &stopped)
	start := plan.Start
	plan.Start = func(ctx context.Context, connections int) (string, func(context.Context) error, error) {
		if connections == 4 {
			return "", nil, errors.New("no room")
		}
		return start(ctx, connections)
	}
	_, _, err := drive.SweepPool(t.Context(), plan)
	require.ErrorContains(t, err, "reading a pool of 4 connections: no room")
}

func TestEverySupplyServesTheSamePricesAndPutsItsConnectionsAway(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout)
	side, err := drive.Current(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, side.Close(context.Background())) })
	ticks := market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now().Truncate(time.Second), time.Millisecond)
	require.NoError(t, side.Fill(t.Context(), ticks.Take(50)))
	var stored int64 = 50
	for _, supply := range []drive.Supply{drive.NoPool, drive.UntunedPool, drive.TunedPool} {
		w, done, err := side.Serve(t.Context(), supply, 3, 5, ticks.Next)
		require.NoError(t, err)
		require.Equal(t, string(supply), w.Name)
		require.Contains(t, w.Settings, "fsync")
		settings, err := w.Recheck(t.Context())
		require.NoError(t, err)
		require.Equal(t, w.Settings, settings)
		told, err := w.Observe(t.Context())
		require.NoError(t, err)
		require.NotNil(t, told.WAL)
		if supply == drive.TunedPool {
			require.EqualValues(t, 4, sessions(t, dsn), "all of them are open beforehand, beside that of the side")
		}
		took, err := w.Run(t.Context(), 20)
		require.NoError(t, err)
		require.Positive(t, took)
		done()
		stored += 20
		require.Equal(t, stored, rowsOf(t, dsn))
	}
	require.Eventually(t, func() bool { return sessions(t, dsn) == 1 }, 10*time.Second, 20*time.Millisecond)
}

func sessions(t *testing.T, dsn string) int64 {
	t.Helper()
	return counted(t, dsn, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`)
}

func rowsOf(t *testing.T, dsn string) int64 {
	t.Helper()
	return counted(t, dsn, `SELECT count(*) FROM ticks`)
}

func counted(t *testing.T, dsn, sql string) (n int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

func TestAServiceThatRefusesUnderComparisonIsAnErrorAndNoFigure(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, currentLayout)
	next := market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Next
	for name, refuse := range map[string]bool{"serves": false, "refuses": true} {
		t.Run(name, func(t *testing.T) {
			service := &pooled{refuse: refuse}
			s := httptest.NewServer(service)
			t.Cleanup(s.Close)
			m := drive.NewMarket(s.URL, 4)
			t.Cleanup(m.Close)
			arms, done, err := drive.Serve(t.Context(), dsn, 4, next, drive.Served{Name: "8 connections", Market: m})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, done(context.Background())) })
			require.Contains(t, arms[0].Settings, "synchronous_commit")
			service.asked.Store(0)
			took, err := arms[0].Run(t.Context(), 25)
			require.EqualValues(t, 25, service.asked.Load(), "each is done once")
			if refuse {
				require.ErrorContains(t, err, "serving 4 clients with 8 connections: the service refused (503 busy)")
				return
			}
			require.NoError(t, err)
			require.Positive(t, took)
		})
	}
}
