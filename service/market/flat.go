package market

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// flat is versions 1 and 2 of the schema: one table of decimals, and every
// symbol may trade. A register that a later version left behind is kept in
// instruments_kept, and new names go there too.
type flat struct {
	pool *pgxpool.Pool
	kept bool
}

func (f *flat) storeTicks(ctx context.Context, b *tickBatch) (map[tickKey]bool, error) {
	places := make(map[string]int32, len(b.symbols))
	for i, symbol := range b.symbols {
		places[symbol] = int32(i)
	}
	rows, err := f.pool.Query(ctx, `
		insert into market_data (kind, symbol, at, trade, close, volume)
		select 'tick', * from unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::float8[], $5::float8[])
		on conflict do nothing
		returning symbol, at, trade`, spread(b.symbols, b.of), b.ats, b.trades, b.prices, b.volumes)
	if err != nil {
		return nil, err
	}
	stored := make(map[tickKey]bool, len(b.of))
	var symbol string
	var at time.Time
	var trade int64
	_, err = pgx.ForEachRow(rows, []any{&symbol, &at, &trade}, func() error {
		stored[tickKey{places[symbol], at.UnixMicro(), trade}] = true
		return nil
	})
	return stored, err
}

func (f *flat) storeBars(ctx context.Context, b *barBatch) (int64, error) {
	tag, err := f.pool.Exec(ctx, `
		insert into market_data (kind, symbol, at, open, high, low, close, volume)
		select 'bar', * from unnest($1::text[], $2::timestamptz[],
			$3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
		on conflict do nothing`, spread(b.symbols, b.of), b.days, b.opens, b.highs, b.lows, b.closes, b.volume)
	return tag.RowsAffected(), err
}

func (f *flat) latest(ctx context.Context, symbol string, _ bool) (Tick, error) {
	t := Tick{Symbol: symbol}
	err := f.pool.QueryRow(ctx, `
		select at, trade, close::float8, volume::float8 from market_data
		where kind = 'tick' and symbol = $1
		order by at desc, trade desc limit 1`, symbol).Scan(&t.At, &t.Trade, &t.Price, &t.Volume)
	if errors.Is(err, pgx.ErrNoRows) {
		return Tick{}, ErrNoPrices
	}
	t.At = t.At.UTC()
	return t, err
}

func (f *flat) ticks(ctx context.Context, symbol string, _ bool, from, to time.Time, limit int) ([]Tick, error) {
	rows, err := f.pool.Query(ctx, `
		select at, trade, close::float8, volume::float8 from market_data
		where kind = 'tick' and symbol = $1 and at >= $2 and at < $3
		order by at, trade limit $4`, symbol, from, to, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Tick, error) {
		t := Tick{Symbol: symbol}
		err := row.Scan(&t.At, &t.Trade, &t.Price, &t.Volume)
		t.At = t.At.UTC()
		return t, err
	})
}

func (f *flat) vwap(ctx context.Context, symbol string, _ bool, from, to time.Time) (VWAP, error) {
	var v VWAP
	var value float64
	err := f.pool.QueryRow(ctx, `
		select coalesce(sum(close * volume), 0)::float8, coalesce(sum(volume), 0)::float8, count(*) from market_data
		where kind = 'tick' and symbol = $1 and at >= $2 and at < $3`, symbol, from, to).Scan(&value, &v.Volume, &v.Trades)
	if err != nil {
		return VWAP{}, err
	}
	if v.Volume == 0 {
		return VWAP{}, ErrNoPrices
	}
	v.Price = value / v.Volume
	return v, nil
}

func (f *flat) bars(ctx context.Context, symbol string, _ bool, from, to time.Time) ([]Bar, error) {
	rows, err := f.pool.Query(ctx, `
		select (at at time zone 'UTC')::date, open::float8, high::float8, low::float8, close::float8, volume::float8
		from market_data
		where kind = 'bar' and symbol = $1 and at >= $2 and at < $3
		order by at`, symbol, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Bar, error) {
		b := Bar{Symbol: symbol}
		err := row.Scan(&b.Day, &b.Open, &b.High, &b.Low, &b.Close, &b.Volume)
		return b, err
	})
}

func (f *flat) register(ctx context.Context, symbols, names []string) (int64, error) {
	if f.kept {
		tag, err := f.pool.Exec(ctx, `
			insert into instruments_kept (symbol, name)
			select * from unnest($1::text[], $2::text[])
			on conflict (symbol) do nothing`, symbols, names)
		return tag.RowsAffected(), err
	}
	if !slices.ContainsFunc(names, func(name string) bool { return name != "" }) {
		return 0, nil
	}
	// A refusal must not rest on an old look at the catalogue.
	fresh, err := detect(ctx, f.pool, nil, nil)
	if err != nil {
		return 0, err
	}
	if now, same := fresh.(*flat); !same || now.kept {
		return 0, errStale
	}
	return 0, &OldSchema{Needs: 3, Thing: "the name of an instrument"}
}

// list walks from symbol to symbol along the identity index, for to read
// every row would take long.
func (f *flat) list(ctx context.Context) ([]Registered, error) {
	const walk = `
		with recursive known (kind, symbol) as (
			select k.kind, (select min(m.symbol) from market_data m where m.kind = k.kind)
			from (values ('tick'), ('bar')) as k (kind)
			union all
			select k.kind, (select min(m.symbol) from market_data m where m.kind = k.kind and m.symbol > k.symbol)
			from known k where k.symbol is not null
		), traded as (select distinct symbol::text from known where symbol is not null)`
	sql := walk + ` select symbol, '' from traded order by symbol collate "C"`
	if f.kept {
		sql = walk + ` select symbol, coalesce(k.name, '') from traded
			full join instruments_kept k using (symbol) order by symbol collate "C"`
	}
	rows, err := f.pool.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Registered, err error) {
		err = row.Scan(&r.Symbol, &r.Name)
		return r, err
	})
}

func (f *flat) remove(ctx context.Context, _ string) (time.Time, error) {
	return time.Time{}, f.refuseDeletion(ctx)
}

func (f *flat) restore(ctx context.Context, _ string) error { return f.refuseDeletion(ctx) }

func (f *flat) refuseDeletion(ctx context.Context) error {
	fresh, err := detect(ctx, f.pool, nil, nil)
	if err != nil {
		return err
	}
	if _, same := fresh.(*flat); !same {
		return errStale
	}
	return &OldSchema{Field: "symbol", Needs: deletionVersion, Thing: "deleting an instrument"}
}

// spread repeats each symbol for the rows that have it.
func spread(symbols []string, of []int32) []string {
	all := make([]string, len(of))
	for i, place := range of {
		all[i] = symbols[place]
	}
	return all
}
