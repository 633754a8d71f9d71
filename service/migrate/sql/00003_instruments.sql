-- One table for what is traded, one for trades, one for days; an instrument
-- that has either cannot be deleted. The figures of a tick come first: a
-- calculation reads every row, and what stands before a column is read with it.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: say which rows have a place and how they are copied
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
declare
    wrong bigint;
    shown text;
begin
    execute format($f$
        with misfits as (
            select kind, symbol, at, trade,
                   case
                       when kind not in ('tick', 'bar') then 'is neither tick nor bar'
                       when symbol = '' then 'has no symbol'
                       when kind = 'tick' and num_nonnulls(open, high, low) > 0 then 'is a tick with open, high or low'
                       when kind = 'bar' and num_nulls(open, high, low) > 0 then 'is a bar without open, high or low'
                       when kind = 'bar' and trade <> 0 then 'is a bar with a trade number'
                       when kind = 'bar' and at <> date_trunc('day', at, 'UTC') then 'is a bar that is not at midnight UTC'
                   end as problem
            from %s as d
        ), numbered as (
            select *, row_number() over (order by kind, symbol, at, trade) as n
            from misfits where problem is not null
        )
        select count(*),
               string_agg(format('%%s %%s at %%s trade %%s %%s', kind, symbol,
                              to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), trade, problem),
                          '; ' order by n) filter (where n <= 5)
        from numbered $f$, rows) into wrong, shown;
    call pg_temp.refuse_if(wrong, shown, 'rows of market_data have no place in ticks or bars');
end $$;
create or replace function pg_temp.place(source text, rows text) returns void language plpgsql as $$
begin
    execute format($f$
        insert into instruments_next (symbol)
        select distinct d.symbol from %s as d
        where not exists (select from instruments_next i where i.symbol = d.symbol)
        order by d.symbol
        on conflict do nothing $f$, rows);
    execute format($f$
        insert into ticks_next (price, volume, at, trade, instrument_id)
        select d.close, d.volume, d.at, d.trade, i.id
        from %s as d join instruments_next i on i.symbol = d.symbol where d.kind = 'tick' $f$, rows);
    execute format($f$
        insert into bars_next (instrument_id, day, open, high, low, close, volume)
        select i.id, (d.at at time zone 'UTC')::date, d.open, d.high, d.low, d.close, d.volume
        from %s as d join instruments_next i on i.symbol = d.symbol where d.kind = 'bar' $f$, rows);
end $$;
create or replace function pg_temp.remove(source text) returns void language plpgsql as $$
begin
    call pg_temp.remove_from('ticks_next', $f$ pg_temp.market_data_taken k join instruments_next i on k.kind = 'tick' and i.symbol = k.symbol $f$,
        '(t.instrument_id, t.at, t.trade) = (i.id, k.at, k.trade)');
    call pg_temp.remove_from('bars_next', $f$ pg_temp.market_data_taken k join instruments_next i on k.kind = 'bar' and i.symbol = k.symbol $f$,
        $f$ (t.instrument_id, t.day) = (i.id, (k.at at time zone 'UTC')::date) $f$);
end $$;
create or replace function pg_temp.swap() returns void language plpgsql as $$
begin
    -- Somebody may have been listed, or renamed, since the instruments were
    -- numbered. Nothing refers to their numbers yet.
    if to_regclass('instruments_kept') is not null then
        lock table instruments_kept in access exclusive mode;
        insert into instruments_next (symbol, name)
        select symbol, name from instruments_kept order by id
        on conflict (symbol) do update set name = excluded.name where instruments_next.name <> excluded.name;
        call pg_temp.rename_table('instruments_kept', 'instruments_kept_old');
    end if;
    call pg_temp.rename_table('market_data', 'market_data_old');
    call pg_temp.rename_table('instruments_next', 'instruments');
    call pg_temp.rename_table('ticks_next', 'ticks');
    call pg_temp.rename_table('bars_next', 'bars');
end $$;
-- +goose StatementEnd

-- Title: look for rows that have no place in ticks or bars
-- Locks: market_data ACCESS SHARE
-- Blocking: nobody
select pg_temp.look('market_data', 'market_data');

-- Title: make the log of changes of market_data
-- Locks: market_data SHARE ROW EXCLUSIVE
-- Blocking: writers of market_data, for milliseconds
call pg_temp.log_changes('market_data');

