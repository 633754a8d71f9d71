package migrate_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // they wait more than they work; an argument of go test goes before this
	testdb.Main(m)
}

func TestEveryRowGoesDownAndUpAgainFromEveryVersion(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	fill(t, conn)
	before := baseline(t, conn)

	for version := int64(2); version <= m.Newest(); version++ {
		migrateUp(t, m, version)
		steps, err := m.Down(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, steps, int(version-1))
		require.Equal(t, before, baseline(t, conn), "down from %d", version)
	}
	migrateUp(t, m, m.Newest())
	require.Equal(t, [2]int64{7, 3}, current(t, conn))
	_, err := m.Down(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, before, baseline(t, conn))
}

func TestRowsWrittenSinceGoDownToo(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	fill(t, conn)
	migrateUp(t, m, m.Newest())
	run(t, conn, `insert into instruments (symbol, name) values ('NEW', 'New Corp.'), ('IDLE', 'Never traded')`)
	run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume) select id, '2025-05-06 07:08:09.123456+00', 9, 0.00000001, 123456789012345 / 1000.0
		from instruments where symbol = 'NEW'`)
	run(t, conn, `insert into bars select id, '1999-12-31', 1, 2, 0.5, 1.5, 999999999999 from instruments where symbol = 'NEW'`)

	_, err := m.Down(t.Context(), 1)
	require.NoError(t, err)
	down := baseline(t, conn)
	require.Contains(t, down, "tick NEW 2025-05-06 07:08:09.123456+00 9 - - - 0.00000001 123456789012.34500000")
	require.Contains(t, down, "bar NEW 1999-12-31 00:00:00+00 0 1.00000000 2.00000000 0.50000000 1.50000000 999999999999.00000000")

	migrateUp(t, m, m.Newest())
	require.Equal(t, [2]int64{8, 4}, current(t, conn))
	var name string
	require.NoError(t, conn.QueryRow(t.Context(), `select name from instruments where symbol = 'IDLE'`).Scan(&name))
	require.Equal(t, "Never traded", name, "an instrument without rows comes back with its name")
}

func TestInstrumentsKeepTheirNumbersOnTheWayDownAndUp(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, m.Newest())
	run(t, conn, `insert into instruments (symbol) values ('Z'), ('A'), ('M')`)
	run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume) select id, now(), 1, 1, 1 from instruments`)
	_, err := m.Down(t.Context(), 1)
	require.NoError(t, err)
	run(t, conn, `insert into market_data (kind, symbol, at, close, volume) values ('tick', 'B', now(), 1, 1)`)
	migrateUp(t, m, m.Newest())

	rows, err := conn.Query(t.Context(), `select symbol || id from instruments order by id`)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"Z1", "A2", "M3", "B4"}, got)
}

