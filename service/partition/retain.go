package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Retention says what Retain does.
type Retention struct {
	// Keep is how long partitions stay attached. A zero period keeps all.
	Keep Keep
	// Drop also drops those tables for good that were detached and that are
	// older than they are to be kept. Nothing else ever drops a row.
	Drop bool
}

// Retain detaches the partitions that lie wholly before what is kept. They
// stay as tables of their own, under the name TABLE_kept_DAY. The parent is
// closed for the moment that detaching takes, because a default partition
// rules out detaching it concurrently.
//
// It refuses if now is ahead of the clock of the server by more than a day:
// what a clock got wrong shall not cost anybody their history.
func (m *Manager) Retain(ctx context.Context, now time.Time, r Retention) (Report, error) {
	wrong := "" // what is wrong with now, said once for all tables
	return m.verb(ctx, m.asked(now), func(w *work, l *layout) error {
		problem := w.finalize(ctx, l)
		cutoff, limited := r.Keep.of(l.table).before(now)
		if !limited || wrong != "" {
			return problem
		}
		var err error
		if wrong, err = aheadOfServer(ctx, w.conn, now); err != nil || wrong != "" {
			w.report.skip(wrong)
			return errors.Join(problem, err)
		}
		return errors.Join(problem, w.retain(ctx, l, cutoff, r.Drop))
	})
}

// aheadOfServer says that now lies too far after the clock of the server, if
// it does.
func aheadOfServer(ctx context.Context, db querier, now time.Time) (string, error) {
	var server time.Time
	if err := db.QueryRow(ctx, `select now()`).Scan(&server); err != nil {
		return "", fmt.Errorf("reading the clock of the server: %w", err)
	}
	if !now.After(server.Add(tolerance)) {
		return "", nil
	}
	return fmt.Sprintf("retention: %s lies more than a day after the server's clock, %s",
		now.UTC().Format(time.RFC3339), server.UTC().Format(time.RFC3339)), nil
}

func (w *work) retain(ctx context.Context, l *layout, cutoff time.Time, drop bool) error {
	for _, p := range l.overdue(cutoff) {
		if err := w.detach(ctx, l, p); err != nil {
			return err
		}
	}
	if drop {
		return w.drop(ctx, l, cutoff)
	}
	return nil
}

// overdue lists the attached partitions that end before the cutoff.
func (l *layout) overdue(cutoff time.Time) []part {
	return slices.DeleteFunc(slices.Clone(l.parts), func(p part) bool { return p.pending || p.to.After(cutoff) })
}

func (w *work) detach(ctx context.Context, l *layout, p part) error {
	var kept string
	if err := w.attempt(ctx, func(tx pgx.Tx) (err error) {
		if err := execute(ctx, tx, fmt.Sprintf(`alter table %s detach partition %s`, l.parent(), l.sql(p.name))); err != nil {
			return err
		}
		if kept, err = l.keep(ctx, tx, p); err != nil {
			return err
		}
		return w.note(ctx, tx, l.table, p.name, "detached", "kept as "+kept)
	}); err != nil {
		return fmt.Errorf("detaching partition %s: %w", p.name, err)
	}
	w.report.Detached = append(w.report.Detached, kept)
	return nil
}

// keep renames a detached partition and its key, so that its name is free for
// rows of that time which come later.
func (l *layout) keep(ctx context.Context, tx pgx.Tx, p part) (string, error) {
	kept := l.keptName(p.span)
	for n := 2; ; n++ {
		var taken bool
		if err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, l.sql(kept)).Scan(&taken); err != nil {
			return "", err
		}
		if !taken {
			break
		}
		kept = fmt.Sprintf("%s_%d", l.keptName(p.span), n)
	}
	var key string
	err := tx.QueryRow(ctx, `select conname from pg_constraint where conrelid = $1 and contype = 'p'`, p.oid).Scan(&key)
	if err == nil && key != kept+"_pkey" {
		err = execute(ctx, tx, fmt.Sprintf(`alter table %s rename constraint %s to %s`,
			l.sql(p.name), pgx.Identifier{key}.Sanitize(), pgx.Identifier{kept + "_pkey"}.Sanitize()))
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	return kept, execute(ctx, tx, fmt.Sprintf(`alter table %s rename to %s`, l.sql(p.name), pgx.Identifier{kept}.Sanitize()))
}

// finalize ends each DETACH CONCURRENTLY that was interrupted, and keeps what
// it was to detach.
func (w *work) finalize(ctx context.Context, l *layout) error {
	for i, p := range l.parts {
		if !p.pending {
			continue
		}
		var kept string
		if err := w.attempt(ctx, func(tx pgx.Tx) (err error) {
			if err := execute(ctx, tx,
				fmt.Sprintf(`alter table %s detach partition %s finalize`, l.parent(), l.sql(p.name))); err != nil {
				return err
			}
			if kept, err = l.keep(ctx, tx, p); err != nil {
				return err
			}
			return w.note(ctx, tx, l.table, p.name, "finalized", "kept as "+kept)
		}); err != nil {
			return fmt.Errorf("ending the interrupted detaching of partition %s: %w", p.name, err)
		}
		w.report.Finalized = append(w.report.Finalized, kept)
		l.parts = slices.Delete(l.parts, i, i+1)
		return w.finalize(ctx, l) // Postgres allows one at a time
	}
	return nil
}

// kept lists the tables of this schema that were detached, by name.
func (l *layout) kept(ctx context.Context, db querier) ([]string, error) {
	rows, err := db.Query(ctx, `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and c.relkind = 'r' and not c.relispartition and starts_with(c.relname, $2)
		order by c.relname`, l.schema, l.table.name+"_kept_")
	if err != nil {
		return nil, fmt.Errorf("looking for what is kept of %s: %w", l.table.name, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for what is kept of %s: %w", l.table.name, err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, ours := l.keptSpan(name)
		return !ours
	}), nil
}

func (w *work) drop(ctx context.Context, l *layout, cutoff time.Time) error {
	names, err := l.kept(ctx, w.conn)
	if err != nil {
		return err
	}
	for _, name := range names {
		if s, _ := l.keptSpan(name); s.to.After(cutoff) {
			continue
		}
		if err := w.attempt(ctx, func(tx pgx.Tx) error {
			if err := execute(ctx, tx, fmt.Sprintf(`drop table %s`, l.sql(name))); err != nil {
				return err
			}
			return w.note(ctx, tx, l.table, name, "dropped", "")
		}); err != nil {
			return fmt.Errorf("dropping %s: %w", name, err)
		}
		w.report.Dropped = append(w.report.Dropped, name)
	}
	return nil
}
