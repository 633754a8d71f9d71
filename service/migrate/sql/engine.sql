-- What the rewriting steps share: a copy of a table grows beside it under the
-- name X_next while a log of changes, X_changes, notes which rows have to be
-- looked at again, and in the end the two change places. These procedures
-- live in the session that migrates. A step brings three of its own:
--   pg_temp.look(source, rows)   refuses rows that have no place,
--   pg_temp.place(source, rows)  copies rows,
--   pg_temp.remove(source)       removes the copies of pg_temp.X_taken,
-- where rows is a table or a query in brackets, and
--   pg_temp.swap()               renames, under the lock.

-- The columns that name a row of a source.
create or replace function pg_temp.key_of(source text) returns text[] language sql as $$
    select case source
        when 'market_data' then '{kind,symbol,at,trade}'
        when 'ticks' then '{instrument_id,at,trade}'
        when 'bars' then '{instrument_id,day}'
    end::text[]
$$;

-- Batches are found by the key. On a table that has no statistics yet the
-- planner might read all of it instead, each time. It lasts until the commit.
create or replace procedure pg_temp.prefer_indexes() language plpgsql as $$
begin
    perform set_config(name, 'off', true)
    from unnest('{enable_seqscan,enable_bitmapscan,enable_hashjoin,enable_mergejoin,enable_sort}'::text[]) as name;
end $$;

-- About how many rows a table has, for progress.
create or replace function pg_temp.rows_of(source text) returns bigint language plpgsql as $$
declare
    counted bigint;
begin
    select sum(greatest(c.reltuples, 0))::bigint into counted
    from pg_partition_tree(source::regclass) t join pg_class c on c.oid = t.relid
    where t.isleaf;
    if coalesce(counted, 0) = 0 then
        execute format('select count(*) from %I', source) into counted;
    end if;
    return counted;
end $$;

-- Makes the log of changes and the triggers that fill it, in one transaction.
-- A trigger writes keys only; it works for writers who may not see the log.
create or replace procedure pg_temp.log_changes(source text) language plpgsql as $$
declare
    keys text := array_to_string(pg_temp.key_of(source), ', ');
