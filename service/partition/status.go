package partition

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/internal/advisory"
)

// lookLimits keep a look from waiting: for a lock, and for anything else.
const lookLimits = `set local lock_timeout = 100; set local statement_timeout = 1000`

// Status is how the partitions are.
type Status struct {
	// AsOf is the moment it is told for.
	AsOf time.Time `json:"as_of"`
	// SchemaVersion is the newest migration that was applied, 0 if none.
	SchemaVersion int64 `json:"schema_version"`
	// Tables is empty on a schema without partitions.
	Tables []Table `json:"tables"`
}

// Table is how the partitions of one table are.
type Table struct {
	// Table is its name, Interval the time of one partition: day or year.
	Table    string `json:"table"`
	Interval string `json:"interval"`
	// Partitions are the attached ones by time, without the default.
	Partitions []Partition `json:"partitions"`
	// LookAheadHours is for how long from now there is a partition.
	LookAheadHours float64 `json:"look_ahead_hours"`
	// Gaps are times without a partition that Ensure would make.
	Gaps []Gap `json:"gaps"`
	// DefaultRows counts the rows of the default partition: exactly up to
	// 100,000 and while nobody has locked it, else as the statistics have it.
	DefaultRows int64 `json:"default_rows"`
	// Kept are the tables that were detached.
	Kept []string `json:"kept"`
	// Overdue are the partitions that are older than they are to be kept.
	Overdue []string `json:"overdue"`
	// DetachPending are those whose detaching was interrupted.
	DetachPending []string `json:"detach_pending"`
	// Waiting says of which partitions somebody has to decide, and what: why
	// they were not made, as the journal has it.
	Waiting []string `json:"waiting"`
	// LeftOver names the constraint of a manager that was interrupted: it
	// would refuse rows when their time has come. Empty if there is none, or
	// while a manager is at work, which needs it.
	LeftOver string `json:"left_over"`
}

