//go:build !linux

package load

import "time"

// fineClock is absent here: the timers of the runtime are fine enough.
type fineClock struct{}

func newFineClock() (fineClock, error)    { return fineClock{}, nil }
func (fineClock) wait(time.Duration) bool { return false }
func (fineClock) close()                  {}
