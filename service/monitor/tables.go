package monitor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// mostTables is how many tables are told one by one, mostIndexes how many
	// indexes of a kind.
	mostTables  = 20
	mostIndexes = 20
)

// users are the namespaces that hold what users made.
const users = `n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast%'`

// tablesSQL sums up the leaves of each table. It reads catalogs and counters
// only, which nobody can lock by locking a table.
const tablesSQL = `with recursive tree as (
		select c.oid, c.oid as root from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and not c.relispartition and ` + users + `
		union all
		select h.inhrelid, t.root from tree t join pg_inherits h on h.inhparent = t.oid
			join pg_class p on p.oid = h.inhparent and p.relkind = 'p'
	), leaf as (
		select t.root, c.relpages, pg_stat_get_live_tuples(c.oid) as live, pg_stat_get_dead_tuples(c.oid) as dead,
			pg_stat_get_numscans(c.oid) as seq, i.scans as idx
		from tree t join pg_class c on c.oid = t.oid and c.relkind = 'r'
		left join (select indrelid, sum(pg_stat_get_numscans(indexrelid)) as scans from pg_index group by 1) i on i.indrelid = c.oid
	)
	select root::regclass::text, (select relkind = 'p' from pg_class where oid = root), count(*), sum(live)::bigint, sum(dead)::bigint,
		coalesce(sum(relpages::float8 * dead / nullif(live + dead, 0)), 0) * current_setting('block_size')::float8,
		sum(seq)::float8, coalesce(sum(idx), 0)::float8
	from leaf group by root`

func (l *look) readTables(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	rows, err := conn.Query(ctx, tablesSQL)
	if err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	var t Table
	var partitioned bool
	var leaves, count, live, dead int64
	var deadBytes, bytes, sequential, indexed, allSequential, allIndexed float64
	tables, scans := []Table{}, map[string]*counters{}
	if _, err := pgx.ForEachRow(rows, []any{
		&t.Name, &partitioned, &leaves, &t.LiveRows, &t.DeadRows, &bytes, &sequential, &indexed,
	}, func() error {
		count, live, dead, deadBytes = count+leaves, live+t.LiveRows, dead+t.DeadRows, deadBytes+bytes
		allSequential, allIndexed = allSequential+sequential, allIndexed+indexed
		c := l.server.scans[t.Name]
		if c == nil {
			c = &counters{keep: scansKept, sums: true}
		}
		scans[t.Name] = c
		c.add(at, sequential, indexed)
		t.IndexShare = ratio(c.grown(1), c.grown(0)+c.grown(1))
		t.DeadShare, t.DeadBytes, t.Partitions = ratio(float64(t.DeadRows), float64(t.LiveRows+t.DeadRows)), int64(bytes), 0
		if partitioned {
			t.Partitions = leaves
		}
		tables = append(tables, t)
		return nil
	}); err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	l.server.scans = scans // without those of tables that are gone
	slices.SortFunc(tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(b.LiveRows+b.DeadRows, a.LiveRows+a.DeadRows), cmp.Compare(a.Name, b.Name))
	})
	wasted := int64(deadBytes)
	l.now.Tables = Tables{
		Count: &count, LiveRows: &live, DeadRows: &dead, DeadShare: ratio(float64(dead), float64(live+dead)),
		DeadBytes: &wasted, ByTable: tables[:min(len(tables), mostTables)],
	}
	l.compareScans(at, allSequential, allIndexed)
	return nil
}

// compareScans tells how the tables are read now and were before. The two
// counts are those since the server's statistics were reset.
func (l *look) compareScans(at time.Time, allSequential, allIndexed float64) {
	var sequential, indexed, seconds float64
	for c := range maps.Values(l.server.scans) {
		sequential, indexed, seconds = sequential+c.grown(0), indexed+c.grown(1), max(seconds, c.seconds())
	}
	n := &l.now.Indexes
	n.UseShare = ratio(indexed, sequential+indexed)
	n.UseShareSinceReset = ratio(allIndexed, allSequential+allIndexed)
	n.ScansPerSecond, n.SequentialScansPerSecond = ratio(indexed, seconds), ratio(sequential, seconds)
	if n.Before != nil {
		return
	}
	n.Before = &IndexesBefore{Until: at.UTC().Truncate(time.Microsecond), Why: beforeStart, UseShare: n.UseShareSinceReset}
	if n.CountedSince != nil {
		counted := at.Sub(*n.CountedSince).Seconds()
		n.Before.ScansPerSecond, n.Before.SequentialScansPerSecond = ratio(allIndexed, counted), ratio(allSequential, counted)
	}
}

