package drive

import "time"

// Impatient has monitors of the market wait that long for an answer, so that a
// test need not.
func (m *Market) Impatient(d time.Duration) *Market {
	m.monitor = d
	return m
}

// Plain is plain, for tests.
func Plain(err error) error { return plain(err) }
