package objective

import "strings"

// unit is one way to write a quantity. Units of one kind convert into each
// other by their size.
type unit struct {
	name string
	kind string
	size float64
	says string
}

// units are all units of the grammar, smallest of each kind first.
func units() []unit {
	return []unit{
		{"", "count", 1, "a plain count: exactly 0"},
		{"%", "share", 1e7, "per cent"},
		{"parts per billion", "share", 1, "1 % is 10,000,000 of them"},
		{"µs", "time", 1, "microseconds"},
		{"ms", "time", 1e3, "milliseconds"},
		{"s", "time", 1e6, "seconds"},
		{"min", "time", 6e7, "minutes"},
		{"a second", "rate", 60, "so many each second"},
		{"a minute", "rate", 1, "so many each minute"},
		{"times", "factor", 1, "as much as another: estimated wrong by at most 3 times"},
		{"bytes", "size", 1, "bytes"},
		{"KB", "size", 1e3, "1,000 bytes"},
		{"MB", "size", 1e6, "1,000,000 bytes"},
	}
}

func unitNamed(name string) (unit, bool) {
	for _, u := range units() {
		if u.name == name {
			return u, true
		}
	}
	return unit{}, false
}

func convertible(from, to string) bool {
	f, known := unitNamed(from)
	t, alsoKnown := unitNamed(to)
	return known && alsoKnown && f.kind == t.kind
}

// convert gives x of one unit in another of the same kind. Sizes are whole
// multiples of each other, so that one exact operation does it.
func convert(x float64, from, to string) float64 {
	f, _ := unitNamed(from)
	t, _ := unitNamed(to)
	if f.size >= t.size {
		return x * (f.size / t.size)
	}
	return x / (t.size / f.size)
}

// unitList names every unit for an error message.
func unitList() string {
	var names []string
	for _, u := range units() {
		if u.name != "" {
			names = append(names, u.name)
		}
	}
	return strings.Join(names, ", ")
}

// unitName says in words what a figure is counted in.
func unitName(name string) string {
	if name == "" {
		return "as a plain count"
	}
	return "in " + quote(name)
}

// inUnit is the tail of an advice.
func inUnit(name string) string {
	if name == "" {
		return " without a unit"
	}
	return " in " + quote(name)
}
