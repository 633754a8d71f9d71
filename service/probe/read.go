package probe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// readsToTell is the planner's cost of reading without an index below which
	// a table is too small to tell, some 15,000 rows, and readsTooMany above
	// which it is too large to be read for a figure, some 100,000.
	readsToTell  = 500.0
	readsTooMany = 5000.0
	// daysToTell is how many partitions must have rows before one can cost less
	// than all.
	daysToTell = 5
	// enoughPairs is when a figure is narrow enough.
	enoughPairs = 12
	// bestOf is how often what takes but a moment is tried for one pair.
	bestOf = 3
)

const (
	withoutIndexes = `set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off`
	withIndexes    = `set local enable_indexscan = on; set local enable_indexonlyscan = on; set local enable_bitmapscan = on`
)

// indexes times the market's question for a span with its indexes and without.
func (p Prober) indexes(ctx context.Context, conn *pgx.Conn, m market) ([]Metric, error) {
	var found []Metric
	err := reading(ctx, conn, func(tx pgx.Tx) error {
		q, err := m.span(ctx, conn)
		if err != nil {
			return err
		}
		set := func(sql string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := tx.Exec(ctx, sql)
				return err
			}
		}
		if err := set(withoutIndexes)(ctx); err != nil {
			return err
		}
		without, err := explain(ctx, tx, q)
		if err != nil {
			return err
		}
		if without.cost < readsToTell {
			return errTooFewRows
		}
		if without.cost > readsTooMany {
			found, err = estimatedIndexes(ctx, tx, q, without, set(withIndexes))
			return err
		}
		ask := func(ctx context.Context) error {
			_, err := tx.Exec(ctx, q.sql, q.args...)
			return err
		}
		t, err := comparison{
			baseline: ask, readyBaseline: set(withoutIndexes), current: ask, readyCurrent: set(withIndexes),
			most: enoughPairs, tries: bestOf, within: p.within(shareOfIndexes),
		}.run(ctx)
		found = []Metric{t.metric(IndexEfficiency, milliseconds)}
		return err
	})
	return found, err
}

// estimatedIndexes compares the planner's costs, where the real ones are more
// than a probe may cause.
func estimatedIndexes(ctx context.Context, tx pgx.Tx, q question, without plan, set func(context.Context) error) ([]Metric, error) {
	if err := set(ctx); err != nil {
		return nil, err
	}
	with, err := explain(ctx, tx, q)
	if err != nil {
		return nil, err
	}
	m := counted(IndexEfficiency, with.cost, without.cost, Estimated) // a ratio of speeds
	m.Baseline.Value, m.Current.Value = &without.cost, &with.cost
	m.Baseline.Unit, m.Current.Unit = "planner's cost", "planner's cost"
	return []Metric{m}, nil
}

// partitions asks how much of the ticks a question about one day would read.
func partitions(ctx context.Context, conn *pgx.Conn, m market) ([]Metric, error) {
	if !m.partitioned {
		return nil, errNotApplicable
	}
	var found []Metric
	err := reading(ctx, conn, func(tx pgx.Tx) error {
		var all []string
		var filled int
		if err := tx.QueryRow(ctx, `
			select array_agg(c.relname::text), count(*) filter (where pg_relation_size(c.oid) > 0)
			from pg_inherits i join pg_class c on c.oid = i.inhrelid
			where i.inhparent = to_regclass('ticks')`).Scan(&all, &filled); err != nil {
			return err
		}
		n, err := m.newestTick(ctx, conn)
		if errors.Is(err, errTooFewRows) {
			n, err = newest{at: time.Now().UTC()}, nil
		}
		if err != nil {
			return err
		}
		sql, err := statement("volume-weighted average")
		if err != nil {
			return err
		}
		day := n.at.Truncate(24 * time.Hour)
		one, err := explain(ctx, tx, question{sql, []any{n.symbol, false, day, day.AddDate(0, 0, 1)}})
		if err != nil {
			return err
		}
		whole, err := explain(ctx, tx, question{sql, []any{n.symbol, false, time.Unix(0, 0), time.Now().AddDate(100, 0, 0)}})
		if err != nil {
			return err
		}
		one.tables = slices.DeleteFunc(one.tables, func(table string) bool { return !slices.Contains(all, table) })
		found = []Metric{
			counted(PartitionEfficiency, float64(len(all)), float64(len(one.tables)), Counted),
			absent(PartitionCost, TooFewRows),
		}
		if filled >= daysToTell {
			found[1] = counted(PartitionCost, whole.cost, one.cost, Counted)
		}
		return nil
	})
	return found, err
}

// reading is a transaction that can only read. Plans are made for the very
// question each time, as settings change between two.
func reading(ctx context.Context, conn *pgx.Conn, do func(tx pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, `set local plan_cache_mode = force_custom_plan`); err != nil {
		return err
	}
	return do(tx)
}

// pool times a connection from a pool of its own against a new one.
func (p Prober) pool(ctx context.Context, _ *pgx.Conn, _ market) ([]Metric, error) {
	config, err := pgxpool.ParseConfig(p.Database.ConnString())
	if err != nil {
		return nil, err
	}
	config.ConnConfig, config.MaxConns, config.MinConns = p.config(), 1, 0
	kept, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	var fresh *pgx.Conn
	hangUp := func(ctx context.Context) {
		if fresh != nil {
			_ = fresh.Close(ctx)
		}
	}
	defer func() { hangUp(context.WithoutCancel(ctx)) }()
	t, err := comparison{
		baseline: func(ctx context.Context) (err error) {
			if fresh, err = pgx.ConnectConfig(ctx, p.config()); err != nil {
				return err
			}
			_, err = fresh.Exec(ctx, `select 1`)
			return err
		},
		readyBaseline: func(ctx context.Context) error { hangUp(ctx); return nil },
		current: func(ctx context.Context) error {
			_, err := kept.Exec(ctx, `select 1`)
			return err
		},
		most: enoughPairs, within: p.within(shareOfPool),
	}.run(ctx)
	return []Metric{t.metric(PoolEffect, milliseconds)}, err
}
