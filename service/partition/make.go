package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// together is how many partitions are attached in one transaction.
	together = 16
	// smallDefault is the size in bytes up to which attaching may scan the
	// default partition: it is read in about 5 ms.
	smallDefault = 8 << 20
	// tolerance is how far in the future a row may lie.
	tolerance = 24 * time.Hour
)

// make makes partitions and attaches them. Those that nobody can write to yet
// are attached many at a time while everybody goes on, the others singly. One
// that cannot be made does not keep the others from it.
func (w *work) make(ctx context.Context, l *layout, wanted []slice) error {
	if len(wanted) == 0 {
		return nil
	}
	if err := w.forgetExclusions(ctx, l); err != nil {
		return err
	}
	// Who may write what is decided by the clock of the server.
	var now time.Time
	if err := w.conn.QueryRow(ctx, `select now()`).Scan(&now); err != nil {
		return fmt.Errorf("reading the clock of the server: %w", err)
	}
	there, err := w.leftovers(ctx, l, wanted)
	if err != nil {
		return err
	}
	var quiet, busy []slice
	for _, s := range wanted {
		if s.from.Before(now.Add(tolerance)) || there[s.name] {
			busy = append(busy, s)
		} else {
			quiet = append(quiet, s)
		}
	}
	var problems []error
	for _, s := range busy {
		if err := w.makeLate(ctx, l, s, there[s.name]); err != nil {
			problems = append(problems, err)
		}
		if w.conn.IsClosed() || ctx.Err() != nil {
			return errors.Join(problems...)
		}
	}
	if err := w.makeAhead(ctx, l, quiet); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// leftovers says which of the names are taken by a table that is attached to
// nothing.
func (w *work) leftovers(ctx context.Context, l *layout, wanted []slice) (map[string]bool, error) {
	names := make([]string, len(wanted))
	for i, s := range wanted {
		names[i] = s.name
	}
	rows, err := w.conn.Query(ctx, `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and c.relname = any ($2) and not c.relispartition`, l.schema, names)
	if err != nil {
		return nil, fmt.Errorf("looking for leftovers of %s: %w", l.table.name, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for leftovers of %s: %w", l.table.name, err)
	}
	there := make(map[string]bool, len(found))
	for _, name := range found {
		there[name] = true
	}
	return there, nil
}

// makeAhead makes partitions of a time that nobody can write yet. The parent
// is locked SHARE UPDATE EXCLUSIVE, the default partition exclusively, for the
// milliseconds that attaching takes.
func (w *work) makeAhead(ctx context.Context, l *layout, wanted []slice) error {
	if len(wanted) == 0 {
		return nil
	}
	if err := w.exclude(ctx, l, span{wanted[0].from, wanted[len(wanted)-1].to}); err != nil {
		return err
	}
	var problems []error
	for some := range slices.Chunk(wanted, together) {
		err := w.makeTogether(ctx, l, some)
		if is(err, checkViolation) {
			// The default partition holds rows of this time all the same.
			err = w.forgetExclusions(ctx, l)
			for _, s := range some {
				err = errors.Join(err, w.makeLate(ctx, l, s, false))
			}
		}
		if err != nil {
			problems = append(problems, err)
			break
		}
	}
	return errors.Join(append(problems, w.forgetExclusions(ctx, l))...)
}

func (w *work) makeTogether(ctx context.Context, l *layout, wanted []slice) error {
	var create, attach []string
	for _, s := range wanted {
		create = append(create, l.create(s, ""))
		attach = append(attach, l.attach(s))
	}
	if err := w.attempt(ctx, func(tx pgx.Tx) error {
		// All are made before the first is attached, which begins to lock.
		if err := execute(ctx, tx, strings.Join(create, ";"), strings.Join(attach, ";")); err != nil {
			return err
		}
		for _, s := range wanted {
			if err := w.note(ctx, tx, l.table, s.name, "created", ""); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("making partitions from %s to %s: %w", wanted[0].name, wanted[len(wanted)-1].name, err)
	}
	for _, s := range wanted {
		w.report.Created = append(w.report.Created, s.name)
	}
	return nil
}

// create makes the table beside its parent, with the constraints of it.
func (l *layout) create(s slice, more string) string {
	return fmt.Sprintf(`create table %s (like %s including all%s)`, l.sql(s.name), l.parent(), more)
}

func (l *layout) attach(s slice) string {
	from, to := l.literal(s.from), l.literal(s.to)
	return fmt.Sprintf(`alter table %s attach partition %s for values from (%s) to (%s)`,
		l.parent(), l.sql(s.name), from, to)
}

// exclude proves with a constraint that a large default partition holds no
// row of the span, so that attaching need not scan it while it is locked. If
// rows are in the way it leaves no constraint.
func (w *work) exclude(ctx context.Context, l *layout, s span) error {
	if l.defaultName == "" {
		return nil
	}
	var size int64
	if err := w.attempt(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select coalesce(pg_relation_size($1::oid::regclass), 0)`, l.defaultOID).Scan(&size)
	}); err != nil {
		return fmt.Errorf("measuring %s: %w", l.defaultName, err)
	}
	if size <= smallDefault {
		return nil
	}
	alter := fmt.Sprintf(`alter table %s `, l.sql(l.defaultName))
	for _, statement := range []string{
		alter + fmt.Sprintf(`add constraint %s check (%s < %s or %[2]s >= %[4]s) not valid`,
			exclusionName(l), l.column, l.literal(s.from), l.literal(s.to)),
		alter + `validate constraint ` + exclusionName(l),
	} {
		err := w.attempt(ctx, func(tx pgx.Tx) error { return execute(ctx, tx, statement) })
		if is(err, checkViolation) {
			return w.forgetExclusions(ctx, l)
		}
		if err != nil {
			return errors.Join(
				fmt.Errorf("proving that %s holds no row of the new partitions: %w", l.defaultName, err),
				w.forgetExclusions(ctx, l))
		}
	}
	return nil
}

func exclusionName(l *layout) string {
	return pgx.Identifier{l.table.name + "_ahead_exclusion"}.Sanitize()
}

// forgetExclusions takes away the constraint that a manager left which was
// killed: it would refuse rows when their time has come.
func (w *work) forgetExclusions(ctx context.Context, l *layout) error {
	if l.defaultName == "" {
		return nil
	}
	var there bool
	if err := w.conn.QueryRow(ctx, `select exists (select from pg_constraint where conrelid = $1 and conname = $2)`,
		l.defaultOID, l.table.name+"_ahead_exclusion").Scan(&there); err != nil {
		return fmt.Errorf("looking for a constraint left on %s: %w", l.defaultName, err)
	}
	if !there {
		return nil
	}
	if err := w.attempt(ctx, func(tx pgx.Tx) error {
		return execute(ctx, tx, fmt.Sprintf(`alter table %s drop constraint if exists %s`, l.sql(l.defaultName), exclusionName(l)))
	}); err != nil {
		return fmt.Errorf("taking the constraint away that was left on %s: %w", l.defaultName, err)
	}
	return nil
}
