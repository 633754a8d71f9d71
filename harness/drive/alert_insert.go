package drive

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// SlowStoring is the trouble that storing a price takes long, because somebody
// locks the prices again and again, for most of the time. Writers go on storing
// the prices, one after the other, until the alert is over. The trouble is over
// when nobody has locked the prices for as long as the rule looks back.
type SlowStoring struct {
	DSN    string
	Prices []market.Tick
	// Writers store a price each and then pause.
	Writers int
	Pause   time.Duration
	// Hold is how long the prices are locked each time that Every has passed.
	Hold, Every time.Duration
	// Settle is how long this goes on until storing counts as slow, Back how
	// far back the rule looks.
	Settle, Back time.Duration
}

// SlowStoring returns the trouble.
func (m *Market) SlowStoring(s SlowStoring) Alarm {
	var writing, locking func() error
	return Alarm{
		Begin: func(ctx context.Context) error {
			writing = m.keepStoring(ctx, s)
			locking = repeatedly(ctx, s.Every, func(ctx context.Context) error {
				hold, err := holdPrices(ctx, s.DSN)
				if err != nil {
					return err
				}
				pause(ctx, s.Hold)
				return hold.Release(ctx)
			})
			pause(ctx, s.Settle)
			return ctx.Err()
		},
		End: func(ctx context.Context) error {
			err := locking()
			pause(ctx, s.Back)
			return err
		},
		Done: func() error {
			if writing == nil { // it never began
				return nil
			}
			return writing()
		},
	}
}

// keepStoring has the writers store prices until the returned function is called.
func (m *Market) keepStoring(ctx context.Context, s SlowStoring) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var next atomic.Int64
	var writers sync.WaitGroup
	ends := make([]error, s.Writers)
	for i := range ends {
		writers.Go(func() {
			for ctx.Err() == nil {
				at := int(next.Add(1)) - 1
				if at >= len(s.Prices) {
					ends[i] = errors.New("storing prices slowly: there were too few prices")
					return
				}
				err := m.post(context.WithoutCancel(ctx), "/api/ticks", ticks{Ticks: []instant{wire(s.Prices[at])}}, nil)
				if err != nil {
					ends[i] = err
					return
				}
				pause(ctx, s.Pause)
			}
		})
	}
	return func() error {
		cancel()
		writers.Wait()
		return errors.Join(ends...)
	}
}
