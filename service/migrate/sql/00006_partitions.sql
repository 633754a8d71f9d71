-- Ticks by day, bars by year (UTC): a day is queried, kept and dropped as a
-- whole. What is there already becomes one partition, without being copied.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: say how a table is split
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
-- The upper bound of the partition for the rows that are there, as the check
-- on them says it; null for none.
create or replace function pg_temp.bound_of(source text) returns date language sql as $$
    select substring(pg_get_constraintdef(oid) from '''(\d{4,}-\d\d-\d\d)')::date
    from pg_constraint where conrelid = to_regclass(source) and conname = source || '_history_range'
$$;
-- Promises that the rows end before a day, a week or more ahead, unless there
-- are none. A step that was left for days promises anew.
create or replace procedure pg_temp.promise(source text, part text) language plpgsql as $$
declare
    filled boolean;
    today  date := (now() at time zone 'UTC')::date;
    bound  date := today + 7;
begin
    if to_regclass(source || '_default') is not null or pg_temp.bound_of(source) > today + 2 then
        return;
    end if;
    if pg_temp.bound_of(source) is not null then
        execute format('alter table %I drop constraint %I', source, source || '_history_range');
    end if;
    execute format('select exists (select from %I)', source) into filled;
    if filled then
        if part = 'day' then
            bound := date_trunc('year', bound + interval '1 year')::date;
        end if;
        execute format('alter table %I add constraint %I check (%I < %L) not valid',
            source, source || '_history_range', part, case part when 'at' then bound || ' 00:00:00+00' else bound::text end);
    end if;
end $$;
-- Makes the partitioned table beside the source, with partitions ahead.
create or replace procedure pg_temp.make_partitioned(source text, part text) language plpgsql as $$
declare
    today  date := (now() at time zone 'UTC')::date;
    bound  date := pg_temp.bound_of(source);
    width  interval := case part when 'at' then interval '1 day' else interval '1 year' end;
    target text := source || '_next';
    d      date;
begin
    execute format('drop table if exists %I', target);
    execute format('create table %I (like %I including constraints) partition by range (%I)', target, source, part);
    if bound is not null then
        execute format('alter table %I drop constraint %I', target, source || '_history_range');
    end if;
    execute format('alter table %I add primary key (%s)', target,
        case part when 'at' then 'instrument_id, at, trade' else 'instrument_id, day' end);
    execute format('alter table %I add constraint %I foreign key (instrument_id) references instruments on delete restrict',
        target, source || '_instrument_id_fkey');
    d := coalesce(bound, date_trunc(case part when 'at' then 'day' else 'year' end, today::timestamp)::date);
    for ahead in 0 .. 4 loop
        execute format('create table %I partition of %I for values from (%L) to (%L)',
            source || to_char(d, case part when 'at' then '"_p"YYYYMMDD' else '"_p"YYYY' end), target,
            case part when 'at' then d || ' 00:00:00+00' else d::text end,
            case part when 'at' then (d + width)::date || ' 00:00:00+00' else (d + width)::date::text end);
        d := (d + width)::date;
    end loop;
    execute format('create table %I partition of %I default', source || '_default', target);
end $$;
-- Lets the partitioned table take the source's place, and attaches what was
-- there as one partition. The check makes that a matter of the catalogue.
create or replace procedure pg_temp.split(source text, part text) language plpgsql as $$
declare
    bound date := pg_temp.bound_of(source);
begin
    if bound is null then
        call pg_temp.rename_table(source, source || '_old');
        call pg_temp.rename_table(source || '_next', source);
        -- Rows that came since it was found empty.
        execute format('insert into %I select * from %I', source, source || '_old');
        return;
    end if;
    call pg_temp.rename_table(source, source || '_history');
    call pg_temp.rename_table(source || '_next', source);
    execute format('alter table %I attach partition %I for values from (minvalue) to (%L)',
        source, source || '_history', case part when 'at' then bound || ' 00:00:00+00' else bound::text end);
    execute format('alter table %I drop constraint %I', source || '_history', source || '_history_range');
end $$;
-- +goose StatementEnd

-- Title: promise where the ticks that are there end
-- Locks: ticks ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks, for milliseconds
call pg_temp.promise('ticks', 'at');

-- Title: promise where the bars that are there end
-- Locks: bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of bars, for milliseconds
call pg_temp.promise('bars', 'day');

-- Title: look whether the ticks keep the promise
-- Locks: ticks SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- +goose StatementBegin
do $$
begin
    if pg_temp.bound_of('ticks') is not null then
        alter table ticks validate constraint ticks_history_range;
    end if;
end $$;
-- +goose StatementEnd

-- Title: look whether the bars keep the promise
-- Locks: bars SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
-- +goose StatementBegin
do $$
begin
    if pg_temp.bound_of('bars') is not null then
        alter table bars validate constraint bars_history_range;
    end if;
end $$;
-- +goose StatementEnd

-- Title: make the partitioned tables beside them
-- Locks: instruments SHARE ROW EXCLUSIVE, ticks ACCESS SHARE, bars ACCESS SHARE
-- Blocking: writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
begin
    -- Rows may have come since, or days may have gone by.
    call pg_temp.promise('ticks', 'at');
    call pg_temp.promise('bars', 'day');
    call pg_temp.make_partitioned('ticks', 'at');
    call pg_temp.make_partitioned('bars', 'day');
end $$;
-- +goose StatementEnd

-- Title: switch
-- Locks: instruments ACCESS EXCLUSIVE, ticks ACCESS EXCLUSIVE, bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of the three, for milliseconds
-- +goose StatementBegin
do $$
begin
    if to_regclass('ticks_next') is null then
        return;
    end if;
    -- Ticks and bars before instruments, as readers and writers take them. To
    -- attach what refers to the instruments replaces the triggers there.
    lock table ticks, bars, instruments in access exclusive mode;
    call pg_temp.split('ticks', 'at');
    call pg_temp.split('bars', 'day');
end $$;
-- +goose StatementEnd

-- Title: drop what was made
-- Locks: ticks ACCESS EXCLUSIVE, bars ACCESS EXCLUSIVE, instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of the three, for milliseconds
-- Only: after a refusal
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_next, bars_next;
    alter table ticks drop constraint if exists ticks_history_range;
    alter table bars drop constraint if exists bars_history_range;
end $$;
-- +goose StatementEnd

-- Title: drop the old tables, if they were empty
-- Locks: instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of instruments, for milliseconds
drop table if exists ticks_old, bars_old;

-- Title: gather statistics
-- Locks: ticks SHARE UPDATE EXCLUSIVE, bars SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
analyze ticks, bars;

-- +goose Down
-- Title: say how rows are copied
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
declare
    half text;
begin
    -- A partition that is half detached is in no copy, and would be dropped
    -- with the table.
    select string_agg(c.relname, ', ' order by c.relname) into half
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = source::regclass and i.inhdetachpending;
    if half is not null then
        raise exception using errcode = 'SG001', message = format(
            'partitions are half detached: %s; run `marketd partitions repair` first', half);
    end if;
end $$;
create or replace function pg_temp.place(source text, rows text) returns void language plpgsql as $$
begin
    if source = 'ticks' then
        execute format($f$
            insert into ticks_next (price, volume, at, trade, instrument_id)
            select price, volume, at, trade, instrument_id from %s as t $f$, rows);
    else
        execute format($f$
            insert into bars_next (instrument_id, day, open, high, low, close, volume)
            select instrument_id, day, open, high, low, close, volume from %s as b $f$, rows);
    end if;
end $$;
create or replace function pg_temp.remove(source text) returns void language plpgsql as $$
begin
    if source = 'ticks' then
        call pg_temp.remove_from('ticks_next', 'pg_temp.ticks_taken k', '(t.instrument_id, t.at, t.trade) = (k.instrument_id, k.at, k.trade)');
    else
        call pg_temp.remove_from('bars_next', 'pg_temp.bars_taken k', '(t.instrument_id, t.day) = (k.instrument_id, k.day)');
    end if;
end $$;
create or replace function pg_temp.swap() returns void language plpgsql as $$
begin
    call pg_temp.rename_table('ticks', 'ticks_old');
    call pg_temp.rename_table('bars', 'bars_old');
    call pg_temp.rename_table('ticks_next', 'ticks');
    call pg_temp.rename_table('bars_next', 'bars');
end $$;
-- +goose StatementEnd

-- Title: look for partitions that are half detached
-- Locks: none
-- Blocking: nobody
select pg_temp.look('ticks', 'ticks'), pg_temp.look('bars', 'bars');

-- Title: make the log of changes of ticks
-- Locks: ticks SHARE ROW EXCLUSIVE
-- Blocking: writers of ticks, for milliseconds
call pg_temp.log_changes('ticks');

-- Title: make the log of changes of bars
-- Locks: bars SHARE ROW EXCLUSIVE
-- Blocking: writers of bars, for milliseconds
call pg_temp.log_changes('bars');

-- Title: make the tables beside them
-- Locks: ticks ACCESS SHARE, bars ACCESS SHARE
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_next, bars_next;
    create table ticks_next (like ticks including constraints, primary key (instrument_id, at, trade));
    create table bars_next (like bars including constraints, primary key (instrument_id, day));
end $$;
-- +goose StatementEnd

-- Title: copy the ticks
-- Locks: ticks ACCESS SHARE
-- Blocking: nobody
call pg_temp.copy_rows('ticks');

-- Title: copy the bars
-- Locks: bars ACCESS SHARE
-- Blocking: nobody
call pg_temp.copy_rows('bars');

-- Title: tie the copies to their instruments
-- Locks: instruments SHARE ROW EXCLUSIVE
-- Blocking: writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
begin
    alter table ticks_next drop constraint if exists ticks_instrument_id_fkey;
    alter table ticks_next add constraint ticks_instrument_id_fkey
        foreign key (instrument_id) references instruments on delete restrict not valid;
    alter table bars_next drop constraint if exists bars_instrument_id_fkey;
    alter table bars_next add constraint bars_instrument_id_fkey
        foreign key (instrument_id) references instruments on delete restrict not valid;
end $$;
-- +goose StatementEnd

-- Title: look whether every copy has its instrument
-- Locks: instruments ROW SHARE
-- Blocking: nobody
-- +goose StatementBegin
do $$
begin
    alter table ticks_next validate constraint ticks_instrument_id_fkey;
    alter table bars_next validate constraint bars_instrument_id_fkey;
    analyze ticks_next, bars_next;
end $$;
-- +goose StatementEnd

-- Title: copy what changed meanwhile, and switch
-- Locks: ticks ACCESS EXCLUSIVE, bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks and bars, for milliseconds
call pg_temp.switch('{ticks,bars}');

-- Title: drop the log of changes of ticks
-- Locks: ticks ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks, for milliseconds
-- Only: after a refusal
call pg_temp.drop_log('ticks');

-- Title: drop the log of changes of bars
-- Locks: bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of bars, for milliseconds
-- Only: after a refusal
call pg_temp.drop_log('bars');

-- Title: drop the copies
-- Locks: instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of instruments, for milliseconds
-- Only: after a refusal
drop table if exists ticks_next, bars_next;

-- Title: let the old tables' instruments go
-- Locks: instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
begin
    alter table if exists ticks_old drop constraint if exists ticks_instrument_id_fkey;
    alter table if exists bars_old drop constraint if exists bars_instrument_id_fkey;
end $$;
-- +goose StatementEnd

-- Title: drop the old ticks
-- Locks: none
-- Blocking: nobody, for no one knows them any more
call pg_temp.drop_table('ticks_old');

-- Title: drop the old bars
-- Locks: none
-- Blocking: nobody, for no one knows them any more
call pg_temp.drop_table('bars_old');

-- Title: drop the logs of changes
-- Locks: none
-- Blocking: nobody
-- +goose StatementBegin
do $$
begin
    call pg_temp.drop_log('ticks');
    call pg_temp.drop_log('bars');
end $$;
-- +goose StatementEnd
