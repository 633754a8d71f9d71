package probe_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
	"github.com/signoff-dev/signoff/service/probe"
)

func connect(t *testing.T, dsn string) (*pgx.ConnConfig, *pgx.Conn) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return config, conn
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
}

func read[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return found
}

// patient is a prober that measures even where many tests share a machine.
func patient(config *pgx.ConnConfig) probe.Prober {
	return probe.Prober{Database: config, Budget: 10 * time.Second}
}

// trade puts a day of prices into the market, and says so to the planner.
func trade(t *testing.T, conn *pgx.Conn, rows string) {
	t.Helper()
	execute(t, conn, `insert into instruments (symbol) select 'S' || n from generate_series(1, 20) as n`,
		`insert into ticks (instrument_id, at, trade, price, volume)
		 select 1 + n % 20, date_trunc('day', now(), 'UTC') + n * interval '1 millisecond', n, 100, 1 from generate_series(1, `+rows+`) as n`,
		`analyze ticks`)
}

// reasons are those of the figures that have no value.
func reasons(metrics []probe.Metric) map[string]string {
	found := map[string]string{}
	for _, m := range metrics {
		if m.Value == nil {
			found[m.Name] = *m.Reason
		}
	}
	return found
}

func TestARoundMeasuresEveryFigureAndLeavesNothingBehind(t *testing.T) {
	config, conn := connect(t, testdb.Migrated(t))
	trade(t, conn, "60000")
	size := read[int64](t, conn, `select sum(pg_total_relation_size(oid))::bigint from pg_class where relname like 'ticks%' and relkind = 'r'`)

	round, metrics := patient(config).Measure(t.Context())
	require.Equal(t, "measured", round.State)
	answer := probe.Once(round, metrics)
	require.Len(t, answer.Metrics, len(probe.Targets()))
	require.Equal(t, map[string]string{probe.PartitionCost: probe.TooFewRows}, reasons(answer.Metrics), "only one day was traded")
	for _, m := range answer.Metrics {
		if m.Name == probe.PartitionCost {
			continue
		}
		require.NotNil(t, m.Value, m.Name)
		require.Positive(t, *m.Baseline.Value, m.Name)
		require.Positive(t, *m.Current.Value, m.Name)
		require.NotEmpty(t, m.Baseline.What, m.Name)
		require.NotNil(t, m.MeasuredAt, m.Name)
		require.NotEqual(t, m.Interval == nil, m.IntervalReason == nil, m.Name)
	}
	require.Equal(t, 6.0, *figure(answer, probe.PartitionEfficiency).Baseline.Value)
	require.Equal(t, 1.0, *figure(answer, probe.PartitionEfficiency).Current.Value)
	require.Greater(t, *figure(answer, probe.PoolEffect).Value, 1.0)
	require.Greater(t, *figure(answer, probe.InsertImprovement).Value, 1.0)
	require.Less(t, *figure(answer, probe.StorageEfficiency).Value, 0.6)

	require.Empty(t, read[string](t, conn, `select nspname::text from pg_namespace where nspname = 'monitoring_probe'`))
	require.Empty(t, read[int32](t, conn, `
		select pid from pg_stat_activity where application_name = 'marketd probe' and state <> 'idle' and datname = current_database()`))
	require.Equal(t, size, read[int64](t, conn, `select sum(pg_total_relation_size(oid))::bigint from pg_class where relname like 'ticks%' and relkind = 'r'`))
	require.Equal(t, []int64{60000}, read[int64](t, conn, `select count(*) from ticks`))
}

func TestOneDayOfAMarketOfManyCostsLessThanAll(t *testing.T) {
	config, conn := connect(t, testdb.Migrated(t))
	parts := read[string](t, conn, `
		select relname::text from pg_inherits i join pg_class c on c.oid = inhrelid
		where inhparent = 'ticks'::regclass and relname ~ '[0-9]$' order by 1`)
	require.GreaterOrEqual(t, len(parts), 5)
	trade(t, conn, "1000")
	for day := 1; day <= 30; day++ { // days gone by, as the partition manager would have made them
		execute(t, conn, fmt.Sprintf(`do $$ begin
			execute format('create table past_%[1]d partition of ticks for values from (%%L) to (%%L)',
				date_trunc('day', now(), 'UTC') - interval '%[1]d days', date_trunc('day', now(), 'UTC') - interval '%[1]d days' + interval '1 day');
			end $$`, day),
			fmt.Sprintf(`insert into ticks (instrument_id, at, trade, price, volume)
				select 1 + n %% 20, date_trunc('day', now(), 'UTC') - interval '%d days' + n * interval '1 second', n, 100, 1
				from generate_series(1, 1000) as n`, day))
	}
	execute(t, conn, `analyze ticks`)
	_, metrics := patient(config).Measure(t.Context())
	m := figure(probe.Answer{Metrics: metrics}, probe.PartitionCost)
	require.NotNil(t, m.Value)
	require.InDelta(t, 1/31.0, *m.Value, 0.02)
	require.Equal(t, 1.0, *figure(probe.Answer{Metrics: metrics}, probe.PartitionEfficiency).Current.Value)
}

