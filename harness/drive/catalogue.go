package drive

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Catalogue is a schema as the harness sees it with its own eyes: how each
// column, constraint, index and trigger is defined, by what it is. Partitions
// come and go with the calendar and are left out, and so is what a lower
// version keeps beside itself for the way up, and the migrator's own marker.
type Catalogue map[string]string

// catalogueSQL yields what stands in the schema and how it is defined.
const catalogueSQL = `WITH tables AS (
	SELECT c.oid, c.relname AS name, c.relkind, c.relpersistence FROM pg_class c
	WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
		AND c.relname !~ '_kept(_|$)' AND c.relname <> 'migration_running')
SELECT 'table ' || name, relkind::text || relpersistence::text || coalesce(' by ' || pg_get_partkeydef(oid), '') FROM tables
UNION ALL SELECT 'column ' || t.name || '.' || a.attname, concat_ws(' ',
		'number', row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod),
		CASE WHEN a.attnotnull THEN 'not null' END, nullif('identity ' || a.attidentity::text, 'identity '), nullif('generated ' || a.attgenerated::text, 'generated '),
		'default ' || pg_get_expr(d.adbin, d.adrelid), 'collation ' || nullif(a.attcollation, 0)::regcollation::text)
	FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
UNION ALL SELECT 'constraint ' || c.conname || ' of ' || t.name, pg_get_constraintdef(c.oid)
	FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE c.contype <> 'n'
UNION ALL SELECT 'index ' || i.relname || ' of ' || t.name,
		pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid AND x.indisready THEN '' ELSE ' (not valid)' END
	FROM tables t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid
UNION ALL SELECT 'trigger ' || g.tgname || ' of ' || t.name, pg_get_triggerdef(g.oid)
	FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
UNION ALL SELECT 'function ' || p.oid::regprocedure::text, md5(p.prosrc)
	FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
UNION ALL SELECT 'sequence ' || c.relname, 'a sequence' FROM pg_class c
	WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S' AND c.relname !~ '_kept(_|$)'
		AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_class o ON o.oid = d.refobjid AND o.relname ~ '_kept(_|$)'
			WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))`

// ReadCatalogue reads the schema of a database.
func ReadCatalogue(ctx context.Context, dsn string) (Catalogue, error) {
	catalogue := Catalogue{}
	err := connected(ctx, dsn, "reading the schema", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, catalogueSQL)
		if err != nil {
			return err
		}
		var what, definition string
		_, err = pgx.ForEachRow(rows, []any{&what, &definition}, func() error {
			catalogue[what] = definition
			return nil
		})
		return err
	})
	return catalogue, err
}

// Differences says in words how after differs, in order.
func (before Catalogue) Differences(after Catalogue) []string {
	var told []string
	for what, definition := range before {
		got, ok := after[what]
		switch {
		case !ok:
			told = append(told, what+" is gone")
		case got != definition:
			told = append(told, fmt.Sprintf("%s was %q and is %q", what, definition, got))
		}
	}
	for what := range after {
		if _, ok := before[what]; !ok {
			told = append(told, what+" is new")
		}
	}
	slices.Sort(told)
	return told
}

// Likeness compares schemas that were seen several times at the same version.
type Likeness struct {
	first    map[int64]Catalogue
	compared int64
	told     []string
}

// See takes in the schema at a version, and compares it with the first one that
// was seen there.
func (l *Likeness) See(version int64, seen Catalogue) {
	first, known := l.first[version]
	if !known {
		if l.first == nil {
			l.first = map[int64]Catalogue{}
		}
		l.first[version] = seen
		return
	}
	l.compared += int64(len(first))
	for _, d := range first.Differences(seen) {
		l.told = append(l.told, fmt.Sprintf("version %d: %s", version, d))
	}
}

// Told are the differences in words.
func (l *Likeness) Told() []string { return l.told }

// Measures yields "schema differences", counted of all tables, columns,
// constraints and indexes that were seen again at a version.
func (l *Likeness) Measures() measure.Set {
	return measure.Set{"schema differences": count("schema differences", int64(len(l.told)), max(l.compared, int64(len(l.told))))}
}
