package drive

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Stall is a moment at which readers come and the prices are locked.
type Stall struct {
	// DSN is where the prices are, Symbol what is asked about.
	DSN, Symbol string
	// Readers come at once and each asks for the latest price. The lock is held
	// until Served of them wait for it in the database, and Hold longer.
	Readers, Served int
	Hold            time.Duration
}

// SlowQuestions is the trouble that questions wait in the database: after so
// many that are answered at once, those of a stall are not. It is over when
// cure questions were answered at once again, which must outweigh the others.
func (m *Market) SlowQuestions(s Stall, usual, cure int) Alarm {
	return Alarm{
		Begin: func(ctx context.Context) error {
			if err := m.askCalmly(ctx, s.Symbol, usual); err != nil {
				return err
			}
			return m.stall(ctx, s)
		},
		End: func(ctx context.Context) error { return m.askCalmly(ctx, s.Symbol, cure) },
	}
}

// Queue is the trouble that more readers come than there are connections: a
// stall every so often. It is over when nobody comes any more but, for each
// reader who came, cure questions that found a connection, which must outweigh
// the others.
func (m *Market) Queue(s Stall, every time.Duration, cure int) Alarm {
	var stop func() error
	var stalls int
	stall := func(ctx context.Context) error {
		stalls++
		return m.stall(ctx, s)
	}
	return Alarm{
		Begin: func(ctx context.Context) error {
			if err := stall(ctx); err != nil {
				return err
			}
			stop = repeatedly(ctx, every, stall)
			return nil
		},
		End: func(ctx context.Context) error {
			if err := stop(); err != nil {
				return err
			}
			return m.askCalmly(ctx, s.Symbol, cure*s.Readers*stalls)
		},
	}
}

// repeatedly does something each time that so much time has passed, until the
// returned function is called, which waits for what is under way and says what
// went wrong.
func repeatedly(ctx context.Context, every time.Duration, do func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { // ends with stop, which waits for it
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := do(context.WithoutCancel(ctx)); err != nil {
					ended <- err
					return
				}
			case <-ctx.Done():
				ended <- nil
				return
			}
		}
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

// stall locks the prices, lets the readers come, and waits until all of them
// were answered.
func (m *Market) stall(ctx context.Context, s Stall) error {
	hold, err := holdPrices(ctx, s.DSN)
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	answers := make([]error, s.Readers)
	for i := range answers {
		readers.Go(func() { answers[i] = m.askLatest(ctx, s.Symbol) })
	}
	held := wait{limit: changePatience}
	err = held.until(ctx, func(ctx context.Context) (bool, error) {
		waiting, err := hold.readers(ctx)
		return waiting >= s.Served, err
	})
	if err == nil && !held.told {
		err = fmt.Errorf("fewer than %d readers waited for the prices within %s", s.Served, changePatience)
	}
	if err == nil {
		pause(ctx, s.Hold)
	}
	err = errors.Join(err, hold.Release(context.WithoutCancel(ctx)))
	readers.Wait()
	return errors.Join(append(answers, err)...)
}

// calmAskers is how many ask at a time where nobody is to wait for a connection.
const calmAskers = 4

// askCalmly asks for the latest price n times, few at a time.
func (m *Market) askCalmly(ctx context.Context, symbol string, n int) error {
	var all sync.WaitGroup
	answers := make([]error, calmAskers)
	for i := range answers {
		all.Go(func() {
			for range (n + calmAskers - 1) / calmAskers {
				if answers[i] = m.askLatest(ctx, symbol); answers[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(answers...)
}

// askLatest asks for the latest price, of which there may be none.
func (m *Market) askLatest(ctx context.Context, symbol string) error {
	status, raw, err := m.fetch(ctx, "/api/prices/latest?symbol="+url.QueryEscape(symbol))
	if err == nil && status >= 500 {
		err = refused(status, raw)
	}
	return err
}
