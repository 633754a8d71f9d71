-- Binary floating point calculates in hardware. A float8 keeps 15 significant
-- digits: a value that needs more is refused with its row, never rounded.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: say which amounts have a place and how rows are copied
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
declare
    wrong   bigint;
    shown   text;
    amounts text := case source
        when 'ticks' then
            'select ''tick'' as kind, t.instrument_id, t.at::text as at, t.trade, a.amount
             from %s as t, lateral (values (price), (volume)) as a (amount)'
        else
            'select ''bar'', b.instrument_id, b.day::text, 0::bigint, a.amount
             from %s as b, lateral (values (open), (high), (low), (close), (volume)) as a (amount)'
        end;
begin
    execute format($f$
        with amounts (kind, instrument_id, at, trade, amount) as (%s), numbered as (
            select a.*, i.symbol, row_number() over (order by i.symbol, a.at, a.trade) as n
            from amounts a join instruments i on i.id = a.instrument_id
            where a.amount <> a.amount::float8::numeric
        )
        select count(*),
               string_agg(format('%%s of %%s at %%s trade %%s: %%s', kind, symbol, at, trade, amount),
                          '; ' order by n) filter (where n <= 5)
        from numbered $f$, format(amounts, rows)) into wrong, shown;
    call pg_temp.refuse_if(wrong, shown, 'amounts need more than the 15 significant digits of a float8');
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

-- Title: look for amounts that a float8 does not hold
-- Locks: ticks ACCESS SHARE, bars ACCESS SHARE, instruments ACCESS SHARE
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
-- Locks: none
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_next, bars_next;
    create table ticks_next (
        price         double precision not null,
        volume        double precision not null,
        at            timestamptz not null,
        trade         bigint not null,
        instrument_id integer not null,
        primary key (instrument_id, at, trade)
    );
    create table bars_next (
        instrument_id integer not null,
        day           date not null,
        open          double precision not null,
        high          double precision not null,
        low           double precision not null,
        close         double precision not null,
        volume        double precision not null,
        primary key (instrument_id, day)
    );
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

-- +goose Down
-- Title: say which amounts have a place and how rows are copied
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
declare
    wrong   bigint;
    shown   text;
    amounts text := case source
        when 'ticks' then
            'select ''tick'' as kind, t.instrument_id, t.at::text as at, t.trade, a.amount
             from %s as t, lateral (values (price), (volume)) as a (amount)'
        else
            'select ''bar'', b.instrument_id, b.day::text, 0::bigint, a.amount
             from %s as b, lateral (values (open), (high), (low), (close), (volume)) as a (amount)'
        end;
begin
    execute format($f$
        with amounts (kind, instrument_id, at, trade, amount) as (%s), numbered as (
            select a.*, i.symbol, row_number() over (order by i.symbol, a.at, a.trade) as n
            from amounts a join instruments i on i.id = a.instrument_id
            where case when abs(amount) < 1e12 -- the conversion of what is too large fails
                       then amount::numeric(20, 8)::float8 <> amount
                       else amount <> 'NaN' end
        )
        select count(*),
               string_agg(format('%%s of %%s at %%s trade %%s: %%s', kind, symbol, at, trade, amount),
                          '; ' order by n) filter (where n <= 5)
        from numbered $f$, format(amounts, rows)) into wrong, shown;
    call pg_temp.refuse_if(wrong, shown, 'amounts do not fit numeric(20,8)');
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

-- Title: look for amounts that a decimal does not hold
-- Locks: ticks ACCESS SHARE, bars ACCESS SHARE, instruments ACCESS SHARE
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
-- Locks: none
-- Blocking: nobody, for the tables are new
-- +goose StatementBegin
do $$
begin
    drop table if exists ticks_next, bars_next;
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
