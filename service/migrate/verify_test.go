package migrate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/migrate"
)

func TestADatabaseThatIsNotWhatItClaimsIsToldInWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version int64
		by      string
		is      error
		want    []string
		wayOut  string
	}{
		"a fresh database":  {version: 4},
		"an empty database": {version: 0},
		"foreign tables that do not collide": {
			version: 4, by: `create table orders (id int); create view ticker as select 1 as one`,
		},
		"foreign tables of our names": {
			version: 0, by: `create table ticks (n int); create view bars as select 1 as one`,
			is: migrate.ErrForeign,
			want: []string{
				"there is a view bars of user postgres, a name that marketd needs",
				"there is a table ticks of user postgres, a name that marketd needs",
			},
			wayOut: "name another database, or move what stands in the way to another schema: alter table … set schema …",
		},
		"a foreign index of our names": {
			version: 0, by: `create table orders (id int); create index ticks_pkey on orders (id)`,
			is:   migrate.ErrForeign,
			want: []string{"there is an index ticks_pkey of user postgres on orders, a name that marketd needs"},
		},
		"a foreign table that a later version needs": {
			version: 2, by: `create table instruments (n int)`,
			is:   migrate.ErrChanged,
			want: []string{"there is a plain table instruments; version 2 has none of that name"},
		},
		"the record of another program": {
			version: 0, by: `create table goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp);
				insert into goose_db_version values (1, 20240101120000, true)`,
			is:   migrate.ErrForeign,
			want: []string{"goose_db_version records version 20240101120000, but there is none of our tables: it is the record of another program"},
		},
		"a table that only has the record's name": {
			version: 0, by: `create table goose_db_version (n int)`,
			is:   migrate.ErrForeign,
			want: []string{"goose_db_version is not a record of migrations: it lacks the columns version_id and is_applied"},
		},
		"a newer version": {
			version: 4, by: `insert into goose_db_version (version_id, is_applied) values (99, true)`,
			is:     migrate.ErrAhead,
			wayOut: "use the marketd that knows version 99, or let that one run `marketd migrate down --to ",
		},
		"half of a step made by hand": {
			version: 3, by: `alter table ticks alter column price type double precision`,
			is:     migrate.ErrChanged,
			want:   []string{"ticks.price is double precision, version 3 has numeric(20,8)"},
			wayOut: "take these changes back by hand; `marketd migrate verify` lists what is left",
		},
		"a column too many, one too few and one that may be null": {
			version: 4, by: `alter table ticks add note text, drop column volume, alter column price drop not null`,
			is: migrate.ErrChanged,
			want: []string{
				"ticks.price is double precision null, version 4 has double precision not null",
				"ticks has no column volume; version 4 has it as double precision not null",
				"ticks has a column note (text null), version 4 has no such column",
			},
		},
		"columns in another order": {
			version: 2, by: `alter table market_data drop column volume; alter table market_data add volume numeric(20, 8) not null;
				alter table market_data drop column close; alter table market_data add close numeric(20, 8) not null`,
			is: migrate.ErrChanged,
			want: []string{"the columns of market_data come in the order id, kind, symbol, at, trade, open, high, low, volume, close, " +
				"version 2 has id, kind, symbol, at, trade, open, high, low, close, volume"},
		},
		"a key that cascades": {
			version: 4, by: `alter table bars drop constraint bars_instrument_id_fkey;
				alter table bars add constraint bars_instrument_id_fkey foreign key (instrument_id) references instruments on delete cascade not valid`,
			is: migrate.ErrChanged,
			want: []string{"the foreign key bars_instrument_id_fkey of bars is (instrument_id) references instruments (id) " +
				"on update no action on delete cascade, not validated, version 4 has " +
				"(instrument_id) references instruments (id) on update no action on delete restrict"},
		},
		"a key that is switched off": {
			version: 4, by: `alter table bars disable trigger all`,
			is: migrate.ErrChanged,
			want: []string{"the foreign key bars_instrument_id_fkey of bars is (instrument_id) references instruments (id) " +
				"on update no action on delete restrict, disabled, version 4 has " +
				"(instrument_id) references instruments (id) on update no action on delete restrict"},
		},
		"an index too many": {
			version: 4, by: `create index slow on ticks (price)`,
			is:   migrate.ErrChanged,
			want: []string{"ticks has the index slow (btree (price)), version 4 has none of that name"},
		},
		"a trigger": {
			version: 4, by: `create function meddle() returns trigger language plpgsql as 'begin return null; end';
				create trigger meddling after insert on ticks execute function meddle()`,
			is:   migrate.ErrChanged,
			want: []string{"ticks has the trigger meddling (calls meddle), version 4 has none of that name"},
		},
		"a table that a crash would empty": {
			version: 2, by: `alter table market_data set unlogged`,
			is:   migrate.ErrChanged,
			want: []string{`market_data is a table of the kind "plain table, unlogged", version 2 has "plain table"`},
		},
		"an index that is invalid": {
			version: 2, by: `update pg_index set indisvalid = false where indexrelid = 'market_data_identity'::regclass`,
			is:   migrate.ErrChanged,
			want: []string{"the index market_data_identity of market_data is invalid: its making was interrupted, and no query uses it"},
		},
		"a step that is done and not recorded": {
			version: 4, by: `delete from goose_db_version where version_id = 4`,
			is:     migrate.ErrChanged,
			want:   []string{"version 3 (instruments) is recorded, but the tables are those of version 4 (float8): a step was done and not recorded"},
			wayOut: "record it: insert into goose_db_version (version_id, is_applied) values (4, true)",
		},
		"a step that is recorded and not done": {
			version: 2, by: `insert into goose_db_version (version_id, is_applied) values (3, true), (4, true)`,
			is:     migrate.ErrChanged,
			want:   []string{"version 4 (float8) is recorded, but the tables are still those of version 2 (lean_indexes)"},
			wayOut: "correct the record: delete from goose_db_version where version_id > 2",
		},
		"a record that was lost": {
			version: 3, by: `drop table goose_db_version`,
			is:     migrate.ErrChanged,
			want:   []string{"the tables are those of version 3 (instruments), but nothing is recorded in goose_db_version"},
			wayOut: "restore goose_db_version from a backup, or record what is there: ",
		},
		"a record with a gap": {
			version: 4, by: `delete from goose_db_version where version_id = 2`,
			is:     migrate.ErrChanged,
			want:   []string{"goose_db_version has no line for version 2 (lean_indexes), though 4 is recorded"},
			wayOut: "add the line: insert into goose_db_version (version_id, is_applied) values (2, true)",
		},
		"tables that were dropped": {
			version: 4, by: `drop table ticks, bars, instruments`,
			is:   migrate.ErrChanged,
			want: []string{"version 4 (float8) is recorded, but there is none of its tables: bars, instruments, ticks"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, conn := database(t)
			if test.version > 0 {
				migrateUp(t, m, test.version)
			}
			run(t, conn, test.by)
			before := everything(t, conn)
			v, err := m.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, before, everything(t, conn), "verifying changes nothing")
			require.Equal(t, test.want, v.Differences)
			require.Contains(t, v.WayOut, test.wayOut)
			if test.is == nil {
				require.NoError(t, v.Err())
				require.Equal(t, v.Version, v.Tables)
				require.Empty(t, v.WayOut)
				return
			}
			require.ErrorIs(t, v.Err(), test.is)
			require.NotEmpty(t, v.WayOut)
			require.Contains(t, v.Err().Error(), v.WayOut)
			for _, migrating := range []func() ([]migrate.Step, error){
				func() ([]migrate.Step, error) { return m.Up(t.Context(), m.Newest()) },
				func() ([]migrate.Step, error) { return m.Down(t.Context(), 0) },
				func() ([]migrate.Step, error) { return m.To(t.Context(), 1) },
			} {
				_, err := migrating()
				require.ErrorIs(t, err, test.is)
				require.Equal(t, before, everything(t, conn), "a migration that is refused changes nothing")
			}
		})
	}
}

