-- The system before the extension: one table of decimals with every index
-- that somebody once asked for.

-- +goose Up
create table market_data (
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
create unique index market_data_identity on market_data (kind, symbol, at, trade);
create index market_data_symbol on market_data (symbol);
create index market_data_at on market_data (at);
create index market_data_symbol_at on market_data (symbol, at);
create index market_data_at_symbol on market_data (at, symbol);
create index market_data_kind_symbol_at on market_data (kind, symbol, at);
create index market_data_close on market_data (close);

-- +goose Down
-- Nothing lies below the baseline that could keep the rows.
-- +goose StatementBegin
do $$
declare
    kept bigint := 0;
begin
    lock table market_data in access exclusive mode;
    if to_regclass('instruments_kept') is not null then
        select count(*) into kept from instruments_kept;
    end if;
    select kept + count(*) into kept from market_data;
    if kept > 0 then
        raise exception using errcode = 'SG001', message = format(
            'there is no schema below the baseline that could keep the %s rows that are stored', kept);
    end if;
end $$;
-- +goose StatementEnd
drop table if exists instruments_kept;
drop table market_data;
