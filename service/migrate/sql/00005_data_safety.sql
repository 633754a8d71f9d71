-- What cannot be true is not stored: prices that are not positive, a high below
-- a low, negative volume, a time that has not come. And what is deleted stays,
-- marked as deleted. A row that is valid once stays valid, for time only grows.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: say which rows cannot be true
-- Locks: none
-- Blocking: nobody
-- Only: in every session
-- +goose StatementBegin
create or replace function pg_temp.look(source text, rows text) returns void language plpgsql as $$
declare
    wrong bigint;
    shown text;
begin
    if source = 'ticks' then
        with misfits as (
            select t.*, case
                    when not (price > 0 and price < 'infinity') then 'has no positive price'
                    when not (volume >= 0 and volume < 'infinity') then 'has no volume'
                    when not (trade >= 0) then 'has a negative trade number'
                    when not (at < now() + interval '1 day') then 'is more than a day ahead'
                end as problem
            from ticks t
        ), numbered as (
            select m.*, i.symbol, row_number() over (order by i.symbol, m.at, m.trade) as n
            from misfits m join instruments i on i.id = m.instrument_id where m.problem is not null
        )
        select count(*), string_agg(format('tick of %s at %s trade %s %s (price %s, volume %s)',
            symbol, at, trade, problem, price, volume), '; ' order by n) filter (where n <= 5)
        into wrong, shown from numbered;
    else
        with misfits as (
            select b.*, case
                    when not (low > 0 and high < 'infinity') then 'has no positive price'
                    when not (low <= open and low <= close and open <= high and close <= high) then 'has low, open, close and high out of order'
                    when not (volume >= 0 and volume < 'infinity') then 'has no volume'
                    when not (day::timestamp at time zone 'UTC' < now() + interval '1 day') then 'is more than a day ahead'
                end as problem
            from bars b
        ), numbered as (
            select m.*, i.symbol, row_number() over (order by i.symbol, m.day) as n
            from misfits m join instruments i on i.id = m.instrument_id where m.problem is not null
        )
        select count(*), string_agg(format('bar of %s at %s %s (open %s, high %s, low %s, close %s, volume %s)',
            symbol, day, problem, open, high, low, close, volume), '; ' order by n) filter (where n <= 5)
        into wrong, shown from numbered;
    end if;
    call pg_temp.refuse_if(wrong, shown, 'rows of ' || source || ' cannot be true');
end $$;
create or replace function pg_temp.promise(source text, name text, words text) returns void language plpgsql as $$
begin
    if not exists (select from pg_constraint where conrelid = source::regclass and conname = name) then
        execute format('alter table %I add constraint %I check (%s) not valid', source, name, words);
    end if;
end $$;
-- +goose StatementEnd

-- Title: look for rows that cannot be true
-- Locks: ticks ACCESS SHARE, bars ACCESS SHARE, instruments ACCESS SHARE
-- Blocking: nobody
select pg_temp.look('ticks', 'ticks'), pg_temp.look('bars', 'bars');

-- Title: promise that ticks can be true
-- Locks: ticks ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks, for milliseconds
-- +goose StatementBegin
do $$
begin
    perform pg_temp.promise('ticks', 'ticks_price_positive', $c$price > 0 and price < 'infinity'$c$);
    perform pg_temp.promise('ticks', 'ticks_volume_not_negative', $c$volume >= 0 and volume < 'infinity'$c$);
    perform pg_temp.promise('ticks', 'ticks_trade_not_negative', $c$trade >= 0$c$);
    perform pg_temp.promise('ticks', 'ticks_at_not_ahead', $c$at < now() + interval '1 day'$c$);
end $$;
-- +goose StatementEnd

-- Title: promise that bars can be true
-- Locks: bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of bars, for milliseconds
-- +goose StatementBegin
do $$
begin
    perform pg_temp.promise('bars', 'bars_prices_positive', $c$low > 0 and high < 'infinity'$c$);
    perform pg_temp.promise('bars', 'bars_prices_ordered', $c$low <= open and low <= close and open <= high and close <= high$c$);
    perform pg_temp.promise('bars', 'bars_volume_not_negative', $c$volume >= 0 and volume < 'infinity'$c$);
    perform pg_temp.promise('bars', 'bars_day_not_ahead', $c$day::timestamp at time zone 'UTC' < now() + interval '1 day'$c$);
