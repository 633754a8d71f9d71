package market

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"
)

// method is a way to store a batch of ticks. Whichever it is, the batch is
// stored whole or not at all, its instruments are held until it is, ticks that
// are there already stay as they are, and the identities of the new ones are
// returned; nothing stored is no error.
type method struct {
	name string
	// upTo is the size of the largest batch that it is picked for, in ticks.
	upTo   int
	insert func(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (map[tickKey]bool, error)
}

// methods are the ways to store ticks, from small batches to large ones.
//
// Their boundary comes from BenchmarkMethod: microseconds from the call of
// StoreTicks to its return, as medians of 200 batches (3,000 for up to five
// ticks, on a busier machine) that took turns on two cores with PostgreSQL 15,
// durable settings and one connection. Values is one statement with an argument
// for each figure, copy is COPY into a table of the session and one statement
// from there.
//
//	ticks    row  values  arrays    copy
//	    1  253.5   263.7   270.4   606.7
//	   1*  461.7   487.3   490.8   937.2
//	    2      –   294.8   302.8   624.1
//	    5      –   285.7   289.5   611.4
//	   10      –   332.5   332.1   665.9
//	  100      –   1,103   1,051   1,409
//	1,000      –   9,131   7,761   9,627
//	10,000     –  94,316  78,175  77,716
//
//	* 3,000 batches
//
// One tick is stored 6 % sooner by a statement of its own, in both. From two to
// ten ticks values and arrays lead by turns, and from a hundred on arrays lead;
// values would also need a statement for each size, so it is arrays. COPY
// has to pass over what is there by a second statement: it never wins, and is
// only level at 10,000, where each tick costs the same whichever way it came.
//
// A statement for each tick, sent together, is no candidate: where one
// instrument was deleted, the ticks of the others would be stored.
func methods() []method {
	return []method{
		{name: "row", upTo: 1, insert: insertRow},
		{name: "arrays", upTo: math.MaxInt, insert: insertArrays},
	}
}

// pick returns the method for a batch of n ticks.
func pick(of []method, n int) method {
	for _, m := range of {
		if n <= m.upTo {
			return m
		}
	}
	return of[len(of)-1]
}

// insertTick is for a batch of one tick, $1 being the number of its instrument.
const insertTick = `
	insert into ticks (instrument_id, at, trade, price, volume)
	select $1::int, $2::timestamptz, $3::bigint, $4::float8, $5::float8` + ofOne

// insertRow stores a batch of one tick. There is nothing to unnest, and the
// count of rows says whether it was new.
func insertRow(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (map[tickKey]bool, error) {
	tag, err := pool.Exec(ctx, insertTick, ids[0], b.ats[0], b.trades[0], b.prices[0], b.volumes[0])
	if err != nil || tag.RowsAffected() == 0 {
		return nil, err
	}
	return map[tickKey]bool{b.keys[0]: true}, nil
}

// insertArrays stores a batch with one statement, a column being one argument.
func insertArrays(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (map[tickKey]bool, error) {
	args := b.arrays(ids)
	return b.insert(ctx, pool, insertTicks+cheapest(ids, args)+tickKeys, ids, args)
}
