package partition

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// makeLate makes the partition of a time that others may be writing to, or
// adopts the table that already has its name. Rows of that time leave the
// default partition in the same transaction, so that every reader sees each of
// them exactly once. Writers of the parent wait; readers wait only if rows
// moved, and only while the partition is attached.
func (w *work) makeLate(ctx context.Context, l *layout, s slice, adopt bool) error {
	var moved int64
	action := "created"
	if adopt {
		action = "adopted"
	}
	if err := w.tooMany(ctx, l, s); err != nil {
		return w.told(ctx, l.table, s.name, unfit(s, adopt, err))
	}
	if adopt {
		// Looked at first without a lock, so that a table that is refused each
		// minute costs no writer anything.
		if err := w.attempt(ctx, func(tx pgx.Tx) error { return l.contradictions(ctx, tx, s) }); err != nil {
			return w.told(ctx, l.table, s.name, unfit(s, adopt, err))
		}
	}
	err := w.attempt(ctx, func(tx pgx.Tx) (err error) {
		if err := execute(ctx, tx, fmt.Sprintf(`lock table only %s in share row exclusive mode`, l.parent())); err != nil {
			return err
		}
		if !adopt {
			// Its key is built when the rows are there, and much faster so.
			if err := execute(ctx, tx, l.create(s, ` excluding indexes`)); err != nil {
				return err
			}
		}
		if moved, err = l.move(ctx, tx, s, adopt); err != nil {
			return err
		}
		if err := l.fit(ctx, tx, s); err != nil {
			return err
		}
		if moved > 0 {
			// Whoever planned without the new partition would miss its rows.
			if err := execute(ctx, tx, fmt.Sprintf(`lock table only %s in access exclusive mode`, l.parent())); err != nil {
				return err
			}
		}
		if err := execute(ctx, tx, l.attach(s)+fmt.Sprintf(`; alter table %s drop constraint if exists %s`, l.sql(s.name), boundName)); err != nil {
			return err
		}
		if err := w.note(ctx, tx, l.table, s.name, action, ""); err != nil || moved == 0 {
			return err
		}
		return w.note(ctx, tx, l.table, s.name, "moved", fmt.Sprintf("%d rows out of %s", moved, l.defaultName))
	})
	if err != nil {
		if is(err, queryCanceled) {
			w.rests.begin(s.name, w.now.Add(restTime))
		}
		return w.told(ctx, l.table, s.name, unfit(s, adopt, err))
	}
	w.report.Moved += moved
	if adopt {
		w.report.Adopted = append(w.report.Adopted, s.name)
	} else {
		w.report.Created = append(w.report.Created, s.name)
	}
	return nil
}

// unfit says what was to be made when the error happened.
func unfit(s slice, adopt bool, err error) error {
	if adopt {
		return fmt.Errorf("adopting table %s, which has the name of a partition and is none: "+
			"rename or drop it if it is not to be one: %w", s.name, err)
	}
	return fmt.Errorf("making partition %s: %w", s.name, err)
}

// boundName is the constraint that spares attaching a scan of the new
// partition; it goes when that is done.
const boundName = "partition_bound"

// move brings the rows of the span from the default partition. Of rows that a
// table that is adopted has as well, equal in every column, one stays; it is
// refused if it has others under the same key.
func (l *layout) move(ctx context.Context, tx pgx.Tx, s slice, adopt bool) (int64, error) {
	if l.defaultName == "" {
		return 0, nil
	}
	table, source := l.sql(s.name), l.sql(l.defaultName)
	if adopt {
		// Nobody changes it between the look and the deletion.
		if err := execute(ctx, tx, fmt.Sprintf(`lock table only %s in share row exclusive mode`, table)); err != nil {
			return 0, err
		}
		if err := l.contradictions(ctx, tx, s); err != nil {
			return 0, err
		}
		if err := execute(ctx, tx, fmt.Sprintf(`delete from %s o using (select * from only %s where %s) d where %s`,
			table, source, l.inside(s.span), l.sameKey())); err != nil {
			return 0, err
		}
	}
	columns, err := l.columns(ctx, tx)
	if err != nil {
		return 0, err
	}
	done, err := tx.Exec(ctx, fmt.Sprintf(
		`with moved as (delete from only %[1]s where %[2]s returning %[3]s) insert into %[4]s (%[3]s) select %[3]s from moved`,
		source, l.inside(s.span), strings.Join(columns, ", "), table))
	return done.RowsAffected(), err
}

func (l *layout) columns(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `select quote_ident(attname) from pg_attribute
		where attrelid = $1 and attnum > 0 and not attisdropped order by attnum`, l.oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// fit gives a table everything that a partition must have, so that
// attaching finds it proved: the columns not null, the constraints, the keys,
// and that all its rows are of the span.
func (l *layout) fit(ctx context.Context, tx pgx.Tx, s slice) error {
	rows, err := tx.Query(ctx, `
		select format('alter column %I set not null', attname) from pg_attribute
		where attrelid = $1 and attnum > 0 and not attisdropped and attnotnull
		union all
		select format('add %s %s', case contype when 'p' then '' else format('constraint %I', conname) end,
			pg_get_constraintdef(oid)) from pg_constraint p
		where conrelid = $1 and contype in ('c', 'f', 'p') and not exists (
			select from pg_constraint c where c.conrelid = to_regclass($2)
			and c.contype = p.contype and pg_get_constraintdef(c.oid) = pg_get_constraintdef(p.oid))`,
		l.oid, l.sql(s.name))
	if err != nil {
		return err
	}
	steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	steps = append(steps, fmt.Sprintf("add constraint %s check (%s)", boundName, l.inside(s.span)))
	return execute(ctx, tx,
		fmt.Sprintf(`alter table %s drop constraint if exists %s`, l.sql(s.name), boundName),
		fmt.Sprintf(`alter table %s %s`, l.sql(s.name), strings.Join(steps, ", ")))
}
