package market

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Every insert makes sure, in the same statement, that its instruments are
// there and not deleted, and holds them so until it commits: the key share
// lock is the one that the foreign key takes anyway.
const (
	// heldOne is for a batch of one instrument, $1 being its number. A batch
	// of one tick is so short that a more general form would show.
	heldOne = `(select held.id from ` + orNever + ` (
		select i.id from instruments i where i.id = $1::int and deleted_at is null for key share of i) as held)`
	// heldAll is for any batch, $1 being the distinct numbers.
	heldAll = `select held.id from ` + orNever + ` (
		select i.id from instruments i where i.id = any($1::int[]) and deleted_at is null for key share of i) as held`

	insertTicks = `
		insert into ticks (instrument_id, at, trade, price, volume)
		select * from unnest($2::int[], $3::timestamptz[], $4::bigint[], $5::float8[], $6::float8[])`
	insertBars = `
		insert into bars (instrument_id, day, open, high, low, close, volume)
		select * from unnest($2::int[], $3::date[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[])`

	ofOne = ` where ` + heldOne + ` is not null on conflict do nothing `
	ofAll = ` where (select count(*) from (` + heldAll + `) as held) = cardinality($1::int[]) on conflict do nothing `

	tickKeys = `returning instrument_id, at, trade`

	// The last two also say whether the instruments were held. That costs a
	// few per cent, so they are asked only where nothing was stored.
	tellTicks = `
		with held as materialized (` + heldAll + `), stored as (` + insertTicks + `
			where (select count(*) from held) = cardinality($1::int[])
			on conflict do nothing returning instrument_id, at, trade
		)
		select instrument_id, at, trade from stored
		union all
		select null::int, null::timestamptz, null::bigint where (select count(*) from held) < cardinality($1::int[])`
	tellBars = `
		with held as materialized (` + heldAll + `), stored as (` + insertBars + `
			where (select count(*) from held) = cardinality($1::int[])
			on conflict do nothing returning 1
		)
		select (select count(*) from stored), (select count(*) from held) = cardinality($1::int[])`
)

func (s *split) storeTicks(ctx context.Context, b *tickBatch) (stored map[tickKey]bool, err error) {
	ids, err := s.identify(ctx, b.symbols)
	if err != nil {
		return nil, err
	}
	s.room.make(ctx, "ticks", b.ats)

	stored, err = pick(s.methods, len(b.of)).insert(ctx, s.pool, b, ids)
	if err != nil || len(stored) > 0 {
		return stored, err
	}
	err = s.tell(ctx, "ticks", func(tx pgx.Tx) error {
		stored, err = b.insert(ctx, tx, tellTicks, ids, b.arrays(ids))
		return err
	})
	return stored, err
}

func (s *split) storeBars(ctx context.Context, b *barBatch) (stored int64, err error) {
	ids, err := s.identify(ctx, b.symbols)
	if err != nil {
		return 0, err
	}
	s.room.make(ctx, "bars", b.days)

	args := []any{ids, numbers(ids, b.of), b.days, b.opens, b.highs, b.lows, b.closes, b.volume}
	tag, err := s.pool.Exec(ctx, insertBars+cheapest(ids, args), args...)
	if err != nil || tag.RowsAffected() > 0 {
		return tag.RowsAffected(), err
	}
	args[0] = ids
	err = s.tell(ctx, "bars", func(tx pgx.Tx) error {
		var held bool
		err := tx.QueryRow(ctx, tellBars, args...).Scan(&stored, &held)
		if err == nil && !held {
			return errStale
		}
		return err
	})
	return stored, err
}

// cheapest chooses the form of the statement, and its first argument.
func cheapest(ids []int32, args []any) string {
	if len(ids) == 1 {
		args[0] = ids[0]
		return ofOne
	}
	return ofAll
}

// tell carries out a statement that locks instruments first; so as to keep to
// the order of all others, the table is locked before.
func (s *split) tell(ctx context.Context, table string, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `lock table only `+table+` in row exclusive mode`); err != nil {
			return err
		}
		return do(tx)
	})
}

// arrays are the arguments of a statement that unnests the batch.
func (b *tickBatch) arrays(ids []int32) []any {
	return []any{ids, numbers(ids, b.of), b.ats, b.trades, b.prices, b.volumes}
}

// insert returns the identities of the ticks that are new.
func (b *tickBatch) insert(ctx context.Context, on querier, sql string, ids []int32, args []any) (map[tickKey]bool, error) {
	places := make(map[int32]int32, len(ids))
	for i, id := range ids {
		places[id] = int32(i)
	}
	rows, err := on.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	stored := make(map[tickKey]bool, len(b.of))
	var id *int32
	var at *time.Time
	var trade *int64
	_, err = pgx.ForEachRow(rows, []any{&id, &at, &trade}, func() error {
		if id == nil {
			return errStale
		}
		stored[tickKey{places[*id], at.UnixMicro(), *trade}] = true
		return nil
	})
	return stored, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// numbers repeats each number for the rows that have it.
func numbers(ids, of []int32) []int32 {
	all := make([]int32, len(of))
	for i, place := range of {
		all[i] = ids[place]
	}
	return all
}