func TestRowsThatHaveNoPlaceAreRefusedAndStay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from    int64
		row     string
		up      bool
		version int64
		reason  string
	}{
		"a decimal that needs 16 digits": {
			from: 1, up: true, version: 4,
			row: `insert into market_data (kind, symbol, at, trade, close, volume)
				values ('tick', 'AAPL', '2016-01-04 10:00:00Z', 5, 12345678.12345678, 1)`,
			reason: "1 amounts need more than the 15 significant digits of a float8: " +
				"tick of AAPL at 2016-01-04 10:00:00+00 trade 5: 12345678.12345678",
		},
		"a bar's volume that needs 16 digits": {
			from: 1, up: true, version: 4,
			row: `insert into market_data (kind, symbol, at, open, high, low, close, volume)
				values ('bar', 'AAPL', '2016-01-04', 1, 1, 1, 1, 999999999999.9999)`,
			reason: "1 amounts need more than the 15 significant digits of a float8: " +
				"bar of AAPL at 2016-01-04 trade 0: 999999999999.99990000",
		},
		"a kind nobody knows": {
			from: 1, up: true, version: 3,
			row:    `insert into market_data (kind, symbol, at, close, volume) values ('quote', 'AAPL', '2016-01-04', 1, 1)`,
			reason: "1 rows of market_data have no place in ticks or bars: quote AAPL at 2016-01-04T00:00:00.000000Z trade 0 is neither tick nor bar",
		},
		"a tick with an opening price": {
			from: 1, up: true, version: 3,
			row:    `insert into market_data (kind, symbol, at, open, close, volume) values ('tick', 'AAPL', '2016-01-04', 1, 1, 1)`,
			reason: "1 rows of market_data have no place in ticks or bars: tick AAPL at 2016-01-04T00:00:00.000000Z trade 0 is a tick with open, high or low",
		},
		"a bar without an opening price": {
			from: 1, up: true, version: 3,
			row:    `insert into market_data (kind, symbol, at, close, volume) values ('bar', 'AAPL', '2016-01-04', 1, 1)`,
			reason: "1 rows of market_data have no place in ticks or bars: bar AAPL at 2016-01-04T00:00:00.000000Z trade 0 is a bar without open, high or low",
		},
		"a bar in the middle of the day": {
			from: 1, up: true, version: 3,
			row: `insert into market_data (kind, symbol, at, open, high, low, close, volume)
				values ('bar', 'AAPL', '2016-01-04 12:00:00Z', 1, 1, 1, 1, 1)`,
			reason: "1 rows of market_data have no place in ticks or bars: bar AAPL at 2016-01-04T12:00:00.000000Z trade 0 is a bar that is not at midnight UTC",
		},
		"a float that no decimal holds": {
			from: 7, version: 4,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into ticks (instrument_id, at, trade, price, volume) select id, '2016-01-04', 5, 0.000000001, 1 from i`,
			reason: "1 amounts do not fit numeric(20,8): tick of AAPL at 2016-01-04 00:00:00+00 trade 5: 1e-09",
		},
		"a float that is too large": {
			from: 7, version: 4,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into bars select id, '2016-01-04', 1, 1, 1, 1, 1e12 from i`,
			reason: "1 amounts do not fit numeric(20,8): bar of AAPL at 2016-01-04 trade 0: 1000000000000",
		},
		"a price that is not positive": {
			from: 4, up: true, version: 5,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into ticks (instrument_id, at, trade, price, volume) select id, '2016-01-04', 5, 0, 1 from i`,
			reason: "1 rows of ticks cannot be true: tick of AAPL at 2016-01-04 00:00:00+00 trade 5 has no positive price (price 0, volume 1)",
		},
		"a price that is not a number": {
			from: 4, up: true, version: 5,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into ticks (instrument_id, at, trade, price, volume) select id, '2016-01-04', 5, 'NaN', 1 from i`,
			reason: "1 rows of ticks cannot be true: tick of AAPL at 2016-01-04 00:00:00+00 trade 5 has no positive price (price NaN, volume 1)",
		},
		"a high below the low": {
			from: 4, up: true, version: 5,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into bars (instrument_id, day, open, high, low, close, volume) select id, '2016-01-04', 1, 1, 2, 1, 5 from i`,
			reason: "1 rows of bars cannot be true: bar of AAPL at 2016-01-04 has low, open, close and high out of order " +
				"(open 1, high 1, low 2, close 1, volume 5)",
		},
		"a bar of a day that has not come": {
			from: 4, up: true, version: 5,
			row: `with i as (insert into instruments (symbol) values ('AAPL') returning id)
				insert into bars (instrument_id, day, open, high, low, close, volume) select id, '2999-01-04', 1, 1, 1, 1, 5 from i`,
			reason: "1 rows of bars cannot be true: bar of AAPL at 2999-01-04 is more than a day ahead " +
				"(open 1, high 1, low 1, close 1, volume 5)",
		},
		"anything below the baseline": {
			from: 1, version: 1,
			row:    `insert into market_data (kind, symbol, at, close, volume) values ('tick', 'AAPL', '2016-01-04', 1, 1)`,
			reason: "there is no schema below the baseline that could keep the 1 rows that are stored",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, conn := database(t)
			migrateUp(t, m, test.from)
			run(t, conn, test.row)
			var err error
			if test.up {
				_, err = m.Up(t.Context(), m.Newest())
			} else {
				_, err = m.Down(t.Context(), 0)
			}
			var refused *migrate.Refused
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.version, refused.Version)
			require.Equal(t, test.reason, refused.Reason)

			at, err := m.Version(t.Context())
			require.NoError(t, err)
			if test.up {
				require.Equal(t, test.version-1, at, "the database stands before the step that refused")
			} else {
				require.Equal(t, test.version, at, "the database stands above the step that refused")
			}
		})
	}
}

func TestOnlyTheFirstFiveOffendersAreNamed(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	run(t, conn, `insert into market_data (kind, symbol, at, trade, close, volume)
		select 'tick', 'AAPL', '2016-01-04', n, 12345678.12345678, 1 from generate_series(1, 9) n`)
	_, err := m.Up(t.Context(), m.Newest())
	require.ErrorContains(t, err, "migration 00004 refused: 9 amounts")
	require.ErrorContains(t, err, "trade 5: ")
	require.NotContains(t, err.Error(), "trade 6: ")
}

func TestAStepWaitsForATableOnlyShortlyButTriesAgain(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `lock table market_data in access share mode`)
	require.NoError(t, err)

	done := make(chan error, 1)
	go func() {
		_, err := m.Up(t.Context(), 2)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the step did not wait: %v", err)
	case <-time.After(700 * time.Millisecond): // longer than one try
	}
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-done)
}

func TestABusyTableIsGivenUpInTheEnd(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `lock table market_data in access share mode`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	_, err = m.Up(ctx, 2)
	require.Error(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	at, err := m.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1), at)
}

func TestTheVersionTellsWhoFitsTheDatabase(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	require.ErrorIs(t, m.Check(t.Context()), migrate.ErrBehind, "nothing applied")
	migrateUp(t, m, 3)
	require.ErrorIs(t, m.Check(t.Context()), migrate.ErrBehind)

	states, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Len(t, states, 7)
	require.Equal(t, "instruments", states[2].Name)
	require.False(t, states[2].Applied.IsZero())
	require.True(t, states[3].Applied.IsZero())

	migrateUp(t, m, m.Newest())
	require.NoError(t, m.Check(t.Context()))
	run(t, conn, `insert into goose_db_version (version_id, is_applied) values (99, true)`)
	require.ErrorIs(t, m.Check(t.Context()), migrate.ErrAhead)
	_, err = m.Up(t.Context(), m.Newest())
	require.ErrorIs(t, err, migrate.ErrAhead, "an old program leaves a newer database alone")
	_, err = m.Down(t.Context(), 1)
	require.ErrorIs(t, err, migrate.ErrAhead)
}

func TestUnknownVersionsAreRefused(t *testing.T) {
	t.Parallel()
	m, _ := database(t)
	_, err := m.Up(t.Context(), 77)
	require.EqualError(t, err, "there is no migration 00077; the newest is 00007")
	_, err = m.Down(t.Context(), 77)
	require.EqualError(t, err, "there is no migration 00077; the newest is 00007")
}

func TestAnEmptyDatabaseGoesAllTheWayDown(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, m.Newest())
	_, err := m.Down(t.Context(), 0)
	require.NoError(t, err)
	var tables int
	require.NoError(t, conn.QueryRow(t.Context(),
		`select count(*) from pg_tables where schemaname = 'public' and tablename <> 'goose_db_version'`).Scan(&tables))
	require.Zero(t, tables)
}

func TestWhatIsThereBecomesOnePartitionAndOthersFollowIt(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, 1)
	fill(t, conn)
	migrateUp(t, m, m.Newest())
	today := time.Now().UTC().Truncate(24 * time.Hour)
	require.Equal(t, int64(7), count(t, conn, "ticks_history"))
	require.Equal(t, int64(3), count(t, conn, "bars_history"))
	for ahead := 7; ahead < 12; ahead++ {
		require.Zero(t, count(t, conn, today.AddDate(0, 0, ahead).Format("ticks_p20060102")))
	}
	for ahead := 1; ahead < 5; ahead++ {
		require.Zero(t, count(t, conn, fmt.Sprintf("bars_p%d", today.AddDate(0, 0, 7).Year()+ahead)))
	}
	run(t, conn, `insert into ticks (instrument_id, at, trade, price, volume) select id, now(), 77, 1, 1 from instruments limit 1`)
	require.Equal(t, int64(8), count(t, conn, "ticks_history"))
	require.Zero(t, count(t, conn, "ticks_default"))
}

func TestAnEmptyTableIsSplitFromTodayOn(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, m.Newest())
	today := time.Now().UTC()
	for ahead := range 5 {
		require.Zero(t, count(t, conn, today.AddDate(0, 0, ahead).Format("ticks_p20060102")))
		require.Zero(t, count(t, conn, fmt.Sprintf("bars_p%d", today.Year()+ahead)))
	}
	var history bool
	require.NoError(t, conn.QueryRow(t.Context(), `select to_regclass('ticks_history') is not null or to_regclass('bars_history') is not null`).Scan(&history))
	require.False(t, history)
}

func TestWhatALowerVersionHasNoPlaceForIsKept(t *testing.T) {
	t.Parallel()
	m, conn := database(t)
	migrateUp(t, m, m.Newest())
	run(t, conn, `insert into instruments (symbol, deleted_at) values ('GONE', '2020-01-02'), ('HERE', null)`)
	run(t, conn, `insert into partition_events (parent, partition, action) values ('ticks', 'ticks_p20200102', 'created')`)
	for _, version := range []int64{6, 5, 4, 3, 2, 1} {
		_, err := m.Down(t.Context(), version)
		require.NoError(t, err)
		migrateUp(t, m, m.Newest())
		require.Equal(t, int64(1), count(t, conn, `instruments where symbol = 'GONE' and deleted_at = '2020-01-02' or deleted_at is not null`))
		require.Equal(t, int64(1), count(t, conn, `partition_events where partition = 'ticks_p20200102'`))
	}
}

func count(t *testing.T, conn *pgx.Conn, what string) (n int64) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from `+what).Scan(&n))
	return n
}