// changedIndexes begins a new time if a table has got or lost an index; one
// that came or went with its table, such as a detached partition, changes
// nothing. What is not known of the old time leaves the one before it. The set
// lists tables and indexes by their numbers, as "16384:16390 16384:16392".
func (l *look) changedIndexes(at time.Time, set string) {
	now := map[string]string{}
	for pair := range strings.FieldsSeq(set) {
		table, index, _ := strings.Cut(pair, ":")
		now[table] += index + " "
	}
	changed := false
	for table, indexes := range now {
		before, known := l.server.indexes[table]
		changed = changed || known && before != indexes
	}
	l.server.indexes = now
	n := &l.now.Indexes
	if !changed || n.ScansPerSecond == nil {
		return
	}
	n.Before = &IndexesBefore{
		Until: at.UTC().Truncate(time.Microsecond), Why: beforeIndexes, UseShare: n.UseShare,
		ScansPerSecond: n.ScansPerSecond, SequentialScansPerSecond: n.SequentialScansPerSecond,
	}
	n.UseShare, n.ScansPerSecond, n.SequentialScansPerSecond = nil, nil, nil
	l.server.scans = map[string]*counters{}
}

// indexesSQL sums up the leaves of each index. One that upholds a constraint
// is of use without a scan; so is one that others refer to. One that is being
// built is not valid yet, which is no news.
const indexesSQL = `with recursive tree as (
		select i.indexrelid as oid, i.indexrelid as root from pg_index i
		join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
		where not c.relispartition and ` + users + `
		union all
		select h.inhrelid, t.root from tree t join pg_inherits h on h.inhparent = t.oid
	), leaf as (
		select t.root, bool_and(i.indisvalid) as valid, sum(pg_stat_get_numscans(c.oid)) as scans,
			sum(c.relpages)::bigint * current_setting('block_size')::bigint as bytes,
			bool_or(i.indisunique or i.indisprimary or i.indisexclusion or i.indisreplident or i.indisclustered) as needed,
			bool_or(c.oid in (select index_relid from pg_stat_progress_create_index)) as building
		from tree t join pg_class c on c.oid = t.oid join pg_index i on i.indexrelid = c.oid group by t.root
	), judged as (
		select i.indexrelid, i.indrelid, bytes, not valid and not building as invalid,
			scans = 0 and not needed and valid as unused
		from leaf join pg_index i on i.indexrelid = root
	)
	select total.count, total.set, indexrelid::regclass::text, indrelid::regclass::text, bytes, invalid
	from (select (select count(*) from judged), (select coalesce(string_agg(c.oid || ':' || coalesce(i.indexrelid::oid::text, ''), ' '
			order by c.oid, i.indexrelid), '') as set
		from pg_class c join pg_namespace n on n.oid = c.relnamespace left join judged i on i.indrelid = c.oid
		where c.relkind in ('r', 'p') and not c.relispartition and ` + users + `)) as total left join judged on unused or invalid order by bytes desc, indexrelid`

func (l *look) readIndexes(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	rows, err := conn.Query(ctx, indexesSQL)
	if err != nil {
		return fmt.Errorf("reading the indexes: %w", err)
	}
	unused, invalid := []Index{}, []Index{}
	var count, unusedCount, unusedBytes, invalidCount int64
	var set string
	var name, table *string // null in the one row that only counts
	var bytes *int64
	var isInvalid *bool
	if _, err := pgx.ForEachRow(rows, []any{&count, &set, &name, &table, &bytes, &isInvalid}, func() error {
		switch {
		case name == nil:
		case *isInvalid:
			invalid, invalidCount = append(invalid, Index{*name, *table, *bytes}), invalidCount+1
		default:
			unused, unusedCount, unusedBytes = append(unused, Index{*name, *table, *bytes}), unusedCount+1, unusedBytes+*bytes
		}
		return nil
	}); err != nil {
		return fmt.Errorf("reading the indexes: %w", err)
	}
	l.changedIndexes(at, set)
	n := &l.now.Indexes
	n.Count, n.UnusedCount, n.UnusedBytes, n.InvalidCount = &count, &unusedCount, &unusedBytes, &invalidCount
	n.Unused, n.Invalid = unused[:min(len(unused), mostIndexes)], invalid[:min(len(invalid), mostIndexes)]
	return nil
}
