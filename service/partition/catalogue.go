package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// layout is one partitioned table as the catalogue has it.
type layout struct {
	table
	oid         uint32
	schema      string
	defaultName string // empty if there is none
	defaultOID  uint32
	parts       []part // without the default, by time
}

// part is one attached partition.
type part struct {
	oid  uint32
	name string
	span
	pending bool // a DETACH CONCURRENTLY of it was begun and not ended
}

// readLayout reads the partitions of a table. It locks nothing and waits for
// nobody. It returns nil if the table is not there or not partitioned.
func readLayout(ctx context.Context, db querier, t table) (*layout, error) {
	l := &layout{table: t}
	err := db.QueryRow(ctx, `select c.oid, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.oid = to_regclass($1) and c.relkind = 'p'`, t.name).Scan(&l.oid, &l.schema)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // an absent table is an answer and no error
	}
	if err != nil {
		return nil, fmt.Errorf("looking for table %s: %w", t.name, err)
	}
	rows, err := db.Query(ctx, `select c.oid, c.relname, c.relpartbound::text, i.inhdetachpending
		from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = $1 and c.relpartbound is not null`, l.oid)
	if err != nil {
		return nil, fmt.Errorf("reading the partitions of %s: %w", t.name, err)
	}
	var p part
	var bound string
	if _, err := pgx.ForEachRow(rows, []any{&p.oid, &p.name, &bound, &p.pending}, func() error {
		s, isDefault, err := parseBound(bound)
		switch {
		case err != nil:
			return fmt.Errorf("partition %s: %w", p.name, err)
		case isDefault:
			l.defaultName, l.defaultOID = p.name, p.oid
		default:
			p.span = s
			l.parts = append(l.parts, p)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reading the partitions of %s: %w", t.name, err)
	}
	slices.SortFunc(l.parts, func(a, b part) int { return a.from.Compare(b.from) })
	return l, nil
}

// querier is a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// covered returns the times that have a partition. One whose detaching was
// begun takes no rows, and yet nothing else can take its place.
func (l *layout) covered() []span {
	covered := make([]span, len(l.parts))
	for i, p := range l.parts {
		covered[i] = p.span
	}
	return covered
}

// window is the time that should have no gap: from the first partition, but
// not from before what is looked at or kept, to the end of the look-ahead.
func (l *layout) window(c Config, now time.Time) span {
	today := l.floor(now)
	w := span{today, l.add(today, c.Ahead+1)}
	if len(l.parts) > 0 {
		w.from = earlier(w.from, later(l.parts[0].from, l.add(today, -l.back)))
	}
	if oldest, limited := c.Keep.of(l.table).before(now); limited {
		w.from = later(w.from, l.floor(oldest))
	}
	return w
}

// wanted names the partitions that the spans need.
func (l *layout) wanted(missing []span) []slice {
	var wanted []slice
	for _, gap := range missing {
		for _, s := range l.intervals(gap) {
			wanted = append(wanted, slice{name: l.free(s, wanted), span: s})
		}
	}
	return wanted
}

// slice is a partition to make.
type slice struct {
	name string
	span
}

// free finds a name for the partition of the span: that of its interval, or
// with a number where one with other bounds has that name.
func (l *layout) free(s span, wanted []slice) string {
	plain := l.table.name + "_p" + l.stamp(s.from)
	for name, n := plain, 2; ; name, n = fmt.Sprintf("%s_%d", plain, n), n+1 {
		taken := slices.ContainsFunc(l.parts, func(p part) bool { return p.name == name }) ||
			len(wanted) > 0 && wanted[len(wanted)-1].name == name
		if !taken {
			return name
		}
	}
}

// sql writes the name of a table of this schema.
func (l *layout) sql(name string) string { return pgx.Identifier{l.schema, name}.Sanitize() }

func (l *layout) parent() string { return l.sql(l.table.name) }
