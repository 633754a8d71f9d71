package migrate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestAPlanShowsEveryStatementAndChangesNothing(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	m := open(t, dsn, migrate.Options{})
	conn := connect(t, dsn)
	steps, err := m.Plan(t.Context(), 7)
	require.NoError(t, err)
	require.Len(t, steps, 7)
	require.Zero(t, count(t, conn, `pg_class where relnamespace = 'public'::regnamespace`), "not even goose's table is made")

	migrateTo(t, m, 5)
	steps, err = m.Plan(t.Context(), 3)
	require.NoError(t, err)
	require.Len(t, steps, 2)
	require.Equal(t, "float8", steps[1].Name)
	require.False(t, steps[1].Up)
	for _, s := range steps {
		for _, p := range s.Statements {
			require.NotEmpty(t, p.Title)
			require.NotEmpty(t, p.SQL)
			require.NotEmpty(t, p.Blocking)
		}
	}
	requireFresh(t, m, 5)
}

// A plan that is carried out by hand, statement by statement, leads to the
// version; on the way each statement takes the locks that it says.
func TestWhatAPlanSaysOfLocksIsTrue(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, 1)
	fill(t, conn)
	for _, way := range [][2]int64{{1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 6}, {6, 5}, {5, 4}, {4, 3}, {3, 2}, {2, 1}} {
		steps, err := m.Plan(t.Context(), way[1])
		require.NoError(t, err)
		hand := connect(t, dsn)
		run(t, hand, `create table migration_running (position jsonb)`)
		run(t, hand, `insert into migration_running values ('{}')`)
		for _, p := range steps[0].Statements {
			if !strings.HasSuffix(p.Title, "(after a refusal)") {
				byHand(t, hand, p)
			}
		}
		run(t, hand, `drop table migration_running`)
		if way[1] > way[0] {
			run(t, hand, fmt.Sprintf(`insert into goose_db_version (version_id, is_applied) values (%d, true)`, way[1]))
		} else {
			run(t, hand, fmt.Sprintf(`delete from goose_db_version where version_id = %d`, way[0]))
		}
		requireFresh(t, m, way[1])
	}
}

func byHand(t *testing.T, conn *pgx.Conn, p migrate.Planned) {
	t.Helper()
	for _, alone := range []string{" concurrently ", "pg_temp.copy_rows(", "pg_temp.switch(", "pg_temp.drop_table("} {
		if strings.Contains(p.SQL, alone) && !strings.HasSuffix(p.Title, "(in every session)") {
			run(t, conn, p.SQL)
			return
		}
	}
	var existing []string
	require.NoError(t, conn.QueryRow(t.Context(), `
		select coalesce(array_agg(relname::text), '{}') from pg_class where relkind in ('r', 'p')
			and relname in ('market_data', 'instruments', 'ticks', 'bars', 'partition_events')`).Scan(&existing))
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	rows, err := tx.Query(t.Context(), `select relname::text, oid from pg_class where relname = any($1)`, existing)
	require.NoError(t, err)
	oids := map[uint32]string{}
	var name string
	var oid uint32
	_, err = pgx.ForEachRow(rows, []any{&name, &oid}, func() error { oids[oid] = name; return nil })
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), p.SQL)
	require.NoError(t, err, p.Title)
	rows, err = tx.Query(t.Context(), `select relation, mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation'`)
	require.NoError(t, err)
	held := map[string]int{}
	var mode string
	_, err = pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if table, ok := oids[oid]; ok {
			held[table] = max(held[table], strength(mode))
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, tx.Commit(t.Context()))

	declared := map[string]int{}
	for _, lock := range p.Locks {
		if slices.Contains(existing, lock.Table) {
			declared[lock.Table] = strength(lock.Mode)
		}
	}
	for _, table := range existing {
		// What conflicts with nothing but changes of the schema need not be said.
		if strings.Contains(p.Title, ", if ") && held[table] == 0 {
			continue
		}
		if held[table] > strength("ROW EXCLUSIVE") || declared[table] > strength("ROW EXCLUSIVE") {
			require.Equal(t, held[table], declared[table], "%s: the lock on %s", p.Title, table)
		}
	}
}

// strength orders the modes of locks, however they are written.
func strength(mode string) int {
	mode = strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(mode, " ", "")), "lock")
	return 1 + slices.Index([]string{
		"accessshare", "rowshare", "rowexclusive", "shareupdateexclusive", "share", "sharerowexclusive", "exclusive", "accessexclusive",
	}, mode)
}
