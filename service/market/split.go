package market

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// deletionVersion is the first version of the schema that can keep deletions.
const deletionVersion = 5

// orNever stands to the left of a lateral query on instruments and lends it a
// deleted_at that is null: where the table has the column, the name means the
// column, and where it has not, the loan. So one statement serves versions
// with and without deletions, and the server itself turns to the column the
// moment it is there, on whichever replica the statement was prepared.
const orNever = `(select null::timestamptz as deleted_at) as never cross join lateral`

const (
	selectIDs = `
		select i.symbol, i.id, i.deleted from ` + orNever + ` (
			select symbol, id, deleted_at is not null as deleted from instruments where symbol = any($1)) as i`
	selectInstruments = `
		select i.symbol, i.name, i.deleted_at from ` + orNever + ` (
			select symbol, name, deleted_at from instruments) as i
		order by i.symbol collate "C"`
	registerInstruments = `
		with gone as (
			select i.symbol from ` + orNever + ` (
				select symbol, deleted_at is not null as deleted from instruments where symbol = any($1::text[])) as i
			where i.deleted
		), stored as (
			insert into instruments (symbol, name)
			select * from unnest($1::text[], $2::text[])
			where not exists (select from gone)
			on conflict (symbol) do nothing
			returning 1
		)
		select (select count(*) from stored), array(select symbol from gone order by symbol)`
	// deleteInstrument takes the row for itself first, which waits for all who
	// are storing under it: they hold it by a key share lock until they commit.
	deleteInstrument = `
		with target as (select id from instruments where symbol = $1 for update)
		update instruments as i set deleted_at = coalesce(i.deleted_at, clock_timestamp())
		from target where i.id = target.id
		returning i.deleted_at`
	restoreInstrument = `
		update instruments set deleted_at = null where symbol = $1 returning symbol`
)

// split is versions 3 and later of the schema: a register of instruments, and
// tables of ticks and bars that refer to it.
type split struct {
	pool *pgxpool.Pool
	room *room
	// methods are the ways to store ticks, by the size of the batch.
	methods []method

	mu  sync.RWMutex
	ids map[string]int32
}

// identify returns the numbers of the symbols. Numbers are remembered: who
// uses one makes sure, in the same statement, that it is still in use.
func (s *split) identify(ctx context.Context, symbols []string) ([]int32, error) {
	ids := make([]int32, len(symbols))
	if s.recall(symbols, ids) {
		return ids, nil
	}
	rows, err := s.pool.Query(ctx, selectIDs, symbols)
	if err != nil {
		return nil, fmt.Errorf("looking up %d instruments: %w", len(symbols), err)
	}
	var symbol string
	var id int32
	var deleted bool
	found, gone := make(map[string]int32), []string(nil)
	if _, err := pgx.ForEachRow(rows, []any{&symbol, &id, &deleted}, func() error {
		found[symbol] = id
		if deleted {
			gone = append(gone, symbol)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("looking up %d instruments: %w", len(symbols), err)
	}
	var unknown []string
	for i, symbol := range symbols {
		if ids[i] = found[symbol]; ids[i] == 0 {
			unknown = append(unknown, symbol)
		}
	}
	switch {
	case len(unknown) > 0:
		return nil, &UnknownInstrument{Symbols: unknown}
	case len(gone) > 0:
		slices.Sort(gone)
		return nil, &DeletedInstrument{Symbols: gone}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for symbol, id := range found {
		s.ids[symbol] = id
	}
	return ids, nil
}

// recall fills in what is remembered and reports whether that is all.
func (s *split) recall(symbols []string, ids []int32) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := true
	for i, symbol := range symbols {
		id, known := s.ids[symbol]
		ids[i] = id
		all = all && known
	}
	return all
}

func (s *split) register(ctx context.Context, symbols, names []string) (int64, error) {
	var stored int64
	var gone []string
	err := s.pool.QueryRow(ctx, registerInstruments, symbols, names).Scan(&stored, &gone)
	if err == nil && len(gone) > 0 {
		return 0, &DeletedInstrument{Symbols: gone}
	}
	return stored, err
}

func (s *split) list(ctx context.Context) ([]Registered, error) {
	rows, err := s.pool.Query(ctx, selectInstruments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Registered, err error) {
		var deleted *time.Time
		err = row.Scan(&r.Symbol, &r.Name, &deleted)
		if deleted != nil {
			r.DeletedAt = deleted.UTC()
		}
		return r, err
	})
}

func (s *split) remove(ctx context.Context, symbol string) (at time.Time, err error) {
	err = s.pool.QueryRow(ctx, deleteInstrument, symbol).Scan(&at)
	return at, explainDeletion(err, symbol)
}

func (s *split) restore(ctx context.Context, symbol string) error {
	err := s.pool.QueryRow(ctx, restoreInstrument, symbol).Scan(&symbol)
	return explainDeletion(err, symbol)
}

func explainDeletion(err error, symbol string) error {
	const undefinedColumn = "42703"
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return unknownSymbol(symbol)
	case errors.As(err, &refused) && refused.Code == undefinedColumn:
		return &OldSchema{Field: "symbol", Needs: deletionVersion, Thing: "deleting an instrument"}
	}
	return err
}
