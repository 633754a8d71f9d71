package drive

import (
	"context"
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// valued is a trade with its value, as a side has it.
type valued struct {
	trade string
	value string
}

// order returns all trades in the order that a side sorts them into.
func (s *Side) order(ctx context.Context) ([]valued, error) {
	q, err := s.question("sort")
	if err != nil {
		return nil, err
	}
	rows, err := s.conn.Query(ctx, q.each)
	if err != nil {
		return nil, fmt.Errorf("sorting on the %s side: %w", s.Name, plain(err))
	}
	sorted, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v valued, err error) {
		err = row.Scan(&v.trade, &v.value)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("sorting on the %s side: %w", s.Name, plain(err))
	}
	return sorted, nil
}

// Misplaced compares the order into which both sides sort all trades by their
// value: the decimal baseline is taken for exact. It yields the places at which
// the current side has a trade of another value. Trades of exactly equal value
// may stand in any order among themselves.
func Misplaced(ctx context.Context, baseline, current *Side) (measure.Share, error) {
	exact, err := baseline.order(ctx)
	if err != nil {
		return measure.Share{}, err
	}
	quick, err := current.order(ctx)
	if err != nil {
		return measure.Share{}, err
	}
	return misplaced(exact, quick)
}

func misplaced(exact, quick []valued) (measure.Share, error) {
	if len(exact) != len(quick) {
		return measure.Share{}, fmt.Errorf("comparing the orders: %d trades of the baseline, %d of the current arm", len(exact), len(quick))
	}
	places := make([]*big.Rat, len(exact))
	unplaced := map[string]*big.Rat{}
	for i, v := range exact {
		value, ok := new(big.Rat).SetString(v.value)
		if !ok {
			return measure.Share{}, fmt.Errorf("comparing the orders: %q of trade %s is no figure", v.value, v.trade)
		}
		places[i], unplaced[v.trade] = value, value
	}
	off := measure.Share{Of: int64(len(exact))}
	for i, v := range quick {
		value, known := unplaced[v.trade]
		if !known {
			return measure.Share{}, fmt.Errorf("comparing the orders: the baseline has no trade %s, or the current arm has it twice", v.trade)
		}
		delete(unplaced, v.trade)
		if value.Cmp(places[i]) != 0 {
			off.Hits++
		}
	}
	return off, nil
}
