package drive

import (
	"fmt"

	dec "github.com/govalues/decimal"
)

// exactTrade and quickTrade are a price and a volume in either arithmetic.
type (
	exactTrade struct{ price, volume dec.Decimal }
	quickTrade struct{ price, volume float64 }
)

// reckoning is one calculation in both arithmetics, over the trades of one
// instrument. It appends its figures to those given.
type reckoning struct {
	text    string
	decimal func(to []dec.Decimal, trades []exactTrade) ([]dec.Decimal, error)
	float   func(to []float64, trades []quickTrade) []float64
}

func reckonings() map[string]reckoning {
	return map[string]reckoning{
		"sum":            {"sum of price × volume of each instrument", decimalSum, floatSum},
		"vwap":           {"sum of price × volume ÷ sum of volume of each instrument", decimalVWAP, floatVWAP},
		"moving average": {fmt.Sprintf("average price of the last %d trades of each instrument, at each trade", movingTrades), decimalMoving, floatMoving},
	}
}

func decimalSum(to []dec.Decimal, trades []exactTrade) ([]dec.Decimal, error) {
	sum := dec.Zero
	for i := range trades {
		value, err := trades[i].price.Mul(trades[i].volume)
		if err != nil {
			return nil, err
		}
		if sum, err = sum.Add(value); err != nil {
			return nil, err
		}
	}
	return append(to, sum), nil
}

func floatSum(to []float64, trades []quickTrade) []float64 {
	sum := 0.0
	for _, t := range trades {
		sum += t.price * t.volume
	}
	return append(to, sum)
}

func decimalVWAP(to []dec.Decimal, trades []exactTrade) ([]dec.Decimal, error) {
	sum, volume := dec.Zero, dec.Zero
	for i := range trades {
		value, err := trades[i].price.Mul(trades[i].volume)
		if err != nil {
			return nil, err
		}
		if sum, err = sum.Add(value); err != nil {
			return nil, err
		}
		if volume, err = volume.Add(trades[i].volume); err != nil {
			return nil, err
		}
	}
	average, err := sum.Quo(volume)
	return append(to, average), err
}

func floatVWAP(to []float64, trades []quickTrade) []float64 {
	sum, volume := 0.0, 0.0
	for _, t := range trades {
		sum += t.price * t.volume
		volume += t.volume
	}
	return append(to, sum/volume)
}

func decimalMoving(to []dec.Decimal, trades []exactTrade) ([]dec.Decimal, error) {
	sum := dec.Zero
	for i := range trades {
		var err error
		if sum, err = sum.Add(trades[i].price); err != nil {
			return nil, err
		}
		if i >= movingTrades {
			if sum, err = sum.Sub(trades[i-movingTrades].price); err != nil {
				return nil, err
			}
		}
		count, err := dec.New(int64(min(i+1, movingTrades)), 0)
		if err != nil {
			return nil, err
		}
		average, err := sum.Quo(count)
		if err != nil {
			return nil, err
		}
		to = append(to, average)
	}
	return to, nil
}

func floatMoving(to []float64, trades []quickTrade) []float64 {
	sum := 0.0
	for i, t := range trades {
		sum += t.price
		if i >= movingTrades {
			sum -= trades[i-movingTrades].price
		}
		to = append(to, sum/float64(min(i+1, movingTrades)))
	}
	return to
}
