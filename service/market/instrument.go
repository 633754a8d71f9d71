package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RegisterInstruments stores those instruments that are new. An instrument
// that exists keeps its name; one that is deleted is a *DeletedInstrument, and
// nothing is stored then.
//
// Versions 1 and 2 of the schema have no register and let every symbol trade:
// unless one was kept from a later version, an instrument without a name
// counts as a duplicate, and one with a name is an *OldSchema.
func (s *Store) RegisterInstruments(ctx context.Context, instruments []Instrument) (Counts, error) {
	if err := ValidateInstruments(instruments); err != nil {
		return Counts{}, err
	}
	// All who register take their row locks in one order.
	sorted := slices.Clone(instruments)
	slices.SortStableFunc(sorted, func(a, b Instrument) int { return cmp.Compare(a.Symbol, b.Symbol) })
	symbols := make([]string, len(sorted))
	names := make([]string, len(sorted))
	for i, in := range sorted {
		symbols[i], names[i] = in.Symbol, in.Name
	}
	stored, err := settled(ctx, s, func(ctx context.Context, l layout) (int64, error) { return l.register(ctx, symbols, names) })
	var deleted *DeletedInstrument
	var old *OldSchema
	switch {
	case errors.As(err, &deleted):
		deleted.Field = pathOf(len(instruments), func(i int) bool { return slices.Contains(deleted.Symbols, instruments[i].Symbol) }, "instruments[%d].symbol")
		return Counts{}, deleted
	case errors.As(err, &old):
		old.Field = pathOf(len(instruments), func(i int) bool { return instruments[i].Name != "" }, "instruments[%d].name")
		return Counts{}, old
	case err != nil:
		return Counts{}, fmt.Errorf("registering %d instruments: %w", len(instruments), broken(err, "instruments"))
	}
	return Counts{Stored: int(stored), Duplicates: len(instruments) - int(stored)}, nil
}

// Instruments lists the instruments by symbol. In versions 1 and 2 of the
// schema those are the ones that have traded or were kept from a later one.
func (s *Store) Instruments(ctx context.Context, deleted Deleted) ([]Registered, error) {
	all, err := settled(ctx, s, func(ctx context.Context, l layout) ([]Registered, error) { return l.list(ctx) })
	if err != nil {
		return nil, fmt.Errorf("listing instruments: %w", err)
	}
	return slices.DeleteFunc(all, func(r Registered) bool {
		gone := !r.DeletedAt.IsZero()
		return deleted == HideDeleted && gone || deleted == OnlyDeleted && !gone
	}), nil
}

// Delete hides an instrument and its data and returns since when it has been
// deleted; all of it stays and can be restored. What was stored before Delete
// returns stays, and nothing is stored for the instrument after. It waits for
// those who are storing. Below version 5 of the schema it is an *OldSchema.
func (s *Store) Delete(ctx context.Context, symbol string) (time.Time, error) {
	if problem := symbolProblem(symbol); problem != "" {
		return time.Time{}, &Invalid{Field: "symbol", Problem: problem}
	}
	at, err := settled(ctx, s, func(ctx context.Context, l layout) (time.Time, error) { return l.remove(ctx, symbol) })
	if err != nil {
		return time.Time{}, fmt.Errorf("deleting instrument %s: %w", symbol, err)
	}
	return at.UTC(), nil
}

// Restore undoes Delete. An instrument that is not deleted stays as it is.
// Below version 5 of the schema it is an *OldSchema.
func (s *Store) Restore(ctx context.Context, symbol string) error {
	if problem := symbolProblem(symbol); problem != "" {
		return &Invalid{Field: "symbol", Problem: problem}
	}
	_, err := settled(ctx, s, func(ctx context.Context, l layout) (struct{}, error) { return struct{}{}, l.restore(ctx, symbol) })
	if err != nil {
		return fmt.Errorf("restoring instrument %s: %w", symbol, err)
	}
	return nil
}

// pathOf returns the path of the first of n rows that is guilty.
func pathOf(n int, guilty func(int) bool, format string) string {
	for i := range n {
		if guilty(i) {
			return fmt.Sprintf(format, i)
		}
	}
	return ""
}
