package partition

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// sizeLimits are those of the figures that need a lock, if only to read.
	sizeLimits = `set local lock_timeout = 20; set local statement_timeout = 500`
	// exactRows is up to how many rows the default partition is counted.
	exactRows = 100_000
	// mostMeasured bounds how many partitions of a table are measured in one
	// look: the server opens each, with its index.
	mostMeasured = 32
)

// figure is what is known of one partition's size.
type figure struct {
	rows, bytes int64
	locked      bool // by somebody, exclusively
	unsettled   bool // rows were written since the statistics were made
}

// measure reads the figures of every partition and of the default. What the
// catalogue has was true at the last ANALYZE; the newest partitions that were
// written since are measured.
func (l *layout) measure(ctx context.Context, conn *pgx.Conn) (map[uint32]figure, error) {
	figures := make(map[uint32]figure, len(l.parts)+1)
	if err := looking(ctx, conn, lookLimits, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with parts as (select inhrelid as oid from pg_inherits where inhparent = $1),
			indexes as (
				select p.oid, sum(c.relpages) as pages from parts p
				join pg_index i on i.indrelid = p.oid join pg_class c on c.oid = i.indexrelid group by p.oid)
			select c.oid, pg_stat_get_live_tuples(c.oid),
				(c.relpages + coalesce(i.pages, 0))::bigint * current_setting('block_size')::bigint,
				c.oid in (select relation from pg_locks where mode = 'AccessExclusiveLock' and relation is not null
					and database = (select oid from pg_database where datname = current_database())),
				pg_stat_get_mod_since_analyze(c.oid) > 0 or c.reltuples < 0
			from parts join pg_class c using (oid) left join indexes i using (oid)`, l.oid)
		if err != nil {
			return err
		}
		var oid uint32
		var f figure
		_, err = pgx.ForEachRow(rows, []any{&oid, &f.rows, &f.bytes, &f.locked, &f.unsettled}, func() error {
			figures[oid] = f
			return nil
		})
		return err
	}); err != nil {
		return nil, fmt.Errorf("reading the figures of the partitions of %s: %w", l.table.name, err)
	}
	return figures, l.weigh(ctx, conn, figures)
}

// weigh measures the newest of those partitions that are neither settled nor
// locked. If somebody locks one just now, what was read before stands.
func (l *layout) weigh(ctx context.Context, conn *pgx.Conn, figures map[uint32]figure) error {
	var ids []uint32
	for i := len(l.parts) - 1; i >= 0 && len(ids) < mostMeasured; i-- {
		if f := figures[l.parts[i].oid]; f.unsettled && !f.locked {
			ids = append(ids, l.parts[i].oid)
		}
	}
	measured := make(map[uint32]int64, len(ids))
	err := looking(ctx, conn, sizeLimits, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx,
			`select oid, coalesce(pg_total_relation_size(oid), 0) from unnest($1::oid[]) as wanted (oid)`, ids)
		if err != nil {
			return err
		}
		var oid uint32
		var bytes int64
		_, err = pgx.ForEachRow(rows, []any{&oid, &bytes}, func() error {
			measured[oid] = bytes
			return nil
		})
		return err
	})
	if is(err, lockNotAvailable, queryCanceled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("measuring the partitions of %s: %w", l.table.name, err)
	}
	for oid, bytes := range measured {
		f := figures[oid]
		f.bytes = bytes
		figures[oid] = f
	}
	return nil
}

// countDefault counts the rows of the default partition, unless that takes
// long: then the estimate stands.
func (l *layout) countDefault(ctx context.Context, conn *pgx.Conn, estimate int64) int64 {
	var count int64
	err := looking(ctx, conn, sizeLimits, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(`select count(*) from (select from only %s limit %d) as found`,
			l.sql(l.defaultName), exactRows+1)).Scan(&count)
	})
	if err != nil || count > exactRows {
		return max(estimate, count)
	}
	return count
}