-- A rollback that came by here left the instruments behind with their numbers
-- and names.
-- Title: make instruments, ticks and bars beside market_data, and number the instruments
-- Locks: market_data ACCESS SHARE
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_next, bars_next, instruments_next;
    create table instruments_next (
        id     integer generated always as identity primary key,
        symbol text not null unique constraint instruments_symbol_check check (char_length(symbol) between 1 and 20),
        name   text not null default ''
    );
    if to_regclass('instruments_kept') is not null then
        insert into instruments_next (id, symbol, name) overriding system value
        select id, symbol, name from instruments_kept;
        perform setval('instruments_next_id_seq', last_value, is_called) from instruments_kept_id_seq;
    end if;
    insert into instruments_next (symbol)
    select distinct symbol from market_data
    except select symbol from instruments_next
    order by symbol;
    create table ticks_next (
        price         numeric(20, 8) not null,
        volume        numeric(20, 8) not null,
        at            timestamptz not null,
        trade         bigint not null,
        instrument_id integer not null,
        primary key (instrument_id, at, trade)
    );
    create table bars_next (
        instrument_id integer not null,
        day           date not null,
        open          numeric(20, 8) not null,
        high          numeric(20, 8) not null,
        low           numeric(20, 8) not null,
        close         numeric(20, 8) not null,
        volume        numeric(20, 8) not null,
        primary key (instrument_id, day)
    );
end $$;
-- +goose StatementEnd

-- Title: copy the rows
-- Locks: market_data ACCESS SHARE
-- Blocking: nobody
call pg_temp.copy_rows('market_data');

-- Title: let instruments with ticks or bars stay
-- Locks: none
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    alter table ticks_next drop constraint if exists ticks_instrument_id_fkey;
    alter table ticks_next add constraint ticks_instrument_id_fkey
        foreign key (instrument_id) references instruments_next on delete restrict;
    alter table bars_next drop constraint if exists bars_instrument_id_fkey;
    alter table bars_next add constraint bars_instrument_id_fkey
        foreign key (instrument_id) references instruments_next on delete restrict;
    analyze instruments_next, ticks_next, bars_next;
end $$;
-- +goose StatementEnd

-- Title: copy what changed meanwhile, and switch
-- Locks: market_data ACCESS EXCLUSIVE, instruments_kept ACCESS EXCLUSIVE
-- Blocking: readers and writers of both, for milliseconds
call pg_temp.switch('{market_data}');

-- Title: drop what was made
-- Locks: market_data ACCESS EXCLUSIVE
-- Blocking: readers and writers of market_data, for milliseconds
-- Only: after a refusal
-- +goose StatementBegin
do $$
begin
    call pg_temp.drop_log('market_data');
    drop table if exists ticks_next, bars_next, instruments_next;
end $$;
-- +goose StatementEnd

-- Title: drop the old table
-- Locks: none
-- Blocking: nobody; where partitions were detached and kept, writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
declare
    one record;
begin
    -- Partitions that were detached and kept still refer to the register that
    -- was kept.
    for one in
        select conrelid::regclass as place, conname from pg_constraint
        where confrelid = to_regclass('instruments_kept_old') and contype = 'f'
    loop
        execute format('alter table %s drop constraint %I', one.place, one.conname);
        execute format('alter table %s add constraint %I foreign key (instrument_id) references instruments on delete restrict not valid',
            one.place, one.conname);
    end loop;
    drop table if exists market_data_old, instruments_kept_old;
    call pg_temp.drop_log('market_data');
end $$;
-- +goose StatementEnd

-- +goose Down
-- Title: say how rows are copied
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
begin
    -- Whatever ticks and bars hold has a place in market_data.
end $$;
create or replace function pg_temp.place(source text, rows text) returns void language plpgsql as $$
begin
    execute format($f$
        insert into instruments_next (id, symbol)
        select i.id, i.symbol from instruments i
        where i.id in (select instrument_id from %s as t)
          and not exists (select from instruments_next n where n.id = i.id)
        on conflict do nothing $f$, rows);
    if source = 'ticks' then
        execute format($f$
            insert into market_data_next (kind, symbol, at, trade, close, volume)
            select 'tick', i.symbol, t.at, t.trade, t.price, t.volume
            from %s as t join instruments_next i on i.id = t.instrument_id $f$, rows);
    else
        execute format($f$
            insert into market_data_next (kind, symbol, at, trade, open, high, low, close, volume)
            select 'bar', i.symbol, b.day::timestamp at time zone 'UTC', 0, b.open, b.high, b.low, b.close, b.volume
            from %s as b join instruments_next i on i.id = b.instrument_id $f$, rows);
    end if;
