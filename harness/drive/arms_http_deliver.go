package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// deliveryPatience is how long a price may take to reach everybody before a
// comparison gives up: what is lost has no time that could be compared.
const deliveryPatience = 5 * time.Second

// Deliver seats traders and returns the workload of bringing prices to all of
// them: a unit of work is one burst, from the request that stores it to the
// moment at which the last trader has the last of its prices; then follows the
// next one. Trials begin as those of Store do. Leave ends the lines of the
// traders.
func (r *Release) Deliver(ctx context.Context, traders, burst int, begin func() *market.Ticks) (w Workload, leave func(), err error) {
	w, take, err := r.growing(ctx, fmt.Sprintf("POST /api/ticks with %d prices, until %d lines of /ws have them", burst, traders), burst, begin)
	if err != nil {
		return Workload{}, nil, err
	}
	gallery, err := r.market.Seat(ctx, traders, 0)
	if err != nil {
		return Workload{}, nil, fmt.Errorf("the %s release: %w", r.Name, err)
	}
	w.Run = func(ctx context.Context, n int) (time.Duration, error) {
		return r.deliver(ctx, gallery, take(n*burst), burst)
	}
	return w, gallery.Leave, nil
}

// deliver times the prices, burst by burst.
func (r *Release) deliver(ctx context.Context, g *Gallery, prices []market.Tick, burst int) (time.Duration, error) {
	requests, err := r.batches(prices, burst)
	if err != nil {
		return 0, err
	}
	tape := newTape(prices)
	g.follow(tape)
	l, err := openLine(ctx, r.base)
	if err != nil {
		return 0, fmt.Errorf("the %s release: %w", r.Name, err)
	}
	defer l.close()
	start := time.Now()
	for i, q := range requests {
		if err := l.ask(q); err != nil {
			return 0, fmt.Errorf("burst %d of %d to the %s release: %w", i+1, len(requests), r.Name, err)
		}
		due := int64((i + 1) * burst * g.Len())
		tape.await(ctx, due, deliveryPatience)
		if arrived := tape.arrived.Load(); arrived < due {
			return 0, fmt.Errorf("the %s release delivered %d of the %d prices that were due to %d traders", r.Name, arrived, due, g.Len())
		}
	}
	took := time.Since(start)
	if wrong := g.witnessed(tape, 0, 0)["prices delivered wrong"].Share; wrong != nil && wrong.Hits > 0 {
		return 0, fmt.Errorf("the %s release delivered %d prices that were not offered like that", r.Name, wrong.Hits)
	}
	return took, ctx.Err()
}
