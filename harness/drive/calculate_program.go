package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	dec "github.com/govalues/decimal"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Program calculates over prices without a database, in the process of the
// harness: once in decimals and once in floats. The decimals are those of a
// quick library, which keeps 19 digits, takes no memory for a figure and says
// when one does not fit: decimals at their best.
type Program struct {
	prices int
	exact  [][]exactTrade // by instrument
	quick  [][]quickTrade
}

// NewProgram takes in the prices that are calculated over.
func NewProgram(prices []market.Tick) (*Program, error) {
	p := &Program{prices: len(prices)}
	place := map[string]int{}
	for _, t := range prices {
		i, known := place[t.Symbol]
		if !known {
			i = len(p.exact)
			place[t.Symbol] = i
			p.exact, p.quick = append(p.exact, nil), append(p.quick, nil)
		}
		price, err := dec.NewFromFloat64(t.Price)
		volume, err2 := dec.NewFromFloat64(t.Volume)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("taking in trade %d of %s: %w", t.Trade, t.Symbol, err)
		}
		p.exact[i] = append(p.exact[i], exactTrade{price, volume})
		p.quick[i] = append(p.quick[i], quickTrade{t.Price, t.Volume})
	}
	if p.prices == 0 {
		return nil, errors.New("calculating in a program: there are no prices")
	}
	return p, nil
}

// Calculate returns the workloads of one calculation, in decimals (the
// baseline) and in float64 (the current arm), whose unit of work is one
// calculation over all prices. Off is the largest relative error of the floats
// in parts per billion, instrument by instrument, or trade by trade where each
// has a figure: the decimals are taken for exact.
func (p *Program) Calculate(name string) (decimals, floats Workload, off measure.Amount, err error) {
	r, known := reckonings()[name]
	if !known {
		return decimals, floats, off, fmt.Errorf("calculating %q in a program: known calculations are %s",
			name, strings.Join(slices.Sorted(maps.Keys(reckonings())), ", "))
	}
	if off, err = p.relativeError(name, r); err != nil {
		return decimals, floats, off, err
	}
	var exact []dec.Decimal
	decimals = p.workload("baseline", r.text+", in decimals of 19 digits", func() (err error) {
		exact, err = p.decimals(r, exact)
		return err
	})
	var quick []float64
	floats = p.workload("current", r.text+", in float64", func() error {
		quick = p.floats(r, quick)
		return nil
	})
	return decimals, floats, off, nil
}

func (p *Program) workload(name, text string, calculate func() error) Workload {
	return Workload{
		Name: name,
		Text: text,
		Rows: int64(p.prices),
		Settings: map[string]string{
			measure.ServerSetting: measure.NoServer,
			"go":                  strings.TrimPrefix(runtime.Version(), "go"),
		},
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			start := time.Now()
			for range n {
				if ctx.Err() != nil {
					return 0, ctx.Err()
				}
				if err := calculate(); err != nil {
					return 0, fmt.Errorf("calculating the %s: %w", text, err)
				}
			}
			return time.Since(start), nil
		},
	}
}

// decimals writes all figures into the memory of to, and returns them.
func (p *Program) decimals(r reckoning, to []dec.Decimal) (figures []dec.Decimal, err error) {
	figures = to[:0]
	for _, trades := range p.exact {
		if figures, err = r.decimal(figures, trades); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

func (p *Program) floats(r reckoning, to []float64) []float64 {
	figures := to[:0]
	for _, trades := range p.quick {
		figures = r.float(figures, trades)
	}
	return figures
}

func (p *Program) relativeError(name string, r reckoning) (measure.Amount, error) {
	decimals, err := p.decimals(r, nil)
	if err != nil {
		return measure.Amount{}, fmt.Errorf("calculating the %s: %w", r.text, err)
	}
	exact, quick := map[string]*big.Rat{}, map[string]*big.Rat{}
	for i := range decimals {
		figure, ok := new(big.Rat).SetString(decimals[i].String())
		if !ok {
			return measure.Amount{}, fmt.Errorf("comparing %s: figure %d of the decimals is none", name, i+1)
		}
		exact[strconv.Itoa(i)] = figure
	}
	for i, f := range p.floats(r, nil) {
		figure := new(big.Rat).SetFloat64(f)
		if figure == nil {
			return measure.Amount{}, fmt.Errorf("comparing %s: figure %d of the floats is none", name, i+1)
		}
		quick[strconv.Itoa(i)] = figure
	}
	return largestError(name, exact, quick)
}
