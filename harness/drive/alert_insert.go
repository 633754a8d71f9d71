package drive

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

// SlowStoring is the trouble that storing a price takes long, because somebody
// locks the prices again and again, for most of the time. Prices come all the
// while at the usual rate, until the alert is over.
type SlowStoring struct {
	DSN string
	// Prices come one by one, Rate of them a second.
	Prices []market.Tick
	Rate   float64
	// Hold is how long the prices are locked each time that Every has passed.
	Hold, Every time.Duration
	// Back is how far back the rule looks.
	Back time.Duration
}

// SlowStoring returns the trouble. Before it nothing is stored for as long as
// the rule looks back, so that it is there with the first price that was stored
// slowly. It is over when nobody has locked the prices
// for as long as the rule looks back.
func (m *Market) SlowStoring(s SlowStoring) Alarm {
	var storing, locking func() error
	lock := func(ctx context.Context) error {
		hold, err := holdPrices(ctx, s.DSN)
		if err != nil {
			return err
		}
		pause(ctx, s.Hold)
		return hold.Release(ctx)
	}
	return Alarm{
		Before: func(ctx context.Context) error {
			pause(ctx, s.Back)
			return ctx.Err()
		},
		Begin: func(ctx context.Context) error {
			hold, err := holdPrices(ctx, s.DSN)
			if err != nil {
				return err
			}
			var stored atomic.Int64
			storing = m.keepStoring(ctx, s, &stored)
			pause(ctx, s.Hold)
			if err := hold.Release(context.WithoutCancel(ctx)); err != nil {
				return err
			}
			first := wait{limit: changePatience}
			if err := first.until(ctx, func(context.Context) (bool, error) { return stored.Load() > 0, nil }); err != nil {
				return err
			}
			if !first.told {
				return errors.New("storing prices slowly: none was stored")
			}
			locking = repeatedly(ctx, s.Every, lock)
			return ctx.Err()
		},
		End: func(ctx context.Context) error {
			err := locking()
			pause(ctx, s.Back)
			return err
		},
		Done: func() error {
			if storing == nil { // it never began
				return nil
			}
			return storing()
		},
	}
}

// storers is how many prices may be under way at once while storing is slow.
const storers = 64

// keepStoring has the prices come and counts those that are stored, until the
// returned function is called.
func (m *Market) keepStoring(ctx context.Context, s SlowStoring, stored *atomic.Int64) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { // ends with stop, which waits for it
		result, err := load.Open(ctx, load.Plan{
			Schedule: load.Constant(s.Rate, time.Duration(float64(len(s.Prices))/s.Rate*float64(time.Second))),
			Workers:  storers,
			Do: func(ctx context.Context, i int, _ time.Time) error {
				err := m.post(context.WithoutCancel(ctx), "/api/ticks", ticks{Ticks: []instant{wire(s.Prices[i])}}, nil)
				if err == nil {
					stored.Add(1)
				}
				return err
			},
		})
		switch {
		case result.Failed > 0:
			err = fmt.Errorf("storing prices slowly: %d were not stored: %w", result.Failed, result.First)
		case err == nil:
			err = errors.New("storing prices slowly: there were too few prices")
		case errors.Is(err, context.Canceled):
			err = nil // as stop asks
		}
		ended <- err
	}()
	return func() error {
		cancel()
		return <-ended
	}
}
