package load

import (
	"context"
	"time"
)

// near is how close a moment must be for the fine clock to wait for it. The
// timers of the runtime may ring a millisecond late, so the last stretch
// begins a little more than that before the moment.
const near = 2 * time.Millisecond

// alarm waits for moments of a session with an error of some 50 µs where the
// system has a fine clock, without spinning. One goroutine uses it at a time.
type alarm struct {
	timer *time.Timer
	fine  fineClock
}

func newAlarm() (*alarm, error) {
	fine, err := newFineClock()
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &alarm{timer: timer, fine: fine}, nil
}

func (a *alarm) close() {
	a.timer.Stop()
	a.fine.close()
}

// waitUntil returns when the offset from began is reached or ctx is done, and
// tells the offset of that moment.
func (a *alarm) waitUntil(ctx context.Context, began time.Time, offset time.Duration) time.Duration {
	now := time.Since(began)
	if offset-now > near {
		now = a.sleep(ctx, began, offset-now-near*3/4)
	}
	if offset > now && ctx.Err() == nil && a.fine.wait(offset-now) {
		now = time.Since(began)
	}
	for offset > now && ctx.Err() == nil {
		now = a.sleep(ctx, began, offset-now)
	}
	return now
}

// sleep waits for d on a timer of the runtime.
func (a *alarm) sleep(ctx context.Context, began time.Time, d time.Duration) time.Duration {
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
	case <-ctx.Done():
		a.timer.Stop()
	}
	return time.Since(began)
}
