package partition_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/partition"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// schema is what the migrations make of partitions, on its own: the tests
// need no other version to get there.
const schema = `
create table instruments (id integer generated always as identity primary key, symbol text not null unique, name text not null);
create table ticks (
	price double precision not null, volume double precision not null, at timestamptz not null,
	trade bigint not null, instrument_id integer not null,
	constraint ticks_price check (price > 0 and price < 'infinity'),
	constraint ticks_volume check (volume >= 0 and volume < 'infinity'),
	constraint ticks_at check (at < now() + interval '1 day'),
	primary key (instrument_id, at, trade),
	foreign key (instrument_id) references instruments on delete restrict
) partition by range (at);
create table ticks_default partition of ticks default;
create table bars (
	instrument_id integer not null, day date not null,
	open double precision not null, high double precision not null, low double precision not null,
	close double precision not null, volume double precision not null,
	constraint bars_low check (low <= high),
	primary key (instrument_id, day),
	foreign key (instrument_id) references instruments on delete restrict
) partition by range (day);
create table bars_default partition of bars default;
create table partition_events (
	id bigint generated always as identity primary key, at timestamptz not null default now(),
	parent text not null, partition text not null, action text not null, detail text not null
);
insert into instruments (symbol, name) select 'SYM' || n, 'Symbol ' || n from generate_series(1, 20) n;
`

// opened makes a database with the schema and a pool for it.
func opened(t testing.TB, more ...string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), testdb.Empty(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	for _, statement := range append([]string{schema}, more...) {
		execute(t, pool, statement)
	}
	return pool
}

func managing(pool *pgxpool.Pool) *partition.Manager {
	return partition.New(partition.Config{Pool: pool})
}

func execute(t testing.TB, pool *pgxpool.Pool, sql string, arguments ...any) {
	t.Helper()
	_, err := pool.Exec(context.WithoutCancel(t.Context()), sql, arguments...)
	require.NoError(t, err, sql)
}

// one reads one value.
func one[T any](t testing.TB, pool *pgxpool.Pool, sql string, arguments ...any) T {
	t.Helper()
	var value T
	require.NoError(t, pool.QueryRow(context.WithoutCancel(t.Context()), sql, arguments...).Scan(&value), sql)
	return value
}

// ticksOn stores ticks, a minute apart, through the parent.
func ticksOn(t testing.TB, pool *pgxpool.Pool, day time.Time, count int) {
	t.Helper()
	execute(t, pool, `insert into ticks (price, volume, at, trade, instrument_id)
		select 10, 1, $1::timestamptz + n % 1000 * interval '1 second', n, 1 + n % 20 from generate_series(1, $2) n`, day, count)
}

func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

func tick(day time.Time) string { return "ticks_p" + day.Format("20060102") }

func at(text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(fmt.Sprintf("a test's moment: %v", err))
	}
	return moment
}

// table finds the status of one table.
func table(t testing.TB, s partition.Status, name string) partition.Table {
	t.Helper()
	for _, found := range s.Tables {
		if found.Table == name {
			return found
		}
	}
	require.Failf(t, "no such table", "%s in %v", name, s)
	return partition.Table{}
}

// looks like a fresh partition: every constraint of its parent and no more.
func requireWhole(t testing.TB, pool *pgxpool.Pool, name string) {
	t.Helper()
	const constraints = `select string_agg(contype::text || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated, E'\n'
		order by contype, pg_get_constraintdef(oid)) from pg_constraint where conrelid = to_regclass($1)`
	parent := one[string](t, pool, `select i.inhparent::regclass::text from pg_inherits i where i.inhrelid = to_regclass($1)`, name)
	require.Equal(t, one[string](t, pool, constraints, parent), one[string](t, pool, constraints, name), name)
}
