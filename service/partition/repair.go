package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// mostRepaired bounds how many partitions of a table one run makes for rows
// of the default partition. The newest come first.
const mostRepaired = 50

// Repair ends interrupted detachings, makes what Ensure makes, and moves rows
// out of the default partitions into partitions made for their time, unless
// the configuration keeps that time no longer.
func (m *Manager) Repair(ctx context.Context, now time.Time) (Report, error) {
	return m.repair(ctx, now, m.asked(now))
}

func (m *Manager) repair(ctx context.Context, now time.Time, most limits) (Report, error) {
	return m.verb(ctx, most, func(w *work, l *layout) error {
		problems := []error{w.finalize(ctx, l), w.forgetExclusions(ctx, l), m.ensure(ctx, w, l, now)}
		if w.conn.IsClosed() {
			return errors.Join(problems...)
		}
		// Read again: partitions were made.
		l, err := readLayout(ctx, w.conn, l.table)
		if err != nil || l == nil {
			return errors.Join(append(problems, err)...)
		}
		return errors.Join(append(problems, w.bringHome(ctx, l, m.config.oldest(l.table, now)))...)
	})
}

func (w *work) bringHome(ctx context.Context, l *layout, oldest time.Time) error {
	if l.defaultName == "" {
		return nil
	}
	moments, err := w.strays(ctx, l, oldest)
	if err != nil {
		return err
	}
	if room := min(mostRepaired, mostPerTable-len(l.parts)); len(moments) > room {
		w.report.skip(fmt.Sprintf("%s holds rows of more %ss than one run repairs", l.defaultName, l.interval()))
		moments = moments[:max(0, room)]
	}
	var missing []span
	for _, at := range moments {
		from := l.floor(at)
		missing = append(missing, gaps(span{from, l.add(from, 1)}, l.covered())...)
	}
	var problems []error
	// One by one, so that each day is at home before the next is begun.
	for _, s := range l.wanted(missing) {
		problems = append(problems, w.make(ctx, l, []slice{s}))
		if w.conn.IsClosed() || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(problems...)
}

// strays returns the intervals that the default partition holds rows of,
// newest first, one more than are repaired. Rows before the oldest, and of no
// calendar year from 1 to 9999, stay where they are.
func (w *work) strays(ctx context.Context, l *layout, oldest time.Time) ([]time.Time, error) {
	var moments []time.Time
	err := w.attempt(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(`select distinct date_trunc('%s', %[2]s::timestamp)::timestamp from only %[3]s
			where %[2]s >= %[5]s and %[2]s < '9999-12-31' order by 1 desc limit %[4]d`,
			l.interval(), l.column, l.sql(l.defaultName), mostRepaired+1, l.literal(oldest)))
		if err != nil {
			return err
		}
		moments, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for rows in %s: %w", l.defaultName, err)
	}
	return moments, nil
}