func TestTheWayOutOfAWrongRecordLeadsOut(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a step that is done and not recorded":  `delete from goose_db_version where version_id = 4`,
		"two steps that are not recorded":       `delete from goose_db_version where version_id > 2`,
		"a step that is recorded and not done":  `insert into goose_db_version (version_id, is_applied) values (5, true)`,
		"a record that was lost":                `drop table goose_db_version`,
		"a record that lost its lines":          `delete from goose_db_version where version_id > 0`,
		"a record with a gap below the highest": `delete from goose_db_version where version_id = 2`,
	}
	for name, by := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, conn := database(t)
			migrateUp(t, m, 4)
			run(t, conn, by)
			v, err := m.Verify(t.Context())
			require.NoError(t, err)
			_, statement, told := strings.Cut(v.WayOut, ": ")
			require.True(t, told, v.WayOut)
			run(t, conn, statement)
			v, err = m.Verify(t.Context())
			require.NoError(t, err)
			require.NoError(t, v.Err())
			require.Equal(t, int64(4), v.Version)
			migrateUp(t, m, 5)
		})
	}
}

func TestATableThatIsLockedIsLookedAtOnceItIsFree(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `lock table market_data in access exclusive mode`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		v, err := m.Verify(t.Context())
		done <- errors.Join(err, v.Err())
	}()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(700 * time.Millisecond): // longer than one try
	}
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-done)
}

func TestWhatHangsOnATableStopsOnlyTheStepsThatReplaceIt(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	run(t, conn, `create view closes as select symbol, close from market_data;
		create table audit (row bigint references market_data)`)
	migrateUp(t, m, 2)
	before := everything(t, conn)
	for _, to := range []int64{3, 7, 0} {
		_, err := m.To(t.Context(), to)
		require.ErrorIs(t, err, migrate.ErrDependents)
		require.EqualError(t, err, "others depend on tables that are replaced on the way: "+
			"the foreign key audit_row_fkey of table audit points to market_data; "+
			"the view closes of user postgres reads market_data; nothing was done; drop them before and make them again after")
		require.Equal(t, before, everything(t, conn))
	}
	v, err := m.Verify(t.Context())
	require.NoError(t, err)
	require.NoError(t, v.Err())
	require.Len(t, v.Dependents, 2)
	run(t, conn, `drop view closes; drop table audit`)
	migrateUp(t, m, 3)
}

func TestAStepThatWasBegunExplainsWhatIsDifferent(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 3)
	run(t, conn, `create table migration_running (version bigint not null, up boolean not null, statement integer not null,
		since timestamptz not null default now(), position jsonb not null default '{}');
		insert into migration_running (version, up, statement) values (4, true, 3);
		create table ticks_next (n int); create index half_done on ticks (price)`)
	v, err := m.Verify(t.Context())
	require.NoError(t, err)
	require.NoError(t, v.Err(), "it is finished first")
	require.Equal(t, int64(4), v.Running.Version)
	require.Equal(t, 3, v.Running.Statement)
	require.True(t, v.Running.Up)
	require.Empty(t, v.Differences)
	require.Contains(t, v.WayOut, "finishes that step first")
}

// everything lists what the database's schema holds, and the record.
func everything(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select format('%s %s %s', relname, relkind, relfilenode) from pg_class
		where relnamespace = 'public'::regnamespace order by 1`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}