// fill stores seven ticks and three bars at the baseline, on both sides of a
// day's end and of a year's.
func fill(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	run(t, conn, `insert into market_data (kind, symbol, at, trade, close, volume) values
		('tick', 'AAPL', '2016-01-04 23:59:59.999999Z', 1, 101.5, 10),
		('tick', 'AAPL', '2016-01-05 00:00:00Z', 1, 101.50000001, 0),
		('tick', 'AAPL', '2016-01-05 00:00:00Z', 2, 0.00000001, 123456789012),
		('tick', 'BRK.B', '2016-01-05 00:00:00Z', 1, 999999999999, 0.1),
		('tick', 'BRK.B', '1969-12-31 23:59:59Z', 1, 1234567.12345678, 0.3),
		('tick', 'MSFT', '2019-02-28 12:00:00Z', 9223372036854775807, 54.8, 7),
		('tick', 'MSFT', '2024-02-29 12:00:00Z', 1, 54.9, 7)`)
	run(t, conn, `insert into market_data (kind, symbol, at, open, high, low, close, volume) values
		('bar', 'AAPL', '2015-12-31 00:00:00Z', 1.5, 2, 1, 1.25, 5),
		('bar', 'AAPL', '2016-01-01 00:00:00Z', 1.5, 2, 1, 1.25, 5),
		('bar', 'RE', '2016-01-04 00:00:00Z', 181.69, 182.48, 179.5, 181.08, 278265)`)
}

// baseline returns the content of market_data, one line for each row.
func baseline(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select concat_ws(' ', kind, symbol, at, trade, coalesce(open::text, '-'), coalesce(high::text, '-'),
		                 coalesce(low::text, '-'), close, volume)
		from market_data order by kind, symbol, at, trade`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

// current counts the ticks and bars of the newest schema.
func current(t *testing.T, conn *pgx.Conn) (counts [2]int64) {
	t.Helper()
	for i, table := range []string{"ticks", "bars"} {
		require.NoError(t, conn.QueryRow(t.Context(), fmt.Sprintf(`select count(*) from %s`, table)).Scan(&counts[i]))
	}
	return counts
}

func database(t *testing.T) (*migrate.Migrator, *pgx.Conn) {
	t.Helper()
	config, err := pgx.ParseConfig(testdb.Empty(t))
	require.NoError(t, err)
	config.RuntimeParams["timezone"] = "UTC"
	m, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return m, conn
}

func migrateUp(t *testing.T, m *migrate.Migrator, to int64) {
	t.Helper()
	_, err := m.Up(t.Context(), to)
	require.NoError(t, err)
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}
