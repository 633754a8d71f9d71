-- The layouts that the probe compares, in a schema that is never committed.
create schema if not exists monitoring_probe;
set local search_path = monitoring_probe, pg_catalog;
set local max_parallel_workers_per_gather = 0;
-- That of schema version 1.
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
-- That of the newest, without its partitions.
create table instruments (
    id         integer generated always as identity primary key,
    symbol     text not null unique check (char_length(symbol) between 1 and 20),
    name       text not null default '',
    deleted_at timestamptz
);
create table ticks (
    price         double precision not null,
    volume        double precision not null,
    at            timestamptz not null,
    trade         bigint not null,
    instrument_id integer not null,
    constraint ticks_price_positive check (price > 0 and price < 'infinity'),
    constraint ticks_volume_not_negative check (volume >= 0 and volume < 'infinity'),
    constraint ticks_trade_not_negative check (trade >= 0),
    constraint ticks_at_not_ahead check (at < now() + interval '1 day')
);
-- Prices of four decimals, as real ones.
insert into instruments (symbol) select 'PROBE' || n from generate_series(1, 20) as n;
insert into ticks (price, volume, at, trade, instrument_id)
select 100 + n * 7919 % 1000003 / 10000.0, 1 + n * 104729::bigint % 997, timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second', n, 1 + n % 20
from generate_series(1, $STOCKED) as n;
insert into market_data (kind, symbol, at, trade, close, volume)
select 'tick', 'PROBE' || instrument_id, at, trade, price, volume from ticks;
alter table ticks add primary key (instrument_id, at, trade),
    add constraint ticks_instrument_id_fkey foreign key (instrument_id) references instruments on delete restrict not valid;
alter table market_data add primary key (id);
create unique index market_data_identity on market_data (kind, symbol, at, trade);
create index market_data_symbol on market_data (symbol);
create index market_data_at on market_data (at);
create index market_data_symbol_at on market_data (symbol, at);
create index market_data_at_symbol on market_data (at, symbol);
create index market_data_kind_symbol_at on market_data (kind, symbol, at);
create index market_data_close on market_data (close);