begin
    if to_regclass(source || '_changes') is not null then
        return;
    end if;
    execute format('lock table %I in share row exclusive mode', source);
    execute format('create table %I as select %s from %I with no data', source || '_changes', keys, source);
    execute format('alter table %I add column seq bigint generated always as identity primary key', source || '_changes');
    execute format($f$
        create or replace function %1$I() returns trigger language plpgsql security definer set search_path = %2$I, pg_temp as $t$
        begin
            if tg_op <> 'INSERT' then
                insert into %3$I (%4$s) select %4$s from rows_before;
            end if;
            if tg_op <> 'DELETE' then
                insert into %3$I (%4$s) select %4$s from rows_after;
            end if;
            return null;
        end $t$ $f$, source || '_note', current_schema(), source || '_changes', keys);
    execute format('create trigger %I after insert on %I referencing new table as rows_after
        for each statement execute function %I()', source || '_note_insert', source, source || '_note');
    execute format('create trigger %I after update on %I referencing old table as rows_before new table as rows_after
        for each statement execute function %I()', source || '_note_update', source, source || '_note');
    execute format('create trigger %I after delete on %I referencing old table as rows_before
        for each statement execute function %I()', source || '_note_delete', source, source || '_note');
    -- A log of keys cannot follow a TRUNCATE.
    execute format($f$
        create or replace function %1$I() returns trigger language plpgsql as $t$
        begin
            raise exception using errcode = 'object_in_use',
                message = 'a migration copies this table: delete the rows instead, or wait for it to end';
        end $t$ $f$, source || '_note_truncate');
    execute format('create trigger %I before truncate on %I for each statement execute function %I()',
        source || '_note_truncate', source, source || '_note_truncate');
end $$;

-- Drops the log and its triggers.
create or replace procedure pg_temp.drop_log(source text) language plpgsql as $$
begin
    execute format('drop function if exists %I() cascade', source || '_note');
    execute format('drop function if exists %I() cascade', source || '_note_truncate');
    execute format('drop table if exists %I', source || '_changes');
end $$;

-- Copies the rows in batches by key, each committed with the place it ends,
-- so that an interrupted copy goes on from there. The batches are small and do
-- not wait for the disk, for writers wait behind what is written at once: a
-- server that crashes loses the last batches together with their places.
create or replace procedure pg_temp.copy_rows(source text, batch integer default 2000) language plpgsql as $$
declare
    keys  text := array_to_string(pg_temp.key_of(source), ', ');
    texts text := array_to_string(pg_temp.key_of(source), '::text, ') || '::text';
    total bigint := pg_temp.rows_of(source);
    place jsonb;
    upper text[];
    done  bigint;
    range text;
begin
    loop
        select coalesce(position -> source, '{}') into strict place from migration_running;
        exit when place ? 'over';
        call pg_temp.prefer_indexes();
        perform set_config('synchronous_commit', 'off', true);
        done := coalesce((place ->> 'done')::bigint, 0);
        range := 'true';
        if place ? 'key' then
            select format('(%s) > (%s)', keys, string_agg(quote_literal(k), ', ' order by n)) into range
            from jsonb_array_elements_text(place -> 'key') with ordinality as e (k, n);
        end if;
        upper := null;
        execute format('select array[%1$s] from (select %2$s from %3$I where %4$s order by %2$s offset %5$s limit 1) as last',
            texts, keys, source, range, batch - 1) into upper;
        if upper is not null then
            select range || format(' and (%s) <= (%s)', keys, string_agg(quote_literal(k), ', ' order by n)) into range
            from unnest(upper) with ordinality as e (k, n);
            done := done + batch;
            place := jsonb_build_object('key', to_jsonb(upper), 'done', done);
            total := greatest(total, done);
        else
            place := jsonb_build_object('over', true);
            done := total;
        end if;
        perform pg_temp.place(source, format('(select * from %I where %s)', source, range));
        update migration_running set position = jsonb_set(position, array[source], place);
        commit;
        if place ? 'over' or done % (10 * batch) = 0 then
            raise notice 'progress %/%', done, total;
        end if;
    end loop;
end $$;

-- Removes the rows t of a copy that a condition on the keys k finds, one by one
-- through the copy's key: "offset 0" keeps the planner, which knows neither the
-- keys nor the copy yet, from reading all of the one for each of the other.
create or replace procedure pg_temp.remove_from(target text, taken text, condition text) language plpgsql as $$
begin
    execute format($f$
        delete from %1$I where ctid = any (array(
            select t.ctid from %2$s cross join lateral (select t.ctid from %1$I t where %3$s offset 0) t
        )) $f$, target, taken, condition);
end $$;

-- Takes some keys from the log and copies their rows as they are now. Whoever
-- changes a row after that notes its key again.
create or replace function pg_temp.apply_changes(source text, batch integer) returns bigint language plpgsql as $$
declare
    keys  text := array_to_string(pg_temp.key_of(source), ', ');
    taken bigint;
    rows  text;
begin
    call pg_temp.prefer_indexes();
    if to_regclass('pg_temp.' || source || '_taken') is null then
        execute format('create temp table %I as select %s from %I with no data', source || '_taken', keys, source || '_changes');
    end if;
    execute format('delete from pg_temp.%I', source || '_taken');
    execute format($f$
        with gone as (
            delete from %1$I where seq <= (
                select max(seq) from (select seq from %1$I order by seq limit %2$s) as next
            ) returning %3$s
        ), one as (
            insert into pg_temp.%4$I select distinct %3$s from gone
        )
        select count(*) from gone $f$, source || '_changes', batch, keys, source || '_taken') into taken;
    if taken > 0 then
        rows := format('(select s.* from pg_temp.%I k cross join lateral (select * from %I s where (%s) = (%s) offset 0) s)',
            source || '_taken', source, 's.' || array_to_string(pg_temp.key_of(source), ', s.'),
            'k.' || array_to_string(pg_temp.key_of(source), ', k.'));
        perform pg_temp.look(source, rows);
        perform pg_temp.remove(source);
        perform pg_temp.place(source, rows);
    end if;
    return taken;
end $$;

-- Follows the log until it is short.
create or replace procedure pg_temp.catch_up(source text) language plpgsql as $$
declare
    taken bigint;
    done  bigint := 0;
    left_ bigint;
begin
    loop
        taken := pg_temp.apply_changes(source, 2000);
        done := done + taken;
        commit;
        exit when taken < 100;
        execute format('select count(*) from (select from %I limit 100000) as waiting', source || '_changes') into left_;
        commit;
        raise notice 'progress %/%', done, done + left_;
    end loop;
end $$;

-- Catches up, then in one short transaction locks the sources, applies what is
-- left, and lets copy and source change places. What swap() needs besides the
-- sources is locked last: the service's statements lock ticks or bars before
-- instruments, whether they read or write.
create or replace procedure pg_temp.switch(sources text[], last text default null) language plpgsql as $$
declare
    source text;
begin
    if to_regclass(sources[1] || '_old') is not null then
        return;
    end if;
    foreach source in array sources loop
        call pg_temp.catch_up(source);
    end loop;
    foreach source in array sources loop
        execute format('lock table only %I in access exclusive mode', source);
    end loop;
    if last is not null then
        execute format('lock table %I in access exclusive mode', last);
    end if;
    foreach source in array sources loop
        loop
            exit when pg_temp.apply_changes(source, 2000) = 0;
        end loop;
    end loop;
    perform pg_temp.swap();
end $$;

-- Renames a table with its indexes and sequences, which are named after it.
create or replace procedure pg_temp.rename_table(old text, new text) language plpgsql as $$
declare
    one record;
begin
    for one in
        select c.relkind, c.relname::text as name
        from pg_class c
        where starts_with(c.relname::text, old || '_')
          and (c.oid in (select indexrelid from pg_index where indrelid = old::regclass)
               or c.relkind = 'S' and c.oid in (select objid from pg_depend
                   where classid = 'pg_class'::regclass and refobjid = old::regclass and deptype in ('a', 'i')))
    loop
        execute format('alter %s %I rename to %I', case one.relkind when 'S' then 'sequence' else 'index' end,
            one.name, new || substr(one.name, length(old) + 1));
    end loop;
    execute format('alter table %I rename to %I', old, new);
end $$;

-- Drops a table, its partitions one by one: thousands at once would need more
-- locks than a server gives.
create or replace procedure pg_temp.drop_table(name text) language plpgsql as $$
declare
    partition text;
begin
    if to_regclass(name) is null then
        return;
    end if;
    for partition in
        select c.oid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = name::regclass
    loop
        execute 'drop table if exists ' || partition;
        commit;
    end loop;
    execute format('drop table if exists %I', name);
end $$;

-- Refuses with a count of rows and the first five of them.
create or replace procedure pg_temp.refuse_if(wrong bigint, shown text, words text) language plpgsql as $$
begin
    if wrong > 0 then
        raise exception using errcode = 'SG001', message = format('%s %s: %s', wrong, words, shown);
    end if;
end $$;
