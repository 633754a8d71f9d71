package drive

import (
	"context"
	"errors"
	"sync"
)

// BusyPool is the trouble that every connection of a service to its database
// is in use: the rush's prices, one for each connection, wait in the database
// until the trouble ends. Nobody else comes.
func (m *Market) BusyPool(r Rush) Alarm {
	var hold Hold
	var held sync.WaitGroup
	c := &crowd{rush: r, ledger: NewLedger(r.Prices), market: NewMarket(m.base, r.Connections)}
	c.market.http.Timeout = 0 // each request has its own
	end := func(ctx context.Context) error {
		defer c.market.Close()
		defer held.Wait()
		return hold.Release(ctx)
	}
	begin := func(ctx context.Context) (err error) {
		if hold, err = r.Hold(ctx); err != nil {
			return err
		}
		for i := range r.Prices {
			held.Go(func() { c.store(ctx, i, 2*patience) })
		}
		if err := c.awaitHeld(ctx, hold); err != nil {
			return errors.Join(err, end(context.WithoutCancel(ctx)))
		}
		return nil
	}
	return Alarm{Begin: begin, End: end}
}
