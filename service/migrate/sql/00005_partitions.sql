-- Ticks by day, bars by year (UTC): a day is queried, kept and dropped as a
-- whole. Rows whose day has no partition go to the default partition. The
-- figures of a tick come first: a calculation reads every row, and what stands
-- before a column is read with it.

-- +goose Up
lock table ticks, bars in access exclusive mode;
alter table ticks rename to ticks_plain;
alter table ticks_plain rename constraint ticks_pkey to ticks_plain_pkey;
alter table bars rename to bars_plain;
alter table bars_plain rename constraint bars_pkey to bars_plain_pkey;

create table ticks (
    price         double precision not null,
    volume        double precision not null,
    at            timestamptz not null,
    trade         bigint not null,
    instrument_id integer not null
) partition by range (at);
create table ticks_default partition of ticks default;
create table bars (
    instrument_id integer not null,
    day           date not null,
    open          double precision not null,
    high          double precision not null,
    low           double precision not null,
    close         double precision not null,
    volume        double precision not null
) partition by range (day);
create table bars_default partition of bars default;

-- The newest 400 days that have ticks, every year that has bars, and a few
-- days ahead.
-- +goose StatementBegin
do $$
declare
    today date := (now() at time zone 'UTC')::date;
    d     date;
begin
    for d in
        (select day from (select distinct (at at time zone 'UTC')::date as day from ticks_plain) days
         order by day desc limit 400)
        union
        select today + n from generate_series(0, 4) as n
    loop
        execute format('create table %I partition of ticks for values from (%L) to (%L)',
            to_char(d, '"ticks_p"YYYYMMDD'), d || ' 00:00:00+00', (d + 1) || ' 00:00:00+00');
    end loop;
    for d in
        select distinct date_trunc('year', day)::date from bars_plain
        union
        select date_trunc('year', today + n)::date from generate_series(0, 4) as n
    loop
        execute format('create table %I partition of bars for values from (%L) to (%L)',
            to_char(d, '"bars_p"YYYY'), d, (d + interval '1 year')::date);
    end loop;
end $$;
-- +goose StatementEnd

insert into ticks (instrument_id, at, trade, price, volume)
select instrument_id, at, trade, price, volume from ticks_plain;
insert into bars select instrument_id, day, open, high, low, close, volume from bars_plain;
drop table ticks_plain, bars_plain;
alter table ticks add primary key (instrument_id, at, trade);
alter table bars add primary key (instrument_id, day);
alter table ticks add foreign key (instrument_id) references instruments on delete restrict;
alter table bars add foreign key (instrument_id) references instruments on delete restrict;
analyze ticks, bars;

-- +goose Down
lock table ticks, bars in access exclusive mode;
create table ticks_plain as select instrument_id, at, trade, price, volume from ticks;
create table bars_plain as select instrument_id, day, open, high, low, close, volume from bars;
drop table ticks, bars;

alter table ticks_plain rename to ticks;
alter table ticks
    alter column instrument_id set not null,
    alter column at set not null,
    alter column trade set not null,
    alter column price set not null,
    alter column volume set not null;
alter table ticks add primary key (instrument_id, at, trade);
alter table ticks add foreign key (instrument_id) references instruments on delete restrict;
alter table bars_plain rename to bars;
alter table bars
    alter column instrument_id set not null,
    alter column day set not null,
    alter column open set not null,
    alter column high set not null,
    alter column low set not null,
    alter column close set not null,
    alter column volume set not null;
alter table bars add primary key (instrument_id, day);
alter table bars add foreign key (instrument_id) references instruments on delete restrict;
analyze ticks, bars;
