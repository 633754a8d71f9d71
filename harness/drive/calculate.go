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

// figures returns the calculations that make one figure of many trades, as SQL;
// %p stands for the price and %v for the volume. What is summed up and averaged
// is the value of a trade, price × volume: a sum of bare prices tells nobody
// anything.
func figures() map[string]string {
	return map[string]string{
		"sum":    `sum(%p * %v)`,
		"avg":    `avg(%p * %v)`,
		"stddev": `stddev_samp(%p * %v)`,
		"vwap":   `sum(%p * %v) / sum(%v)`,
		"filter": `sum(%p * %v)`,
	}
}

const (
	// filtered is which trades the filter leaves: those worth more than 2,000.
	// Prices are in cents and volumes whole, so that no trade is worth exactly
	// the bound and no rounding moves one across it.
	filtered = `%p * %v > 2000.005`
	// movingTrades is how many trades a moving average looks back on, itself
	// included.
	movingTrades = 20
	// movingAverage is the average price of the last trades of an instrument.
	movingAverage = `avg(%p) OVER (PARTITION BY %i ORDER BY at, trade ROWS 19 PRECEDING)`
	// byValue is the order of trades by their value, the largest first. Trades of
	// equal value are in the order in which they were made.
	byValue = `%p * %v DESC, trade`
)

// Calculations are the names of the known calculations.
func Calculations() []string {
	return slices.Sorted(maps.Keys(calculations()))
}

// calculation is one calculation in SQL over trades: as it is timed, and with
// every figure that it makes, each with a name of its own. %trades stands for
// the trades, %named for the trades with their symbol, %s.
type calculation struct{ timed, each string }

func calculations() map[string]calculation {
	all := map[string]calculation{
		"moving average": {
			timed: `SELECT max(average) FROM (SELECT ` + movingAverage + ` AS average FROM %trades) AS moving`,
			each:  `SELECT trade::text, (` + movingAverage + `)::text FROM %trades`,
		},
		"sort": {
			timed: `SELECT count(*) FROM (SELECT trade FROM %trades ORDER BY ` + byValue + ` OFFSET 0) AS sorted`,
			each:  `SELECT trade::text, (%p * %v)::text FROM %trades ORDER BY ` + byValue,
		},
	}
	for name, figure := range figures() {
		c := calculation{
			timed: `SELECT ` + figure + ` FROM %trades`,
			each:  `SELECT %s, (` + figure + `)::text FROM %named`,
		}
		if name == "filter" {
			c.timed, c.each = c.timed+` %and `+filtered, c.each+` %and `+filtered
		}
		c.each += ` GROUP BY %s`
		all[name] = c
	}
	return all
}

// question is one calculation in the layout of the side.
func (s *Side) question(name string) (calculation, error) {
	c, ok := calculations()[name]
	if !ok {
		return calculation{}, fmt.Errorf("calculating %q: known calculations are %s", name, strings.Join(Calculations(), ", "))
	}
	words := strings.NewReplacer("%p", "price", "%v", "volume", "%i", "instrument_id", "%s", "i.symbol", "%and", "WHERE",
		"%trades", "ticks", "%named", "ticks JOIN instruments i ON i.id = instrument_id")
	if s.ids == nil {
		words = strings.NewReplacer("%p", "close", "%v", "volume", "%i", "symbol", "%s", "symbol", "%and", "AND",
			"%trades", "market_data WHERE kind = 'tick'", "%named", "market_data WHERE kind = 'tick'")
	}
	return calculation{timed: words.Replace(c.timed), each: words.Replace(c.each)}, nil
}

// Calculate returns the workload of one calculation over all stored prices. A
// unit of work is one calculation.
func (s *Side) Calculate(ctx context.Context, name string) (Workload, error) {
	q, err := s.question(name)
	if err != nil {
		return Workload{}, err
	}
	sql := q.timed
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
		Alone:    true,
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

// answers returns the exact figures of a calculation, by symbol or by trade; the
// empty name stands for what is timed, all prices together.
func (s *Side) answers(ctx context.Context, name string) (map[string]*big.Rat, error) {
	q, err := s.question(name)
	if err != nil {
		return nil, err
	}
	rows, err := s.conn.Query(ctx, q.each+` UNION ALL SELECT '', (`+q.timed+`)::text`)
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
// instrument by instrument, or trade by trade where each has a figure: the
// decimal baseline is taken for exact. It yields the largest relative error in
// parts per billion.
func RelativeError(ctx context.Context, name string, baseline, current *Side) (measure.Amount, error) {
	exact, err := baseline.answers(ctx, name)
	if err != nil {
		return measure.Amount{}, err
	}
	quick, err := current.answers(ctx, name)
	if err != nil {
		return measure.Amount{}, err
	}
	return largestError(name, exact, quick)
}

// largestError is the largest relative error of any figure, in parts per billion.
func largestError(name string, exact, quick map[string]*big.Rat) (measure.Amount, error) {
	if len(exact) == 0 || len(exact) != len(quick) {
		return measure.Amount{}, fmt.Errorf("comparing %s: %d figures of the baseline, %d of the current arm", name, len(exact), len(quick))
	}
	largest := new(big.Rat)
	for symbol, want := range exact {
		got, ok := quick[symbol]
		if !ok {
			return measure.Amount{}, fmt.Errorf("comparing %s: the current arm has no figure for %q", name, symbol)
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
