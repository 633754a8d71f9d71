-- Binary floating point calculates in hardware. A float8 keeps 15 significant
-- digits: a value that needs more is refused with its row, never rounded.

-- +goose Up
lock table ticks, bars in access exclusive mode;
-- +goose StatementBegin
do $$
declare
    wrong bigint;
    shown text;
begin
    with amounts as (
        select 'tick' as kind, instrument_id, at::text as at, trade, price as amount from ticks
        where price <> price::float8::numeric
        union all
        select 'tick', instrument_id, at::text, trade, volume from ticks
        where volume <> volume::float8::numeric
        union all
        select 'bar', b.instrument_id, b.day::text, 0, a.amount
        from bars b, lateral (values (open), (high), (low), (close), (volume)) as a (amount)
        where a.amount <> a.amount::float8::numeric
    ), numbered as (
        select a.*, i.symbol, row_number() over (order by a.kind, i.symbol, a.at, a.trade) as n
        from amounts a join instruments i on i.id = a.instrument_id
    )
    select count(*),
           string_agg(format('%s of %s at %s trade %s: %s', kind, symbol, at, trade, amount), '; ' order by n) filter (where n <= 5)
    into wrong, shown from numbered;
    if wrong > 0 then
        raise exception using errcode = 'SG001', message = format(
            '%s amounts need more than the 15 significant digits of a float8: %s', wrong, shown);
    end if;
end $$;
-- +goose StatementEnd
alter table ticks
    alter column price type double precision,
    alter column volume type double precision;
alter table bars
    alter column open type double precision,
    alter column high type double precision,
    alter column low type double precision,
    alter column close type double precision,
    alter column volume type double precision;
analyze ticks, bars;

-- +goose Down
lock table ticks, bars in access exclusive mode;
-- +goose StatementBegin
do $$
declare
    wrong bigint;
    shown text;
begin
    with amounts as (
        select 'tick' as kind, instrument_id, at::text as at, trade, price as amount from ticks
        union all
        select 'tick', instrument_id, at::text, trade, volume from ticks
        union all
        select 'bar', b.instrument_id, b.day::text, 0, a.amount
        from bars b, lateral (values (open), (high), (low), (close), (volume)) as a (amount)
    ), numbered as (
        select a.*, i.symbol, row_number() over (order by a.kind, i.symbol, a.at, a.trade) as n
        from amounts a join instruments i on i.id = a.instrument_id
        -- Written as a case because the conversion of what is too large fails.
        where case when abs(amount) < 1e12
                   then amount::numeric(20, 8)::float8 <> amount
                   else amount <> 'NaN' end
    )
    select count(*),
           string_agg(format('%s of %s at %s trade %s: %s', kind, symbol, at, trade, amount), '; ' order by n) filter (where n <= 5)
    into wrong, shown from numbered;
    if wrong > 0 then
        raise exception using errcode = 'SG001', message = format(
            '%s amounts do not fit numeric(20,8): %s', wrong, shown);
    end if;
end $$;
-- +goose StatementEnd
alter table ticks
    alter column price type numeric(20, 8),
    alter column volume type numeric(20, 8);
alter table bars
    alter column open type numeric(20, 8),
    alter column high type numeric(20, 8),
    alter column low type numeric(20, 8),
    alter column close type numeric(20, 8),
    alter column volume type numeric(20, 8);
analyze ticks, bars;
