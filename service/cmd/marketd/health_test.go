package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
)

// serving is a service that runs until the test ends, with a token.
type serving struct {
	t       *testing.T
	address string
}

func startServing(t *testing.T, dsn string) serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		p := program{write, io.Discard, func(name string) string { return map[string]string{tokenVariable: "open sesame"}[name] }}
		ended <- run(ctx, p, []string{"serve", "--listen", "127.0.0.1:0", "--database", dsn})
	}()
	t.Cleanup(func() {
		stop()
		require.Equal(t, exitDone, <-ended)
	})
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	return serving{t, strings.TrimSuffix(strings.TrimPrefix(line, "marketd listening on "), "\n")}
}

// ask asks and says how long the answer took.
func (s serving) ask(path, token string) (status int, body []byte, took time.Duration) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.address+path, http.NoBody)
	require.NoError(s.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	body, err = io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	return answer.StatusCode, body, time.Since(began)
}

func (s serving) snapshot() monitor.Snapshot {
	s.t.Helper()
	_, body, _ := s.ask("/api/health/database", "")
	var snapshot monitor.Snapshot
	require.NoError(s.t, json.Unmarshal(body, &snapshot))
	return snapshot
}

func planOf(name string) string { return "/api/health/queries/" + url.PathEscape(name) + "/plan" }

func TestEveryStatementOfTheCatalogueHasAPlan(t *testing.T) {
	s := startServing(t, testdb.Migrated(t))
	for _, q := range market.Queries() {
		status, body, _ := s.ask(planOf(q.Name), "open sesame")
		require.Equal(t, http.StatusOK, status, "%s: %s", q.Name, body)
		require.NoError(t, contracts.Check("http/health_query_plan", body))
	}
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		status, body, _ := s.ask(planOf("latest price"), token)
		require.Equal(t, want, status)
		require.NotContains(t, strings.ToLower(string(body)), "select")
	}
	status, body, _ := s.ask(planOf("weather"), "open sesame")
	require.Equal(t, http.StatusNotFound, status)
	require.NoError(t, contracts.Check("http/error", body))
}

func TestEveryHealthAnswerComesWhileSomethingIsLocked(t *testing.T) {
	dsn := testdb.Migrated(t)
	s := startServing(t, dsn)
	require.Eventually(t, func() bool {
		seen := s.snapshot()
		return seen.Status == monitor.Pass && seen.Partitions != nil
	}, 10*time.Second, 20*time.Millisecond)
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	var partition string
	require.NoError(t, conn.QueryRow(ctx, `select inhrelid::regclass::text from pg_inherits where inhparent = 'ticks'::regclass
		order by inhrelid limit 1`).Scan(&partition))

	const limit = 1200 * time.Millisecond
	for _, lock := range []struct{ table, stale string }{{partition, ""}, {"pg_class", "inserts"}} {
		t.Run(lock.table, func(t *testing.T) {
			s.t = t
			tx, err := conn.Begin(ctx)
			require.NoError(t, err)
			_, err = tx.Exec(ctx, "lock table "+lock.table+" in access exclusive mode")
			require.NoError(t, err)
			pace := time.NewTicker(200 * time.Millisecond)
			defer pace.Stop()
			for locked := time.Now(); time.Since(locked) < 12*time.Second; <-pace.C { // longer than any part of a look waits
				for path, wanted := range map[string][]int{
					"/api/health": {200}, "/api/health/live": {200}, "/api/health/ready": {200}, "/api/health/database": {200},
					"/api/health/partitions": {200}, "/api/health/performance": {200}, planOf("store prices"): {200, 503},
				} {
					status, body, took := s.ask(path, "open sesame")
					require.Less(t, took, limit, path)
					require.Contains(t, wanted, status, "%s: %s", path, body)
				}
				if lock.stale != "" && slices.ContainsFunc(s.snapshot().Stale, func(part monitor.Stale) bool { return part.Part == lock.stale }) {
					break
				}
			}
			seen := s.snapshot()
			if lock.stale == "" {
				require.Empty(t, seen.Stale, "no figure waits for a partition")
				require.Less(t, seen.AgeMS, int64(2000))
			} else {
				require.Equal(t, monitor.Warn, seen.Status)
				require.Contains(t, seen.Reasons, monitor.StaleParts)
				require.NotNil(t, seen.Stale[0].AgeMS)
			}
			require.NoError(t, tx.Rollback(ctx))
		})
	}
}