func TestALargeMarketIsNotReadForAFigure(t *testing.T) {
	config, conn := connect(t, testdb.Migrated(t))
	trade(t, conn, "300000")
	_, metrics := patient(config).Measure(t.Context())
	m := figure(probe.Answer{Metrics: metrics}, probe.IndexEfficiency)
	require.NotNil(t, m.Value)
	require.Greater(t, *m.Value, 1.0)
	require.Equal(t, probe.Estimated, *m.IntervalReason)
	require.Equal(t, "planner's cost", m.Baseline.Unit)
}

func TestEveryVersionOfTheSchemaHasAnAnswer(t *testing.T) {
	config, conn := connect(t, testdb.Empty(t))
	migrator, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	const no, few = probe.NotApplicable, probe.TooFewRows
	for version := int64(1); version <= migrator.Newest(); version++ {
		_, err := migrator.Up(t.Context(), version)
		require.NoError(t, err)
		if version == 2 {
			execute(t, conn, `insert into market_data (kind, symbol, at, trade, close, volume)
				select 'tick', 'A', '2020-01-01'::timestamptz + n * interval '1 second', n, 100, 1 from generate_series(1, 60) as n`)
		}
		round, metrics := patient(config).Measure(t.Context())
		require.Equal(t, "measured", round.State)
		want := map[string]string{probe.IndexEfficiency: few, probe.PartitionCost: few}
		if version < 4 {
			for _, name := range []string{
				probe.IndexSize, probe.StorageEfficiency, probe.FloatSpeedupVWAP, probe.FloatSpeedupSum, probe.InsertImprovement,
			} {
				want[name] = no
			}
		}
		if version < 6 {
			want[probe.PartitionEfficiency], want[probe.PartitionCost] = no, no
		}
		require.Equal(t, want, reasons(metrics), "version %d", version)
	}
}

func TestALockedMarketDelaysNobodyAndIsSaid(t *testing.T) {
	config, conn := connect(t, testdb.Migrated(t))
	trade(t, conn, "10")
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `lock table ticks in access exclusive mode`)
	require.NoError(t, err)
	_, metrics := patient(config).Measure(t.Context())
	require.Equal(t, map[string]string{
		probe.IndexEfficiency: probe.TimedOut, probe.PartitionEfficiency: probe.TimedOut, probe.PartitionCost: probe.TimedOut,
	}, reasons(metrics))
}

func TestARoleThatMayNotMakeASchemaIsSaid(t *testing.T) {
	config, conn := connect(t, testdb.Migrated(t))
	role := strings.ToLower(config.Database)
	execute(t, conn, `create role `+role+` login`, `grant select on all tables in schema public to `+role)
	defer execute(t, conn, `drop owned by `+role, `drop role `+role)
	config = config.Copy()
	config.User = role
	_, metrics := patient(config).Measure(t.Context())
	found := reasons(metrics)
	require.Equal(t, probe.NotPermitted, found[probe.InsertImprovement])
	require.Equal(t, probe.NotPermitted, found[probe.StorageEfficiency])
	require.NotContains(t, found, probe.PoolEffect)
}

func TestADatabaseThatIsGoneIsSaid(t *testing.T) {
	config, err := pgx.ParseConfig(testdb.Mute(t))
	require.NoError(t, err)
	round, metrics := probe.Prober{Database: config}.Measure(t.Context())
	require.Equal(t, "failed", round.State)
	require.Equal(t, "database_unreachable", *round.Reason)
	require.Empty(t, metrics)
}

func TestARoundEndsWhenItsBudgetDoes(t *testing.T) {
	config, _ := connect(t, testdb.Migrated(t))
	began := time.Now()
	round, metrics := probe.Prober{Database: config, Budget: 20 * time.Millisecond}.Measure(t.Context())
	require.Less(t, time.Since(began), 2*time.Second) // generous: a test machine may be busy
	if round.State == "measured" {                    // else there was not even time to connect
		require.Contains(t, []string{probe.OutOfBudget, probe.TimedOut}, reasons(metrics)[probe.InsertImprovement])
	}
}

// The probe keeps layouts of its own, which must stay those of the schema.
func TestTheTwinsHaveTheLayoutsOfTheSchema(t *testing.T) {
	config, first := connect(t, testdb.Empty(t))
	migrator, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	_, err = migrator.Up(t.Context(), 1)
	require.NoError(t, err)
	_, newest := connect(t, testdb.Migrated(t))

	_, twin := connect(t, testdb.Empty(t))
	tx, err := twin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), strings.ReplaceAll(probe.TwinTables(), "$STOCKED", "10"))
	require.NoError(t, err)
	for table, database := range map[string]*pgx.Conn{"market_data": first, "ticks": newest, "instruments": newest} {
		for _, sql := range []string{`
			select attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull from pg_attribute
			where attrelid = $1::text::regclass and attnum > 0 and not attisdropped order by 1`, `
			select regexp_replace(pg_get_indexdef(indexrelid), '(monitoring_probe|public)\.|ONLY | INDEX \S+', '', 'g')
			from pg_index where indrelid = $1::text::regclass order by 1`, `
			select regexp_replace(pg_get_constraintdef(oid), '(monitoring_probe|public)\.| NOT VALID', '', 'g')
			from pg_constraint where conrelid = $1::text::regclass and contype in ('c', 'f', 'p', 'u') order by 1`} {
			want := read[string](t, database, sql, table)
			require.NotEmpty(t, append(want, table))
			require.Equal(t, want, read[string](t, twin, sql, table), table)
		}
	}
}
