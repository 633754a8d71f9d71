package migrate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

// TestWhoIsListedWhileRowsAreCopiedIsThereAfterwards: after a rollback the
// service lists instruments in instruments_kept, also while the way up is taken.
func TestWhoIsListedWhileRowsAreCopiedIsThereAfterwards(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, 3)
	run(t, conn, `insert into instruments (symbol, name) values ('OLD', 'As it was')`)
	migrateTo(t, m, 2)

	late := open(t, dsn, migrate.Options{Watch: func(e migrate.Event) {
		if e.Kind == migrate.End && e.Title == "copy the rows" {
			run(t, conn, `insert into instruments_kept (symbol, name) values ('LATE', 'Listed late')`)
			run(t, conn, `update instruments_kept set name = 'Renamed' where symbol = 'OLD'`)
		}
	}})
	migrateTo(t, late, 3)
	requireFresh(t, m, 3)
	var names string
	require.NoError(t, conn.QueryRow(t.Context(), `select string_agg(symbol || ' ' || name, ', ' order by id) from instruments`).Scan(&names))
	require.Equal(t, "OLD Renamed, LATE Listed late", names)
	require.Zero(t, count(t, conn, `pg_class where relname ~ '^instruments_kept'`))
}