end $$;
-- +goose StatementEnd

-- Title: look again, for rows that came meanwhile
-- Locks: ticks ACCESS SHARE, bars ACCESS SHARE, instruments ACCESS SHARE
-- Blocking: nobody
select pg_temp.look('ticks', 'ticks'), pg_temp.look('bars', 'bars');

-- Title: hold all ticks to the promise
-- Locks: ticks SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
alter table ticks
        validate constraint ticks_price_positive,
        validate constraint ticks_volume_not_negative,
        validate constraint ticks_trade_not_negative,
        validate constraint ticks_at_not_ahead;

-- Title: hold all bars to the promise
-- Locks: bars SHARE UPDATE EXCLUSIVE
-- Blocking: nobody
alter table bars
        validate constraint bars_prices_positive,
        validate constraint bars_prices_ordered,
        validate constraint bars_volume_not_negative,
        validate constraint bars_day_not_ahead;

-- Title: let instruments be marked as deleted
-- Locks: instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
begin
    alter table instruments add column if not exists deleted_at timestamptz;
    if to_regclass('instruments_deleted_kept') is not null then
        update instruments i set deleted_at = k.deleted_at from instruments_deleted_kept k where k.id = i.id;
        drop table instruments_deleted_kept;
    end if;
end $$;
-- +goose StatementEnd

-- Title: take the promises back
-- Locks: ticks ACCESS EXCLUSIVE, bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks and bars, for milliseconds
-- Only: after a refusal
-- +goose StatementBegin
do $$
begin
    alter table ticks
        drop constraint if exists ticks_price_positive,
        drop constraint if exists ticks_volume_not_negative,
        drop constraint if exists ticks_trade_not_negative,
        drop constraint if exists ticks_at_not_ahead;
    alter table bars
        drop constraint if exists bars_prices_positive,
        drop constraint if exists bars_prices_ordered,
        drop constraint if exists bars_volume_not_negative,
        drop constraint if exists bars_day_not_ahead;
end $$;
-- +goose StatementEnd

-- +goose Down
-- Title: keep beside which instruments are deleted
-- Locks: instruments ACCESS EXCLUSIVE
-- Blocking: readers and writers of instruments, for milliseconds
-- +goose StatementBegin
do $$
begin
    if not exists (select from pg_attribute
                   where attrelid = 'instruments'::regclass and attname = 'deleted_at' and not attisdropped) then
        return;
    end if;
    lock table instruments in access exclusive mode;
    drop table if exists instruments_deleted_kept;
    if exists (select from instruments where deleted_at is not null) then
        create table instruments_deleted_kept as
        select id, deleted_at from instruments where deleted_at is not null;
        alter table instruments_deleted_kept add primary key (id);
        comment on table instruments_deleted_kept is
            'Which instruments were deleted and when, kept for the next migration to 00005.';
    end if;
    alter table instruments drop column deleted_at;
end $$;
-- +goose StatementEnd

-- Title: take back the promises about ticks
-- Locks: ticks ACCESS EXCLUSIVE
-- Blocking: readers and writers of ticks, for milliseconds
alter table ticks
        drop constraint if exists ticks_price_positive,
        drop constraint if exists ticks_volume_not_negative,
        drop constraint if exists ticks_trade_not_negative,
        drop constraint if exists ticks_at_not_ahead;

-- Title: take back the promises about bars
-- Locks: bars ACCESS EXCLUSIVE
-- Blocking: readers and writers of bars, for milliseconds
alter table bars
        drop constraint if exists bars_prices_positive,
        drop constraint if exists bars_prices_ordered,
        drop constraint if exists bars_volume_not_negative,
        drop constraint if exists bars_day_not_ahead;
