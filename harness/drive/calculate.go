package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// figures returns the known calculations as SQL over trades; %p stands for the
// price and %v for the volume. What is summed up and averaged is the value of a
// trade, price × volume: a sum of bare prices tells nobody anything.
func figures() map[string]string {
	return map[string]string{
		"sum":    `sum(%p * %v)`,
		"avg":    `avg(%p * %v)`,
		"stddev": `stddev_samp(%p * %v)`,
		"vwap":   `sum(%p * %v) / sum(%v)`,
	}
}

// Calculations are the names of the known calculations.
func Calculations() []string { return slices.Sorted(maps.Keys(figures())) }

// question is one calculation in the layout of the side: over all prices, and
// for each instrument.
type question struct{ overall, each string }

func (s *Side) question(name string) (question, error) {
	figure, ok := figures()[name]
	if !ok {
		return question{}, fmt.Errorf("calculating %q: known calculations are %s", name, strings.Join(Calculations(), ", "))
	}
	if s.ids == nil {
		figure = strings.NewReplacer("%p", "close", "%v", "volume").Replace(figure)
		return question{
			overall: `SELECT ` + figure + ` FROM market_data WHERE kind = 'tick'`,
			each:    `SELECT symbol, (` + figure + `)::text FROM market_data WHERE kind = 'tick' GROUP BY symbol`,
		}, nil
	}
	figure = strings.NewReplacer("%p", "price", "%v", "volume").Replace(figure)
	return question{
		overall: `SELECT ` + figure + ` FROM ticks`,
		each:    `SELECT i.symbol, (` + figure + `)::text FROM ticks JOIN instruments i ON i.id = instrument_id GROUP BY i.symbol`,
	}, nil
}

// Calculate returns the workload of one calculation over all stored prices. A
// unit of work is one calculation.
func (s *Side) Calculate(ctx context.Context, name string) (Workload, error) {
	q, err := s.question(name)
	if err != nil {
		return Workload{}, err
	}
	sql := q.overall
	settings, err := s.settings(ctx)
	if err != nil {
		return Workload{}, err
	}
	plan, err := s.explain(ctx, sql)
	if err != nil {
		return Workload{}, err
	}
	return Workload{
		Name:     s.Name,
		Text:     sql,
		Plan:     plan,
		Rows:     int64(len(s.stored)),
		Settings: settings,
		Observe:  s.observer(ctx),
		Recheck:  s.settings,
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			uninterrupted := context.WithoutCancel(ctx) // no watcher goroutine beside each statement
			start := time.Now()
			for range n {
				if ctx.Err() != nil {
					return 0, ctx.Err()
				}
				if err := s.discard(uninterrupted, sql); err != nil {
					return 0, fmt.Errorf("calculating %s on the %s side: %w", name, s.Name, plain(err))
				}
			}
			return time.Since(start), nil
		},
	}, nil
}

// discard carries out a question and reads its answer to the end.
func (s *Side) discard(ctx context.Context, sql string) error {
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	for rows.Next() {
		_ = rows.RawValues()
	}
	return rows.Err()
}

// answers returns the exact figures of a calculation by symbol; the empty
// symbol stands for all prices together.
func (s *Side) answers(ctx context.Context, name string) (map[string]*big.Rat, error) {
	q, err := s.question(name)
	if err != nil {
		return nil, err
	}
	rows, err := s.conn.Query(ctx, q.each+` UNION ALL SELECT '', (`+q.overall+`)::text`)
	if err != nil {
		return nil, fmt.Errorf("calculating %s on the %s side: %w", name, s.Name, plain(err))
	}
	found := map[string]*big.Rat{}
	var symbol, text string
	_, err = pgx.ForEachRow(rows, []any{&symbol, &text}, func() error {
		figure, ok := new(big.Rat).SetString(text)
		if !ok {
			return finding(fmt.Sprintf("%s of %s is no figure", text, symbol))
		}
		found[symbol] = figure
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("calculating %s on the %s side: %w", name, s.Name, plain(err))
	}
	return found, nil
}

// RelativeError compares the answers of both sides, for all prices together and
// instrument by instrument: the decimal baseline is taken for exact. It yields
// the largest relative error in parts per billion.
func RelativeError(ctx context.Context, name string, baseline, current *Side) (measure.Amount, error) {
	exact, err := baseline.answers(ctx, name)
	if err != nil {
		return measure.Amount{}, err
	}
	quick, err := current.answers(ctx, name)
	if err != nil {
		return measure.Amount{}, err
	}
	if len(exact) == 0 || len(exact) != len(quick) {
		return measure.Amount{}, fmt.Errorf("comparing %s: %d instruments on the baseline side, %d on the current side", name, len(exact), len(quick))
	}
	largest := new(big.Rat)
	for symbol, want := range exact {
		got, ok := quick[symbol]
		if !ok {
			return measure.Amount{}, fmt.Errorf("comparing %s: the current side has no figure for %s", name, symbol)
		}
		off, err := relative(got, want)
		if err != nil {
			return measure.Amount{}, fmt.Errorf("comparing %s of %s: %w", name, symbol, err)
		}
		if off.Cmp(largest) > 0 {
			largest = off
		}
	}
	parts, _ := new(big.Rat).Mul(largest, big.NewRat(1_000_000_000, 1)).Float64()
	return measure.Amount{Value: parts, Of: int64(len(exact)), Says: fmt.Sprintf("largest of %d figures", len(exact))}, nil
}

func relative(got, want *big.Rat) (*big.Rat, error) {
	if want.Sign() == 0 {
		return nil, errors.New("the exact figure is zero")
	}
	off := new(big.Rat).Sub(got, want)
	return off.Abs(off.Quo(off, want)), nil
}
