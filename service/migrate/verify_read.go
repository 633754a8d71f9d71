package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/internal/advisory"
)

// oldestServer is what the steps were written for.
const oldestServer = 150000

// surroundings is what a verification needs to know besides the catalogue.
type surroundings struct {
	user, schema  string
	server        int
	readOnly      bool
	mayCreate     bool
	mayTemp       bool
	database      string
	hasGoose      bool
	gooseOurs     bool
	gooseReadable bool
	gooseWritable bool
	hasMarker     bool
	underWay      bool

	kept       []string
	invalid    []string
	unrecorded []int64
	strangers  []string
	dependents []string
}

// family selects the tables of ours, their partitions, and what is kept
// beside them.
const family = `
with recursive here as (
    select oid from pg_namespace where nspname = current_schema()
), family (oid, root) as (
    select c.oid, c.relname::text from pg_class c
    where c.relnamespace = (select oid from here) and c.relkind in ('r', 'p')
      and c.relname ~ ('^(' || array_to_string($1::text[], '|') || ')($|_(.*_)?kept(_|$))')
    union
    select i.inhrelid, f.root from family f join pg_inherits i on i.inhparent = f.oid
)`

func readSurroundings(ctx context.Context, tx *sql.Tx) (surroundings, error) {
	var s surroundings
	err := tx.QueryRowContext(ctx, `
		with goose as (
			select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = current_schema() and c.relname = 'goose_db_version')
		select current_user, coalesce(current_schema(), ''), current_setting('server_version_num')::int,
			pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean,
			coalesce(has_schema_privilege(current_schema(), 'create'), false),
			has_database_privilege(current_database(), 'temporary'), current_database(),
			exists (select from goose),
			2 = (select count(*) from pg_attribute a, goose where a.attrelid = goose.oid and not a.attisdropped
				and (a.attname, a.atttypid) in (('version_id', 'bigint'::regtype), ('is_applied', 'boolean'::regtype))),
			coalesce((select has_table_privilege(oid, 'select') from goose), true),
			coalesce((select has_table_privilege(oid, 'insert') and has_table_privilege(oid, 'delete') from goose), true),
			to_regclass('migration_running') is not null,
			exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
				and database = (select oid from pg_database where datname = current_database())
				and (classid::bigint << 32) + objid::bigint = $1 and pid <> pg_backend_pid())`, advisory.Migration).
		Scan(&s.user, &s.schema, &s.server, &s.readOnly, &s.mayCreate, &s.mayTemp, &s.database,
			&s.hasGoose, &s.gooseOurs, &s.gooseReadable, &s.gooseWritable, &s.hasMarker, &s.underWay)
	if err != nil {
		return s, fmt.Errorf("reading what the user may do: %w", err)
	}
	for _, list := range []struct {
		into  *[]string
		query string
	}{
		{&s.kept, `
			select root from family where root <> all ($1::text[]) group by root order by root`},
		{&s.invalid, `
			select format('the index %s of partition %s is invalid: its making was interrupted; drop it: drop index %1$I', x.relname, t.relname)
			from family f join pg_index i on i.indrelid = f.oid and not i.indisvalid
			join pg_class x on x.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
			where t.relname <> f.root order by 1`},
		{&s.dependents, `
			select format('the %s %s of user %s reads %s', case v.relkind when 'm' then 'materialized view' else 'view' end,
				v.relname, pg_get_userbyid(v.relowner), f.root)
			from family f
			join pg_depend d on d.refobjid = f.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_rewrite'::regclass
			join pg_rewrite r on r.oid = d.objid
			join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm')
			union
			select format('the foreign key %s of table %s points to %s', k.conname, k.conrelid::regclass, f.root)
			from family f join pg_constraint k on k.confrelid = f.oid and k.contype = 'f' and k.conparentid = 0
			where k.conrelid not in (select oid from family)
			order by 1`},
		{&s.strangers, `
			select case when count(*) = 1
				then format('user "%s" is not the owner of table %s: alter table %2$I owner to %1$I', current_user, min(t.relname))
				else format('user "%s" is not the owner of %s tables of %s, such as %s: migrate as their owner, "%s"',
					current_user, count(*), f.root, min(t.relname), pg_get_userbyid(min(t.relowner::bigint)::oid)) end
			from family f join pg_class t on t.oid = f.oid
			where not pg_has_role(t.relowner, 'usage') group by f.root order by f.root`},
	} {
		if *list.into, err = texts(ctx, tx, family+list.query, ourTables()); err != nil {
			return s, err
		}
	}
	return s, nil
}

