package partition

import "time"

// ParseBound is for the tests.
func ParseBound(node string) (from, to time.Time, isDefault bool, err error) {
	s, isDefault, err := parseBound(node)
	return s.from, s.to, isDefault, err
}
