package monitor_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

func planner(t *testing.T, dsn string) *monitor.Service {
	t.Helper()
	pool, err := monitor.OpenPool(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return monitor.New(monitor.Config{
		Pool: pool, Settings: map[string]string{"random_page_cost": "1.25", "statement_timeout": "10s"},
		Statements: []monitor.CataloguedStatement{
			{Name: "find", SQL: "-- a comment\nselect id from instruments where symbol = $1 limit $2", Parameters: 2},
			{Name: "all", SQL: "select symbol from instruments"},
			{Name: "store", SQL: "insert into instruments (symbol) select unnest($1::text[]) returning id", Parameters: 1},
			{Name: "newer", SQL: "select nowhere from instruments"},
		},
	})
}

func TestAPlanIsToldWithoutExecutingTheStatement(t *testing.T) {
	dsn := testdb.Migrated(t)
	s := planner(t, dsn)
	for _, name := range []string{"find", "all", "store"} {
		plan, err := s.Plan(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, name, plan.Name)
		require.NotEmpty(t, plan.Version)
		var told struct {
			Plan struct {
				NodeType string `json:"Node Type"`
			}
			Settings map[string]string
		}
		require.NoError(t, json.Unmarshal(plan.Plan, &told), "%s", plan.Plan)
		require.NotEmpty(t, told.Plan.NodeType)
		require.Equal(t, name == "find", strings.Contains(string(plan.Plan), "$1"), "for any parameters: %s", plan.Plan)
		require.Equal(t, "1.25", told.Settings["random_page_cost"], "planned as it is executed")

		again, err := s.Plan(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, plan.PlannedAt, again.PlannedAt, "asked once in ten seconds")
	}
	var rows int
	require.NoError(t, session(t, dsn).QueryRow(t.Context(), "select count(*) from instruments").Scan(&rows))
	require.Zero(t, rows)
}

func TestWhatCannotBePlannedIsSaid(t *testing.T) {
	dsn := testdb.Migrated(t)
	s := planner(t, dsn)
	_, err := s.Plan(t.Context(), "drop everything")
	require.ErrorIs(t, err, monitor.ErrNoStatement)
	for range 2 { // the first leaves nothing behind
		_, err = s.Plan(t.Context(), "newer")
		require.ErrorIs(t, err, monitor.ErrNotPlannable)
		_, err = s.Plan(t.Context(), "all")
		require.NoError(t, err)
	}

	conn := session(t, dsn)
	do(t, conn, "begin", "lock table instruments in access exclusive mode")
	began := time.Now()
	_, err = s.Plan(t.Context(), "find")
	require.Error(t, err)
	require.NotErrorIs(t, err, monitor.ErrNotPlannable, "it is locked")
	require.Less(t, time.Since(began), 1200*time.Millisecond)
	do(t, conn, "rollback")
	_, err = s.Plan(t.Context(), "find")
	require.NoError(t, err)
}

func TestAPlanWaitsForNobodyLong(t *testing.T) {
	s := planner(t, testdb.Mute(t))
	began := time.Now()
	_, err := s.Plan(t.Context(), "all")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 1200*time.Millisecond)
}
