-- The system before the extension: one table of decimals with every index
-- that somebody once asked for.
-- +goose NO TRANSACTION

-- +goose Up
-- Title: make market_data
-- Locks: none
-- Blocking: nobody, for the table is new
create table if not exists market_data (
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

-- Title: make its indexes
-- Locks: market_data SHARE
-- Blocking: nobody, for the table is new
-- +goose StatementBegin
do $$
begin
    create unique index if not exists market_data_identity on market_data (kind, symbol, at, trade);
    create index if not exists market_data_symbol on market_data (symbol);
    create index if not exists market_data_at on market_data (at);
    create index if not exists market_data_symbol_at on market_data (symbol, at);
    create index if not exists market_data_at_symbol on market_data (at, symbol);
    create index if not exists market_data_kind_symbol_at on market_data (kind, symbol, at);
    create index if not exists market_data_close on market_data (close);
end $$;
-- +goose StatementEnd

-- +goose Down
-- Nothing lies below the baseline that could keep the rows. A journal that was
-- kept stays where it is.
-- Title: drop market_data if it is empty
-- Locks: market_data ACCESS EXCLUSIVE
-- Blocking: readers and writers of market_data, while its rows are counted
-- +goose StatementBegin
do $$
declare
    kept  bigint := 0;
    more  bigint;
    place text;
begin
    if to_regclass('market_data') is null then
        return;
    end if;
    lock table market_data in access exclusive mode;
    for place in
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
          and c.relname ~ '^(market_data|instruments_kept|(ticks|bars)_kept_.*)$'
    loop
        execute 'select count(*) from ' || place into more;
        kept := kept + more;
    end loop;
    if kept > 0 then
        raise exception using errcode = 'SG001', message = format(
            'there is no schema below the baseline that could keep the %s rows that are stored', kept);
    end if;
    drop table market_data;
    for place in
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname ~ '^(ticks|bars)_kept_'
    loop
        execute 'drop table ' || place;
    end loop;
    drop table if exists instruments_deleted_kept, instruments_kept;
end $$;
-- +goose StatementEnd
