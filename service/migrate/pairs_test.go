package migrate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestEveryPairOfVersionsIsAWayThereAndBack(t *testing.T) {
	t.Parallel()
	for from := int64(1); from <= 7; from++ {
		t.Run(fmt.Sprintf("from %d", from), func(t *testing.T) {
			t.Parallel()
			dsn := testdb.Empty(t)
			conn := connect(t, dsn)
			m := open(t, dsn, migrate.Options{})
			migrateTo(t, m, 1)
			fill(t, conn)
			before := content(t, conn)
			migrateTo(t, m, from)
			for to := from; to <= 7; to++ { // each pair once, both ways
				for _, version := range []int64{to, from} {
					migrateTo(t, m, version)
					require.Equal(t, before, content(t, conn), "%d to %d and back", from, to)
					requireFresh(t, m, version)
				}
			}
			// Nothing of ours but the tables is left: no log, no function, no copy.
			require.Zero(t, count(t, conn, `pg_proc where pronamespace = 'public'::regnamespace`))
			require.Zero(t, count(t, conn, `pg_class where relname ~ '_(next|old|changes)(_|$)' or relname = 'migration_running'`))
		})
	}
}

func TestAStepThatRefusesInTheEndIsTakenBack(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, 3)
	run(t, conn, `insert into instruments (symbol) values ('AAPL')`)
	late := open(t, dsn, migrate.Options{Watch: func(e migrate.Event) {
		if e.Kind == migrate.End && e.Title == "copy the ticks" {
			run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume) values (1, '2026-01-01', 1, 12345678.12345678, 1)`)
		}
	}})
	_, err := late.To(t.Context(), 5)
	var refused *migrate.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "1 amounts need more than the 15 significant digits of a float8: "+
		"tick of AAPL at 2026-01-01 00:00:00+00 trade 1: 12345678.12345678", refused.Reason)
	requireFresh(t, m, 3)
	require.Zero(t, count(t, conn, `pg_class where relname ~ '_(next|old|changes)(_|$)' or relname = 'migration_running'`))
	require.Equal(t, int64(1), count(t, conn, "ticks"))
}

func TestAWayBackIsOpenAfterAnInterruptedStepThatRefuses(t *testing.T) {
	t.Parallel()
	dsn := testdb.Empty(t)
	conn := connect(t, dsn)
	m := open(t, dsn, migrate.Options{})
	migrateTo(t, m, 3)
	run(t, conn, `insert into instruments (symbol) values ('AAPL')`)
	interrupt(t, dsn, conn, 4, 6)
	run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume) values (1, '2026-01-01', 1, 12345678.12345678, 1)`)
	migrateTo(t, m, 2)
	requireFresh(t, m, 2)
	require.Equal(t, []string{"tick AAPL 2026-01-01 00:00:00+00 1 12345678.12345678 1"}, content(t, conn))
}
