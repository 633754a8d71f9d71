package migrate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

// TestAPartitionThatWasSetAsideGoesAllTheWayAndBack: what was detached and kept
// refers to the instruments, whatever their table is called.
func TestAPartitionThatWasSetAsideGoesAllTheWayAndBack(t *testing.T) {
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, m.Newest())
	run(t, conn, `insert into instruments (symbol) values ('AAPL')`)
	run(t, conn, `create table ticks_kept_20240229 (like ticks including all, foreign key (instrument_id) references instruments on delete restrict)`)
	run(t, conn, `insert into ticks_kept_20240229 (instrument_id, at, trade, price, volume) values (1, '2024-02-29', 1, 1, 1)`)

	migrateTo(t, m, 1)
	migrateTo(t, m, m.Newest())
	requireFresh(t, m, m.Newest())
	require.Equal(t, int64(1), count(t, conn, `pg_constraint where contype = 'f' and conrelid = 'ticks_kept_20240229'::regclass and confrelid = 'instruments'::regclass`))

	run(t, conn, `delete from ticks_kept_20240229`)
	run(t, conn, `delete from instruments`)
	migrateTo(t, m, 0)
	require.Zero(t, count(t, conn, `pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'goose_db_version'`))
}

// TestTablesOfOthersUnderOurNamesAreRefused: a step makes and drops tables
// beside its own, and must not drop somebody else's.
func TestTablesOfOthersUnderOurNamesAreRefused(t *testing.T) {
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, 3)
	run(t, conn, `create table ticks_old (precious text)`)
	run(t, conn, `insert into ticks_old values ('keep me')`)
	_, err := m.To(t.Context(), 4)
	require.ErrorContains(t, err, "ticks_old")
	require.ErrorContains(t, err, "rename what has such a name")
	require.Equal(t, int64(1), count(t, conn, "ticks_old"))
}

func TestATableThatIsBeingCopiedCannotBeTruncated(t *testing.T) {
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	refused := false
	m := open(t, dsn, migrate.Options{Watch: func(e migrate.Event) {
		if e.Kind == migrate.End && e.Title == "copy the ticks" {
			_, err := conn.Exec(t.Context(), `truncate ticks`)
			refused = err != nil
		}
	}})
	migrateTo(t, m, 4)
	require.True(t, refused, "the rows would come back")
}
