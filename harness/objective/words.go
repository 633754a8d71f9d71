package objective

import (
	"math"
	"strconv"
	"strings"
)

// mostDecimals keeps a figure on one line.
const mostDecimals = 30

// figures returns a function that writes the given figures for people: three
// significant digits, but never a whole number cut, never coarser than the
// limit, and more where two different figures would look the same.
func figures(limit float64, values ...float64) func(float64) string {
	_, fraction, _ := strings.Cut(plain(limit), ".")
	write := func(digits int) func(float64) string {
		return func(x float64) string {
			if x == limit {
				return grouped(plain(x))
			}
			return written(x, digits, len(fraction))
		}
	}
	digits := 3
	for digits < 16 && !distinct(append(values, limit), write(digits)) {
		digits++
	}
	return write(digits)
}

// distinct reports whether different values read as different numbers.
func distinct(values []float64, write func(float64) string) bool {
	seen := map[float64]float64{}
	for _, v := range values {
		read, err := strconv.ParseFloat(strings.ReplaceAll(write(v), ",", ""), 64)
		if other, taken := seen[read]; err != nil || taken && other != v {
			return false
		}
		seen[read] = v
	}
	return true
}

// written gives x with that many significant digits and at least that many
// decimals, or whole where that is shorter: 1.62, 11,976, 250.
func written(x float64, digits, decimals int) string {
	if x != 0 && usable(x) {
		decimals = min(max(decimals, digits-1-int(math.Floor(math.Log10(math.Abs(x))))), mostDecimals)
	}
	if text := plain(x); len(text) <= len(strconv.FormatFloat(x, 'f', decimals, 64)) {
		return grouped(text)
	}
	return grouped(strconv.FormatFloat(x, 'f', decimals, 64))
}

// grouped separates the thousands of a plain number.
func grouped(text string) string {
	whole, fraction, hasFraction := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		return sign + whole + "." + fraction
	}
	return sign + whole
}

func count(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

// with adds the unit to a written figure.
func with(figure, unit string) string {
	if unit == "" {
		return figure
	}
	return figure + " " + unit
}