// Partition is one partition. From is nil for MINVALUE, To for MAXVALUE.
type Partition struct {
	Name string     `json:"name"`
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`
	// Bytes is the size with its indexes: measured where rows were written of
	// late, else, and while it is locked, as the statistics have it.
	Bytes int64 `json:"bytes"`
	// Rows is what the statistics of the server have.
	Rows int64 `json:"rows"`
	// Attached is false while a detaching is pending.
	Attached      bool `json:"attached"`
	DetachPending bool `json:"detach_pending"`
}

// Gap is a time without a partition.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Status looks at the partitions. It waits for nobody, even if a partition is
// locked exclusively: names, bounds and rows come from catalogues that are not
// locked, and sizes only of what is free.
func (m *Manager) Status(ctx context.Context, now time.Time) (Status, error) {
	status := Status{AsOf: now.UTC(), Tables: []Table{}}
	conn, err := m.config.Pool.Acquire(ctx)
	if err != nil {
		return status, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Release()
	err = looking(ctx, conn.Conn(), lookLimits, func(tx pgx.Tx) error {
		var versioned bool
		if err := tx.QueryRow(ctx, `select to_regclass('goose_db_version') is not null`).Scan(&versioned); err != nil {
			return err
		}
		if !versioned {
			return nil
		}
		return tx.QueryRow(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&status.SchemaVersion)
	})
	if err != nil && !is(err, lockNotAvailable, queryCanceled) {
		return status, fmt.Errorf("reading the version of the schema: %w", err)
	}
	for _, t := range tables() {
		l, err := readLayout(ctx, conn.Conn(), t)
		if err != nil {
			return status, err
		}
		if l == nil {
			continue
		}
		table, err := m.describe(ctx, conn.Conn(), l, now)
		if err != nil {
			return status, err
		}
		status.Tables = append(status.Tables, table)
	}
	return status, nil
}

func looking(ctx context.Context, conn *pgx.Conn, limits string, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, limits); err != nil {
			return fmt.Errorf("limiting the time of a look: %w", err)
		}
		return do(tx)
	})
}

func (m *Manager) describe(ctx context.Context, conn *pgx.Conn, l *layout, now time.Time) (Table, error) {
	t := Table{
		Table: l.table.name, Interval: l.interval(), Partitions: []Partition{}, Gaps: []Gap{},
		Overdue: []string{}, DetachPending: []string{}, Waiting: []string{},
	}
	figures, err := l.measure(ctx, conn)
	if err != nil {
		return t, err
	}
	t.DefaultRows = figures[l.defaultOID].rows
	if l.defaultName != "" && t.DefaultRows <= exactRows && !figures[l.defaultOID].locked {
		t.DefaultRows = l.countDefault(ctx, conn, t.DefaultRows)
	}
	var live []span
	for _, p := range l.parts {
		f := figures[p.oid]
		t.Partitions = append(t.Partitions, Partition{
			Name: p.name, From: shown(p.from), To: shown(p.to),
			Bytes: f.bytes, Rows: f.rows, Attached: !p.pending, DetachPending: p.pending,
		})
		if p.pending {
			t.DetachPending = append(t.DetachPending, p.name)
		} else {
			live = append(live, p.span)
		}
	}
	for _, gap := range gaps(l.window(m.config, now), live) {
		t.Gaps = append(t.Gaps, Gap{gap.from, gap.to})
	}
	if uncovered := gaps(span{now.UTC(), end()}, live); len(uncovered) > 0 {
		t.LookAheadHours = min(uncovered[0].from.Sub(now).Hours(), maxHours)
	} else {
		t.LookAheadHours = maxHours
	}
	if cutoff, limited := m.config.Keep.of(l.table).before(now); limited {
		for _, p := range l.overdue(cutoff) {
			t.Overdue = append(t.Overdue, p.name)
		}
	}
	if t.DefaultRows > 0 {
		if t.Waiting, err = l.waiting(ctx, conn); err != nil {
			return t, err
		}
	}
	if t.LeftOver, err = l.leftOver(ctx, conn); err != nil {
		return t, err
	}
	t.Kept, err = l.kept(ctx, conn)
	if t.Kept == nil {
		t.Kept = []string{}
	}
	return t, err
}

// waiting reads why partitions were not made that are not there yet. If the
// journal is not there or in use, nothing is known.
func (l *layout) waiting(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	waiting := []string{}
	err := looking(ctx, conn, lookLimits, func(tx pgx.Tx) error {
		var journal bool
		if err := tx.QueryRow(ctx, `select to_regclass('partition_events') is not null`).Scan(&journal); err != nil || !journal {
			return err
		}
		rows, err := tx.Query(ctx, `select detail from (
				select distinct on (partition) partition, action, detail from partition_events
				where parent = $1 order by partition, id desc) as latest
			where action = 'skipped' and partition not in (
				select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = $2)
			order by partition`, l.table.name, l.oid)
		if err != nil {
			return err
		}
		waiting, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil && !is(err, lockNotAvailable, queryCanceled) {
		return waiting, fmt.Errorf("reading the journal of %s: %w", l.table.name, err)
	}
	return waiting, nil
}

// leftOver reads from catalogues that are not locked.
func (l *layout) leftOver(ctx context.Context, db querier) (string, error) {
	var name string
	if err := db.QueryRow(ctx, `select coalesce((select conname from pg_constraint where conrelid = $1 and conname = $2
			and not exists (select from pg_locks where locktype = 'advisory' and classid = 0 and objid = $3 and granted
				and database = (select oid from pg_database where datname = current_database()))), '')`,
		l.defaultOID, l.table.name+"_ahead_exclusion", advisory.PartitionManager).Scan(&name); err != nil {
		return "", fmt.Errorf("looking for a constraint left on %s: %w", l.defaultName, err)
	}
	return name, nil
}

// maxHours is the look-ahead of a table with a partition up to MAXVALUE.
const maxHours = 1_000_000

// shown is nil for the moments that stand for no bound.
func shown(at time.Time) *time.Time {
	if at.Equal(beginning()) || at.Equal(end()) {
		return nil
	}
	return &at
}
