-- One table for what is traded, one for trades, one for days; an instrument
-- that has either cannot be deleted.

-- +goose Up
lock table market_data in access exclusive mode;
-- +goose StatementBegin
do $$
declare
    wrong bigint;
    shown text;
begin
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
        from market_data
    ), numbered as (
        select *, row_number() over (order by kind, symbol, at, trade) as n
        from misfits where problem is not null
    )
    select count(*),
           string_agg(format('%s %s at %s trade %s %s', kind, symbol, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), trade, problem),
                      '; ' order by n) filter (where n <= 5)
    into wrong, shown from numbered;
    if wrong > 0 then
        raise exception using errcode = 'SG001', message = format(
            '%s rows of market_data have no place in ticks or bars: %s', wrong, shown);
    end if;

    -- A rollback that came by here left the instruments behind with their
    -- numbers and names.
    if to_regclass('instruments_kept') is not null then
        alter table instruments_kept rename to instruments;
        alter index instruments_kept_pkey rename to instruments_pkey;
        alter table instruments rename constraint instruments_kept_symbol_key to instruments_symbol_key;
        comment on table instruments is null;
    else
        create table instruments (
            id     integer generated always as identity primary key,
            symbol text not null unique check (char_length(symbol) between 1 and 20),
            name   text not null default ''
        );
    end if;
end $$;
-- +goose StatementEnd
insert into instruments (symbol)
select distinct symbol from market_data
except select symbol from instruments
order by symbol;

create table ticks (
    instrument_id integer not null,
    at            timestamptz not null,
    trade         bigint not null,
    price         numeric(20, 8) not null,
    volume        numeric(20, 8) not null
);
insert into ticks
select i.id, d.at, d.trade, d.close, d.volume
from market_data d join instruments i on i.symbol = d.symbol
where d.kind = 'tick'
order by i.id, d.at, d.trade;
alter table ticks add primary key (instrument_id, at, trade);
alter table ticks add foreign key (instrument_id) references instruments on delete restrict;

create table bars (
    instrument_id integer not null,
    day           date not null,
    open          numeric(20, 8) not null,
    high          numeric(20, 8) not null,
    low           numeric(20, 8) not null,
    close         numeric(20, 8) not null,
    volume        numeric(20, 8) not null
);
insert into bars
select i.id, (d.at at time zone 'UTC')::date, d.open, d.high, d.low, d.close, d.volume
from market_data d join instruments i on i.symbol = d.symbol
where d.kind = 'bar'
order by i.id, d.at;
alter table bars add primary key (instrument_id, day);
alter table bars add foreign key (instrument_id) references instruments on delete restrict;

drop table market_data;
analyze instruments, ticks, bars;

-- +goose Down
lock table instruments, ticks, bars in access exclusive mode;
create table market_data (
    id     bigserial,
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
insert into market_data (kind, symbol, at, trade, open, high, low, close, volume)
select 'tick', i.symbol, t.at, t.trade, null, null, null, t.price, t.volume
from ticks t join instruments i on i.id = t.instrument_id
order by t.at, i.symbol, t.trade;
insert into market_data (kind, symbol, at, trade, open, high, low, close, volume)
select 'bar', i.symbol, b.day::timestamp at time zone 'UTC', 0, b.open, b.high, b.low, b.close, b.volume
from bars b join instruments i on i.id = b.instrument_id
order by b.day, i.symbol;
alter table market_data add primary key (id);
create unique index market_data_identity on market_data (kind, symbol, at, trade);

drop table ticks, bars;
-- market_data has no place for names, for numbers, nor for an instrument that
-- was never traded: keep them for the way up.
alter table instruments rename to instruments_kept;
alter index instruments_pkey rename to instruments_kept_pkey;
alter table instruments_kept rename constraint instruments_symbol_key to instruments_kept_symbol_key;
comment on table instruments_kept is 'Numbers and names of instruments, kept for the next migration to 00003.';
analyze market_data;
