package experiment_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

const (
	// stored is the state that a trial starts from, in rows.
	stored = 20_000
	// batchRows is the size of a batch.
	batchRows = 100
)

// opening is the time of the first stored price.
func opening() time.Time { return time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC) }

// twin is one of two identical arms, with a table and a connection of its own.
func twin(b *testing.B, dsn string, kind workload, name string) experiment.Arm {
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close(context.Background()) })
	t := &table{conn: conn, name: pgx.Identifier{"prices_" + string(kind) + "_" + name}.Sanitize()}
	for _, sql := range []string{
		`SET max_parallel_workers_per_gather = 0`, `SET jit = off`,
		`CREATE TABLE ` + t.name + ` (instrument_id integer NOT NULL, at timestamptz NOT NULL, trade bigint NOT NULL,
			price double precision NOT NULL, volume double precision NOT NULL,
			PRIMARY KEY (instrument_id, at, trade)) WITH (autovacuum_enabled = off)`,
	} {
		_, err = conn.Exec(b.Context(), sql)
		require.NoError(b, err)
	}
	require.NoError(b, t.reset(b.Context()))
	arm := experiment.Arm{
		Arm:     measure.Arm{Name: name, Settings: settings(b, conn), Rows: stored},
		Observe: t.observe,
		Recheck: func(context.Context) (map[string]string, error) { return settings(b, conn), nil },
	}
	arm.Text, arm.Run, arm.Reset = t.insertSQL(), t.insert, t.reset
	if kind == queries {
		arm.Text, arm.Run, arm.Reset = t.querySQL(), t.query, nil
	}
	return arm
}

type table struct {
	conn  *pgx.Conn
	name  string
	trade int64 // the last one, so that no price comes twice
}

// reset restores the state of the beginning, as the promises of the project do.
func (t *table) reset(ctx context.Context) error {
	for _, sql := range []string{
		"TRUNCATE " + t.name,
		fmt.Sprintf(`INSERT INTO %s SELECT 1 + i %% 200, '2026-01-05 14:30:00Z'::timestamptz + i * interval '1 ms', i, 100 + i %% 50, 1 + i %% 9
			FROM generate_series(1, %d) AS i ORDER BY 1, 2, 3`, t.name, stored),
		"VACUUM (FREEZE, ANALYZE) " + t.name, "CHECKPOINT",
	} {
		if _, err := t.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) insertSQL() string {
	return "INSERT INTO " + t.name + " SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::bigint[], $4::float8[], $5::float8[]) ON CONFLICT DO NOTHING"
}

// insert stores n batches, each one statement and one transaction. They are
// made before the clock runs.
func (t *table) insert(ctx context.Context, n int) (time.Duration, error) {
	batches := make([][]any, n)
	for i := range batches {
		id, at, trade := make([]int32, batchRows), make([]time.Time, batchRows), make([]int64, batchRows)
		price, volume := make([]float64, batchRows), make([]float64, batchRows)
		for j := range batchRows {
			t.trade++
			id[j], at[j], trade[j] = int32(1+t.trade%200), opening().Add(time.Hour+time.Duration(t.trade)*time.Millisecond), t.trade
			price[j], volume[j] = 100+float64(t.trade%50), 1+float64(t.trade%9)
		}
		batches[i] = []any{id, at, trade, price, volume}
	}
	sql, uninterrupted := t.insertSQL(), context.WithoutCancel(ctx)
	began := time.Now()
	for _, b := range batches {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if _, err := t.conn.Exec(uninterrupted, sql, b...); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func (t *table) querySQL() string {
	return "SELECT instrument_id, count(*), sum(price * volume) / sum(volume), max(price) FROM " + t.name +
		" WHERE instrument_id BETWEEN $1 AND $1 + 19 AND at >= $2 AND at < $3 GROUP BY instrument_id"
}

// query asks n times for the prices of twenty instruments in ten seconds.
func (t *table) query(ctx context.Context, n int) (time.Duration, error) {
	sql, uninterrupted := t.querySQL(), context.WithoutCancel(ctx)
	began := time.Now()
	for i := range n {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		from := opening().Add(time.Duration(i%10) * time.Second)
		if _, err := t.conn.Exec(uninterrupted, sql, 1+20*(i%10), from, from.Add(10*time.Second)); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// observe looks at the server as the promises of the project do.
func (t *table) observe(ctx context.Context) (measure.Reading, error) {
	var r measure.Reading
	err := t.conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, checkpoint_lsn::text FROM pg_control_checkpoint()",
		pgx.QueryExecModeSimpleProtocol).Scan(&r.WAL, &r.Checkpoint)
	return r, err
}

// settings are those that a verdict insists on, as the connection has them.
func settings(b *testing.B, conn *pgx.Conn) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit", "wal_level"} {
		var value string
		require.NoError(b, conn.QueryRow(b.Context(), "SELECT current_setting($1)", name).Scan(&value))
		found[name] = value
	}
	return found
}

func version(b *testing.B, dsn string) string {
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	defer conn.Close(context.Background())
	return conn.PgConn().ParameterStatus("server_version")
}
