package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Between a figure and its unit stands a space that does not break.
const nbsp = "\u00a0"

// count writes a whole number with a comma between its thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// number writes x for people: whole numbers whole, others with at most three
// significant digits, and powers of ten where digits would only be zeros.
func number(x float64) string {
	s := withDecimals(x, decimals(x))
	if strings.Contains(s, ".") && !strings.Contains(s, "×") {
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// decimals is how many places behind the point show three digits of x.
func decimals(x float64) int {
	a := math.Abs(x)
	if a == 0 || a >= 99.95 || a == math.Trunc(a) {
		return 0
	}
	return max(0, 2-int(math.Floor(math.Log10(a*1.0005))))
}

// most is how many places behind the point anybody reads.
const most = 5

func withDecimals(x float64, places int) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x != 0 && math.Abs(x) < 0.001 && places > most:
		return scientific(x)
	case math.Abs(x) >= 1e15:
		return scientific(x)
	}
	s := strconv.FormatFloat(math.Abs(x), 'f', min(places, 12), 64)
	whole, fraction, pointed := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return s
	}
	s = count(n)
	if pointed {
		s += "." + fraction
	}
	if x < 0 && strings.Trim(s, "0.") != "" {
		return "−" + s
	}
	return s
}

func scientific(x float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', 1, 64), "e")
	power, err := strconv.Atoi(exponent)
	if err != nil {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	mantissa = strings.Replace(strings.TrimSuffix(mantissa, ".0"), "-", "−", 1)
	ten := "10" + superscript(power)
	if mantissa == "1" {
		return ten
	}
	return mantissa + nbsp + "×" + nbsp + ten
}

func superscript(n int) string {
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
		"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return raised.Replace(strconv.Itoa(n))
}

// percent writes a share near a hundred so that what is missing has three
// significant digits: 99.9982, not 100.
func percent(x float64) string {
	if x <= 99 || x >= 100 {
		return number(x)
	}
	places := min(6, 2-int(math.Floor(math.Log10(100-x))))
	return strings.TrimRight(withDecimals(x, places), "0")
}

// figure writes x in the manner of its unit, without the unit.
func figure(x float64, unit string) string {
	if unit == "%" {
		return percent(x)
	}
	return number(x)
}

// alike writes several figures of one scale with equally many places behind
// the point, as an estimate and its interval need. The first is the estimate.
func alike(unit string, xs ...float64) []string {
	places := places(unit, xs)
	said := make([]string, len(xs))
	for i, x := range xs {
		said[i] = withDecimals(x, places)
		if unit == "%" && x == 100 {
			said[i] = "100"
		}
	}
	return said
}

func places(unit string, xs []float64) int {
	largest, finest, missing := 0.0, 0, 0.0
	for _, x := range xs {
		largest = max(largest, math.Abs(x))
		finest = max(finest, decimals(x))
		if missing == 0 {
			missing = 100 - x
		}
	}
	switch {
	case unit == "%" && largest > 99 && missing > 0 && missing < 1:
		return min(6, 1-int(math.Floor(math.Log10(missing))))
	case largest >= 10:
		return min(finest, max(0, 3-int(math.Floor(math.Log10(largest)))-1))
	case largest >= 1:
		return min(finest, 2)
	default:
		return finest
	}
}

// quantity puts the unit behind a figure.
func quantity(said, unit string) string {
	if unit == "" {
		return said
	}
	return said + nbsp + unit
}

// plural counts things: "1 promise", "2,000 promises".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1" + nbsp + one
	}
	return count(int64(n)) + nbsp + many
}

// rounded writes a fraction as per cent, coarsely: "19 %", "0.3 %".
func rounded(fraction float64) string {
	p := fraction * 100
	switch a := math.Abs(p); {
	case a != 0 && a < 0.1:
		return "less than 0.1" + nbsp + "%"
	case a < 1:
		return strconv.FormatFloat(p, 'f', 1, 64) + nbsp + "%"
	default:
		return withDecimals(p, 0) + nbsp + "%"
	}
}

// span writes a length of time: "0.21 s", "41 s", "2 min 41 s", "1 h 4 min".
func span(seconds float64) string {
	if seconds < 10 {
		return quantity(number(seconds), "s")
	}
	d := time.Duration(math.Round(seconds)) * time.Second
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0 && m > 0:
		return fmt.Sprintf("%d%sh %d%smin", h, nbsp, m, nbsp)
	case h > 0:
		return fmt.Sprintf("%d%sh", h, nbsp)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d%smin %d%ss", m, nbsp, s, nbsp)
	case m > 0:
		return fmt.Sprintf("%d%smin", m, nbsp)
	default:
		return fmt.Sprintf("%d%ss", s, nbsp)
	}
}

// size writes an amount of memory.
func size(bytes int64) string {
	const mib = 1 << 20
	if bytes >= 1024*mib {
		return quantity(number(float64(bytes)/(1024*mib)), "GiB")
	}
	return quantity(number(float64(bytes)/mib), "MiB")
}

// moment writes a time: "Thu 12 June 2025, 09:41 UTC".
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("Mon 2 January 2006, 15:04") + nbsp + "UTC"
}

// short is the part of a commit that people type.
func short(sha string) string { return sha[:min(7, len(sha))] }
