package experiment_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

const batch = `INSERT INTO %s (instrument, price, volume)
	SELECT 1 + i %% 200, 100 + i, i FROM generate_series(1, $1::integer) AS i`

// BenchmarkAA runs a hundred experiments of a batch insert against an
// identical one, on a private server, and judges two promises: to be no slower
// than 95 % of the baseline, which is true, and to be 30 % faster, which is
// not. It fails if the harness says fail to the first, pass to the second, or
// finds a difference where there is none in more than 5 of 100: of the level
// that verdicts rest on, an interval is wrong once in sixty at each look.
//
// Blocks are as long as in a run. To be through in some ten minutes, an
// experiment ends at its first look, and its fitness trial is the shortest that
// still has an interval.
func BenchmarkAA(b *testing.B) {
	const experiments = 100
	server, err := environ.Start(b.Context(), environ.Options{Choice: environ.Local, RunID: "aa"})
	if err != nil {
		b.Skipf("no private Postgres: %v", err)
	}
	b.Cleanup(func() { require.NoError(b, server.Stop(context.Background())) })
	dsn, err := server.CreateDatabase(b.Context(), "aa", "")
	require.NoError(b, err)
	baseline, current := insertArm(b, dsn, "old"), insertArm(b, dsn, "new")
	kept := promise(b, "at least 95 % of baseline")
	untrue := promise(b, "at least 30 % faster than baseline")

	without, shortest := 0, math.Inf(1)
	verdicts := map[string]int{}
	for seed := range uint64(experiments) {
		pairs, err := experiment.Compare(b.Context(), experiment.Plan{
			Unit: "rows/s", PerUnit: 100, Warmup: 1, FitnessPairs: 8, Seed: seed,
			Decided: func(measure.Pairs) bool { return true },
		}, baseline, current)
		require.NoError(b, err)
		shortest = min(shortest, pairs.BlockSeconds)
		if i := interval(b, pairs, 1-pairs.Alpha/float64(len(pairs.Looks))); !i.Contains(1) {
			b.Logf("seed %d: the interval from %.3f to %.3f leaves out 1", seed, i.Low, i.High)
			without++
		}
		value := measure.Value{Name: kept.Measure, Unit: pairs.Unit, Pairs: &pairs}
		verdicts["kept-"+string(kept.Judge(value, 1).Verdict)]++
		verdicts["untrue-"+string(untrue.Judge(value, 1).Verdict)]++
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(experiments, "experiments")
	b.ReportMetric(1000*shortest, "shortest-block-ms")
	b.ReportMetric(float64(without), "intervals-without-1")
	for _, v := range []objective.Verdict{objective.Pass, objective.Fail, objective.Inconclusive, objective.Unfit} {
		b.ReportMetric(float64(verdicts["kept-"+string(v)]), "kept-"+string(v))
		b.ReportMetric(float64(verdicts["untrue-"+string(v)]), "untrue-"+string(v))
	}
	b.Logf("shortest block %.3f s; verdicts %v", shortest, verdicts)
	require.LessOrEqual(b, without, experiments*5/100, "intervals that leave out 1")
	require.Zero(b, verdicts["kept-fail"], "a promise that is kept was called broken")
	require.Zero(b, verdicts["untrue-pass"], "a promise that is broken was called kept")
}

func promise(b *testing.B, target string) objective.Objective {
	o, err := objective.Parse("insert throughput", target)
	require.NoError(b, err)
	return o
}

// insertArm stores batches of 100 rows in a table of its own.
func insertArm(b *testing.B, dsn, name string) experiment.Arm {
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close(context.Background()) })
	table := pgx.Identifier{"prices_" + name}.Sanitize()
	_, err = conn.Exec(b.Context(), "CREATE TABLE "+table+` (instrument integer NOT NULL,
		at timestamptz NOT NULL DEFAULT now(), price double precision NOT NULL, volume double precision NOT NULL)`)
	require.NoError(b, err)
	statement := fmt.Sprintf(batch, table)
	return experiment.Arm{
		Arm: measure.Arm{Name: name, Text: statement, Settings: settings(b, conn)},
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			began := time.Now()
			for range n {
				if _, err := conn.Exec(ctx, statement, 100); err != nil {
					return 0, err
				}
			}
			return time.Since(began), nil
		},
		Reset: func(ctx context.Context) error {
			_, err := conn.Exec(ctx, "TRUNCATE "+table)
			return err
		},
	}
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