// lacking says in words what keeps the user from migrating.
func (s *surroundings) lacking() []string {
	user, schema := pgx.Identifier{s.user}.Sanitize(), pgx.Identifier{s.schema}.Sanitize()
	var words []string
	lack := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if s.server < oldestServer {
		lack("the server is PostgreSQL %d; marketd needs %d or newer", s.server/10000, oldestServer/10000)
	}
	if s.readOnly {
		lack("the server takes no writes (a standby, or default_transaction_read_only is on): migrate on the primary")
	}
	switch {
	case s.schema == "":
		lack("the search_path of user %s leads to no schema: alter role %[1]s set search_path to public", user)
	case !s.mayCreate:
		lack("user %s may not create tables in schema %s: grant create on schema %[2]s to %[1]s", user, schema)
	}
	if !s.mayTemp {
		lack("user %s may not make temporary objects: grant temporary on database %s to %[1]s", user, pgx.Identifier{s.database}.Sanitize())
	}
	switch {
	case !s.gooseReadable:
		lack("user %s may not read goose_db_version: grant select, insert, delete on goose_db_version to %[1]s", user)
	case !s.gooseWritable:
		lack("user %s may not write goose_db_version: grant insert, delete on goose_db_version to %[1]s", user)
	}
	return append(words, s.strangers...)
}

// readRecord reads which versions are recorded, and the step that was begun.
func (s *surroundings) readRecord(ctx context.Context, tx *sql.Tx, v *Verification) error {
	err := tx.QueryRowContext(ctx, `select coalesce(max(version_id), 0) from goose_db_version`).Scan(&v.Version)
	if err != nil {
		return fmt.Errorf("reading goose_db_version: %w", err)
	}
	if v.Version <= v.Newest {
		rows, err := texts(ctx, tx, `select n::text from generate_series(1, $1::bigint) n
			where not exists (select from goose_db_version where version_id = n) order by n`, v.Version)
		if err != nil {
			return err
		}
		for _, row := range rows {
			var version int64
			if _, err := fmt.Sscan(row, &version); err != nil {
				return fmt.Errorf("reading goose_db_version: %w", err)
			}
			s.unrecorded = append(s.unrecorded, version)
		}
	}
	if !s.hasMarker {
		return nil
	}
	var running Marker
	err = tx.QueryRowContext(ctx, `select version, up, statement, since from migration_running limit 1`).
		Scan(&running.Version, &running.Up, &running.Statement, &running.Since)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("reading which step was begun: %w", err)
	}
	v.Running = &running
	return nil
}

// A column that draws from a sequence ends with the sequence's name.
var drawsFrom = regexp.MustCompile(` from (\S+)$`)

// reserved names everything that some version of the schema makes.
func reserved() ([]string, error) {
	names := []string{"instruments_kept_old"}
	for _, table := range ourTables() {
		names = append(names, table)
		for _, beside := range []string{"_next", "_old", "_changes", "_history"} { // what a step makes beside it, and drops
			names = append(names, table+beside)
		}
	}
	entries, err := catalogues.ReadDir("catalogue")
	if err != nil {
		return nil, fmt.Errorf("listing the catalogues: %w", err)
	}
	for version := range int64(len(entries)) {
		c, err := Expected(version + 1)
		if err != nil {
			return nil, err
		}
		for _, table := range c {
			for _, fact := range table.Facts {
				names = append(names, fact.reserves()...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (f Fact) reserves() []string {
	switch f.Kind {
	case "primary key", "unique", "index":
		return []string{f.Name}
	case "default partition":
		return []string{f.Definition}
	case "column":
		if match := drawsFrom.FindStringSubmatch(f.Definition); match != nil {
			return match[1:]
		}
	}
	return nil
}

// readTaken names what has a name that a version of ours needs and is not
// ours. When nothing is recorded, tables of our names are not ours either.
func readTaken(ctx context.Context, tx *sql.Tx, recorded bool) ([]string, error) {
	names, err := reserved()
	if err != nil {
		return nil, err
	}
	return texts(ctx, tx, family+`
		select format('there is %s %s of user %s%s, a name that marketd needs',
			case c.relkind when 'r' then 'a table' when 'p' then 'a table' when 'v' then 'a view'
				when 'm' then 'a materialized view' when 'S' then 'a sequence' when 'f' then 'a foreign table'
				when 'c' then 'a type' else 'an index' end,
			c.relname, pg_get_userbyid(c.relowner),
			coalesce(' on ' || (select t.relname from pg_index i join pg_class t on t.oid = i.indrelid where i.indexrelid = c.oid), ''))
		from pg_class c
		where c.relnamespace = (select oid from here) and c.relname::text = any ($2::text[])
			-- What belongs to a table that is named already is not named again.
			and not exists (select from pg_index i join family f on f.oid = i.indrelid where i.indexrelid = c.oid)
			and not exists (select from pg_depend d join family f on f.oid = d.refobjid
				where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
			and not exists (select from family f where f.oid = c.oid and ($3 or c.relname::text <> f.root))
			and not ($3 and c.relname::text = any ($1::text[]))
		order by c.relname`, ourTables(), names, recorded)
}

// texts returns the one column of a query.
func texts(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer func() { _ = rows.Close() }() // the loop has its own answer
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	return all, nil
}
