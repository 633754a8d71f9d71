package market

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Candidates are the names of all ways to store ticks that were measured: the
// methods of a Store and those that were no better.
func Candidates() []string { return []string{"row", "values", "arrays", "copy"} }

// Method is the name of the way in which a Store stores n ticks.
func Method(n int) string { return pick(methods(), n).name }

// Boundaries are the largest batches that each method of a Store is picked for,
// without the last, which has no end.
func Boundaries() []int {
	var ends []int
	for _, m := range methods() {
		ends = append(ends, m.upTo)
	}
	return ends[:len(ends)-1]
}

// By has the Store use one of the candidates for every batch. Row stores only
// batches of one.
func (s *Store) By(name string) *Store {
	all := append(methods(), method{name: "values", insert: insertValues}, method{name: "copy", insert: insertCopy})
	for _, m := range all {
		if m.name == name {
			s.methods = []method{m}
			return s
		}
	}
	panic("no method " + name)
}

// Watched has the Store tell the name of the method before each batch.
func (s *Store) Watched(tell func(name string)) *Store {
	for i, m := range s.methods {
		s.methods[i].insert = func(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (map[tickKey]bool, error) {
			tell(m.name)
			return m.insert(ctx, pool, b, ids)
		}
	}
	return s
}

// insertValues stores a batch with one statement that has an argument for each
// figure of each tick. The server takes 65,535 arguments, which is 13,106 ticks.
func insertValues(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (map[tickKey]bool, error) {
	const figures = 5
	var sql strings.Builder
	sql.WriteString(`insert into ticks (instrument_id, at, trade, price, volume) select * from (values `)
	args := []any{ids}
	for i, place := range b.of {
		if i > 0 {
			sql.WriteByte(',')
		}
		n := figures*i + 2
		fmt.Fprintf(&sql, `($%d::int,$%d::timestamptz,$%d::bigint,$%d::float8,$%d::float8)`, n, n+1, n+2, n+3, n+4)
		args = append(args, ids[place], b.ats[i], b.trades[i], b.prices[i], b.volumes[i])
	}
	sql.WriteString(`) as given ` + cheapest(ids, args) + tickKeys)
	return b.insert(ctx, pool, sql.String(), ids, args)
}

// insertCopy streams a batch into a table of the session and stores it from there.
func insertCopy(ctx context.Context, pool *pgxpool.Pool, b *tickBatch, ids []int32) (stored map[tickKey]bool, err error) {
	const (
		open = `begin; create temporary table if not exists incoming (
			instrument_id int, at timestamptz, trade bigint, price float8, volume float8) on commit delete rows`
		store = `insert into ticks (instrument_id, at, trade, price, volume) select * from pg_temp.incoming `
	)
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	if _, err := conn.Conn().PgConn().Exec(ctx, open).ReadAll(); err != nil {
		return nil, err
	}
	end := `rollback`
	defer func() {
		if _, ended := conn.Conn().PgConn().Exec(context.WithoutCancel(ctx), end).ReadAll(); err == nil {
			err = ended
		}
	}()
	source := pgx.CopyFromSlice(len(b.of), func(i int) ([]any, error) {
		return []any{ids[b.of[i]], b.ats[i], b.trades[i], b.prices[i], b.volumes[i]}, nil
	})
	columns := []string{"instrument_id", "at", "trade", "price", "volume"}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"pg_temp", "incoming"}, columns, source); err != nil {
		return nil, err
	}
	args := []any{ids}
	stored, err = b.insert(ctx, conn, store+cheapest(ids, args)+tickKeys, ids, args)
	if err == nil {
		end = `commit`
	}
	return stored, err
}
