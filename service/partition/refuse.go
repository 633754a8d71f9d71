package partition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// refusal is why a partition is not made for now. It is told and not failed
// with: the others are made, and somebody has to decide.
type refusal struct{ reason string }

func (r refusal) Error() string { return r.reason }

// told turns a refusal into an entry of the report and of the journal, there
// once until something else happens to the partition. Other errors stay.
func (w *work) told(ctx context.Context, t table, partition string, err error) error {
	var refused refusal
	if !errors.As(err, &refused) {
		return err
	}
	w.report.skip(refused.reason)
	if !w.journal {
		return nil
	}
	if err := w.attempt(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into partition_events (parent, partition, action, detail)
			select $1, $2, 'skipped', $3::text where not exists (
				select from (select action, detail from partition_events
					where parent = $1 and partition = $2 order by id desc limit 1) as latest
				where action = 'skipped' and detail = $3::text)`,
			t.name, partition, refused.reason)
		return err
	}); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// contradictions refuses to adopt a table that has other values than the
// default partition under the same key: both may have been acknowledged, as
// when somebody detached the partition by hand, and only people can tell.
func (l *layout) contradictions(ctx context.Context, tx pgx.Tx, s slice) error {
	if l.defaultName == "" {
		return nil
	}
	columns, err := l.columns(ctx, tx)
	if err != nil {
		return err
	}
	var count int64
	if err := tx.QueryRow(ctx, fmt.Sprintf(`select count(*) from only %s o join only %s d on %s where %s and %s is distinct from %s`,
		l.sql(s.name), l.sql(l.defaultName), l.sameKey(), qualified("d", l.column)+" >= "+l.literal(s.from)+
			" and "+qualified("d", l.column)+" < "+l.literal(s.to),
		row("o", columns), row("d", columns))).Scan(&count); err != nil {
		return err
	}
	if count > 0 {
		return refusal{fmt.Sprintf("table %s is not adopted: %d of its rows have other values than rows of %s under the same key; "+
			"rename the table, or delete the rows that are wrong", s.name, count, l.defaultName)}
	}
	return nil
}

// sameKey is the condition that rows o and d have the same key.
func (l *layout) sameKey() string {
	same := make([]string, len(l.key))
	for i, column := range l.key {
		same[i] = qualified("o", column) + " = " + qualified("d", column)
	}
	return strings.Join(same, " and ")
}

func qualified(alias, column string) string { return alias + "." + column }

// row is all columns of one row, by their names: tables that were made
// differently may have them in another order.
func row(alias string, columns []string) string {
	all := make([]string, len(columns))
	for i, column := range columns {
		all[i] = qualified(alias, column)
	}
	return "(" + strings.Join(all, ", ") + ")"
}
