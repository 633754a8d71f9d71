package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// Through returns the workload of storing prices in batches of size through
// the service that works on the database of the side: one client, a request
// for each batch, each waiting for the answer to the one before. What the
// service is spared is nothing: the request is written, sent, read, checked,
// stored and answered while the clock runs; only the prices are made
// beforehand. A unit of work is one batch. The settings tell the durability with
// which the service is seen to store; see Side.durability.
func (s *Side) Through(ctx context.Context, m *Market, size int, next func() market.Tick) (Workload, error) {
	if size < 1 {
		return Workload{}, fmt.Errorf("storing prices in batches of %d through the service: want at least 1", size)
	}
	recheck := func(ctx context.Context) (map[string]string, error) {
		return s.durability(ctx, func(ctx context.Context, _ int) error {
			_, err := m.send(ctx, 1, size, next)
			return err
		})
	}
	settings, err := recheck(ctx)
	if err != nil {
		return Workload{}, err
	}
	return Workload{
		Name:     "service",
		Text:     fmt.Sprintf("POST /api/ticks with %d prices", size),
		Rows:     int64(len(s.stored)),
		Settings: settings,
		Observe:  s.observer(ctx),
		Recheck:  recheck,
		Reset:    s.reset,
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			return m.send(ctx, n, size, next)
		},
	}, nil
}

func (m *Market) send(ctx context.Context, n, size int, next func() market.Tick) (time.Duration, error) {
	bodies := make([]ticks, n)
	for i := range bodies {
		bodies[i].Ticks = make([]instant, size)
		for j := range bodies[i].Ticks {
			bodies[i].Ticks[j] = wire(next())
		}
	}
	start := time.Now()
	for i, body := range bodies {
		var answer struct {
			Stored int `json:"stored"`
		}
		if err := m.post(ctx, "/api/ticks", body, &answer); err != nil {
			return 0, fmt.Errorf("storing batch %d of %d through the service: %w", i+1, n, err)
		}
		if answer.Stored != size {
			return 0, fmt.Errorf("storing batch %d of %d through the service: %d of %d prices were kept", i+1, n, answer.Stored, size)
		}
	}
	return time.Since(start), nil
}

// DSN is the address of the side's database.
func (s *Side) DSN() string { return s.conn.Config().ConnString() }
