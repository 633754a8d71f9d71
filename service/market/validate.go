package market

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxSymbol = 20
	maxName   = 200
	// Amounts must survive the way back to DECIMAL(20,8), so that a rollback
	// loses nothing: 15 significant digits are what a float8 keeps, 8 places
	// and 12 digits before the point are what the column holds.
	maxDigits = 15
	maxPlaces = 8
	maxAmount = 1e12
	firstYear = 1900
	lastYear  = 2200
	// tolerance is how far ahead of our clock others may be.
	tolerance = 24 * time.Hour
)

// ValidateInstruments checks every instrument and returns an *Invalid for the
// first wrong field.
func ValidateInstruments(instruments []Instrument) error {
	if len(instruments) == 0 {
		return &Invalid{Field: "instruments", Problem: "must not be empty"}
	}
	for i, in := range instruments {
		if problem := symbolProblem(in.Symbol); problem != "" {
			return &Invalid{Field: fmt.Sprintf("instruments[%d].symbol", i), Problem: problem}
		}
		if problem := nameProblem(in.Name); problem != "" {
			return &Invalid{Field: fmt.Sprintf("instruments[%d].name", i), Problem: problem}
		}
	}
	return nil
}

// ValidateTicks checks every tick and returns an *Invalid for the first wrong
// field. A tick of a day or more after now is wrong.
func ValidateTicks(ticks []Tick, now time.Time) error {
	if len(ticks) == 0 {
		return &Invalid{Field: "ticks", Problem: "must not be empty"}
	}
	for i := range ticks {
		if field, problem := ticks[i].problem(now); problem != "" {
			return &Invalid{Field: fmt.Sprintf("ticks[%d].%s", i, field), Problem: problem}
		}
	}
	return nil
}

// ValidateBars checks every bar and returns an *Invalid for the first wrong
// field. A bar whose day begins a day or more after now is wrong.
func ValidateBars(bars []Bar, now time.Time) error {
	if len(bars) == 0 {
		return &Invalid{Field: "bars", Problem: "must not be empty"}
	}
	for i := range bars {
		if field, problem := bars[i].problem(now); problem != "" {
			return &Invalid{Field: fmt.Sprintf("bars[%d].%s", i, field), Problem: problem}
		}
	}
	return nil
}

func (t *Tick) problem(now time.Time) (field, problem string) {
	if p := symbolProblem(t.Symbol); p != "" {
		return "symbol", p
	}
	if p := timeProblem(t.At, now); p != "" {
		return "at", p
	}
	if t.Trade < 0 {
		return "trade", "must not be negative"
	}
	if p := priceProblem(t.Price); p != "" {
		return "price", p
	}
	if p := volumeProblem(t.Volume); p != "" {
		return "volume", p
	}
	return "", ""
}

func (b *Bar) problem(now time.Time) (field, problem string) {
	if p := symbolProblem(b.Symbol); p != "" {
		return "symbol", p
	}
	if p := timeProblem(b.Day, now); p != "" {
		return "day", p
	}
	prices := [...]struct {
		field string
		value float64
	}{{"open", b.Open}, {"high", b.High}, {"low", b.Low}, {"close", b.Close}}
	for _, price := range prices {
		if p := priceProblem(price.value); p != "" {
			return price.field, p
		}
	}
	if p := volumeProblem(b.Volume); p != "" {
		return "volume", p
	}
	if b.High < b.Low {
		return "high", "must not be below low"
	}
	for _, price := range prices {
		if price.value < b.Low || price.value > b.High {
			return price.field, fmt.Sprintf("must lie between the low of %v and the high of %v", b.Low, b.High)
		}
	}
	return "", ""
}

func symbolProblem(symbol string) string {
	switch {
	case symbol == "":
		return "must not be empty"
	case len(symbol) > maxSymbol:
		return fmt.Sprintf("must have at most %d characters", maxSymbol)
	}
	for i := range len(symbol) {
		c := symbol[i]
		letter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(".-_/:^=", rune(c)) {
			return "may only have letters, digits and . - _ / : ^ ="
		}
	}
	return ""
}

func nameProblem(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "must be UTF-8"
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("must have at most %d characters", maxName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "must not have control characters"
	}
	return ""
}

func timeProblem(at, now time.Time) string {
	if at.IsZero() {
		return "is missing"
	}
	if year := at.UTC().Year(); year < firstYear || year > lastYear {
		return fmt.Sprintf("must lie between the years %d and %d", firstYear, lastYear)
	}
	if !at.Before(now.Add(tolerance)) {
		return "must not lie a day or more in the future"
	}
	return ""
}

func priceProblem(price float64) string {
	if !(price > 0) {
		return "must be positive"
	}
	return amountProblem(price)
}

func volumeProblem(volume float64) string {
	if !(volume >= 0) {
		return "must not be negative"
	}
	return amountProblem(volume)
}

func amountProblem(amount float64) string {
	if amount >= maxAmount {
		return "must be below 1000000000000"
	}
	if amount == math.Trunc(amount) {
		return ""
	}
	var buffer [64]byte
	text := strconv.AppendFloat(buffer[:0], amount, 'f', -1, 64)
	digits, places, point := 0, 0, false
	for _, c := range text {
		switch {
		case c == '.':
			point = true
			continue
		case point:
			places++
		}
		if digits > 0 || c != '0' {
			digits++
		}
	}
	if digits > maxDigits || places > maxPlaces {
		return fmt.Sprintf("must have at most %d significant digits, %d of them after the point", maxDigits, maxPlaces)
	}
	return ""
}