end $$;
create or replace function pg_temp.remove(source text) returns void language plpgsql as $$
begin
    if source = 'ticks' then
        call pg_temp.remove_from('market_data_next', 'pg_temp.ticks_taken k join instruments_next i on i.id = k.instrument_id',
            $f$ (t.kind, t.symbol, t.at, t.trade) = ('tick', i.symbol, k.at, k.trade) $f$);
    else
        call pg_temp.remove_from('market_data_next', 'pg_temp.bars_taken k join instruments_next i on i.id = k.instrument_id',
            $f$ (t.kind, t.symbol, t.at, t.trade) = ('bar', i.symbol, k.day::timestamp at time zone 'UTC', 0) $f$);
    end if;
end $$;
create or replace function pg_temp.swap() returns void language plpgsql as $$
declare
    wrong bigint;
    shown text;
begin
    select count(*), string_agg(format('%s is now %s', n.symbol, i.symbol), '; ' order by n.symbol) into wrong, shown
    from instruments_next n join instruments i on i.id = n.id where i.symbol <> n.symbol;
    call pg_temp.refuse_if(wrong, shown, 'instruments changed their symbol while their rows were copied; run it again');
    call pg_temp.rename_table('ticks', 'ticks_old');
    call pg_temp.rename_table('bars', 'bars_old');
    -- market_data has no place for names, for numbers, nor for an instrument
    -- that was never traded: keep them for the way up.
    call pg_temp.rename_table('instruments', 'instruments_kept');
    comment on table instruments_kept is 'Numbers and names of instruments, kept for the next migration to 00003.';
    call pg_temp.rename_table('market_data_next', 'market_data');
end $$;
-- +goose StatementEnd

-- Title: make the log of changes of ticks
-- Locks: ticks SHARE ROW EXCLUSIVE
-- Blocking: writers of ticks, for milliseconds
call pg_temp.log_changes('ticks');

-- Title: make the log of changes of bars
-- Locks: bars SHARE ROW EXCLUSIVE
-- Blocking: writers of bars, for milliseconds
call pg_temp.log_changes('bars');

-- The symbols that rows were copied under stand in instruments_next, so that
-- those rows are found again whatever happens to the instrument.
-- Title: make market_data beside them
-- Locks: none
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    drop table if exists market_data_next, instruments_next;
    create table instruments_next (id integer primary key, symbol text not null);
    create table market_data_next (
        id     bigserial primary key,
        kind   varchar(8) not null,
        symbol varchar(20) not null,
        at     timestamptz not null,
        trade  bigint not null default 0,
        open   numeric(20, 8),
        high   numeric(20, 8),
        low    numeric(20, 8),
        close  numeric(20, 8) not null,
        volume numeric(20, 8) not null
    );
    create unique index market_data_next_identity on market_data_next (kind, symbol, at, trade);
end $$;
-- +goose StatementEnd

-- Title: copy the ticks
-- Locks: ticks ACCESS SHARE, instruments ACCESS SHARE
-- Blocking: nobody
call pg_temp.copy_rows('ticks');

-- Title: copy the bars
-- Locks: bars ACCESS SHARE, instruments ACCESS SHARE
-- Blocking: nobody
call pg_temp.copy_rows('bars');

-- Title: gather statistics
-- Locks: none
-- Blocking: nobody, for the table is new
analyze market_data_next;

-- Title: copy what changed meanwhile, and switch
-- Locks: instruments ACCESS EXCLUSIVE, ticks ACCESS EXCLUSIVE, bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of the three, for milliseconds
call pg_temp.switch('{ticks,bars}', 'instruments');

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
-- Locks: none
-- Blocking: nobody
-- Only: after a refusal
drop table if exists market_data_next, instruments_next;

-- Title: drop the old tables
-- Locks: none
-- Blocking: nobody, for no one knows them any more
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_old, bars_old, instruments_next;
    call pg_temp.drop_log('ticks');
    call pg_temp.drop_log('bars');
end $$;
-- +goose StatementEnd
