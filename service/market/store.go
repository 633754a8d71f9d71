package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const foreignKeyViolation = "23503"

// Partitions has room made for rows before they are written.
type Partitions interface {
	// Cover makes sure that the rows of those days have a partition of the
	// table. An error loses nothing: the rows go to the default partition.
	Cover(ctx context.Context, table string, days ...time.Time) error
}

// Config is what a Store stands on.
type Config struct {
	// Pool connects to a database at any version of the schema. Required.
	Pool *pgxpool.Pool
	// Log hears of partitions that could not be made. Nil discards it.
	Log *slog.Logger
	// Partitions is asked for room before rows of a day are written that the
	// Store has not seen. Nil asks nobody.
	Partitions Partitions
	// Now is the time; nil is time.Now.
	Now func() time.Time
}

// Store keeps the market in Postgres. It is safe for concurrent use. It
// remembers the numbers of symbols it has seen; a number that has vanished is
// noticed by the foreign key and looked up again.
type Store struct {
	pool *pgxpool.Pool
	now  func() time.Time
	room *room

	mu  sync.RWMutex
	ids map[string]int32
}

// New makes a Store.
func New(c Config) *Store {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Store{
		pool: c.Pool,
		now:  c.Now,
		room: &room{partitions: c.Partitions, log: c.Log, now: c.Now, next: make(map[covered]time.Time)},
		ids:  make(map[string]int32),
	}
}

// RegisterInstruments stores those instruments that are new. An instrument
// that exists keeps its name.
func (s *Store) RegisterInstruments(ctx context.Context, instruments []Instrument) (Counts, error) {
	if err := ValidateInstruments(instruments); err != nil {
		return Counts{}, err
	}
	sorted := slices.Clone(instruments)
	slices.SortStableFunc(sorted, func(a, b Instrument) int { return cmp.Compare(a.Symbol, b.Symbol) })
	symbols := make([]string, len(sorted))
	names := make([]string, len(sorted))
	for i, in := range sorted {
		symbols[i], names[i] = in.Symbol, in.Name
	}
	tag, err := s.pool.Exec(ctx, `
		insert into instruments (symbol, name)
		select * from unnest($1::text[], $2::text[])
		on conflict (symbol) do nothing`, symbols, names)
	if err != nil {
		return Counts{}, fmt.Errorf("registering %d instruments: %w", len(instruments), err)
	}
	stored := int(tag.RowsAffected())
	return Counts{Stored: stored, Duplicates: len(instruments) - stored}, nil
}

// identify returns the number of the symbol at each index below n. Unknown
// symbols are an *UnknownInstrument; path names the field at an index.
func (s *Store) identify(ctx context.Context, n int, symbol, path func(int) string) ([]int32, error) {
	ids := make([]int32, n)
	missing := s.recall(ids, symbol)
	if len(missing) == 0 {
		return ids, nil
	}
	if err := s.learn(ctx, missing); err != nil {
		return nil, err
	}
	missing = s.recall(ids, symbol)
	if len(missing) == 0 {
		return ids, nil
	}
	first := slices.IndexFunc(ids, func(id int32) bool { return id == 0 })
	return nil, &UnknownInstrument{Field: path(first), Symbols: missing}
}

// recall fills ids from memory and returns the distinct symbols it misses.
func (s *Store) recall(ids []int32, symbol func(int) string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var missing []string
	seen := map[string]bool{}
	for i := range ids {
		name := symbol(i)
		id, ok := s.ids[name]
		if !ok && !seen[name] {
			seen[name] = true
			missing = append(missing, name)
		}
		ids[i] = id
	}
	return missing
}

func (s *Store) learn(ctx context.Context, symbols []string) error {
	rows, err := s.pool.Query(ctx, `select symbol, id from instruments where symbol = any($1)`, symbols)
	if err != nil {
		return fmt.Errorf("looking up %d instruments: %w", len(symbols), err)
	}
	var symbol string
	var id int32
	found := make(map[string]int32)
	if _, err := pgx.ForEachRow(rows, []any{&symbol, &id}, func() error {
		found[symbol] = id
		return nil
	}); err != nil {
		return fmt.Errorf("looking up %d instruments: %w", len(symbols), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for symbol, id := range found {
		s.ids[symbol] = id
	}
	return nil
}

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.ids)
}

// vanished reports whether a write failed because an instrument is gone.
func vanished(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == foreignKeyViolation
}
