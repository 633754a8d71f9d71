package drive

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

const latestCurrent = `SELECT at, trade, price, volume FROM ticks WHERE instrument_id = $1 ORDER BY at DESC, trade DESC LIMIT 1`

// Supply is where the operations of a workload get their connections from.
type Supply string

// The supplies that are compared.
const (
	// NoPool opens a connection for each operation and closes it.
	NoPool Supply = "no pool"
	// UntunedPool is what a newcomer gets from pgxpool: four connections or as
	// many as there are cores, opened when they are first needed, with
	// statements that are prepared on first use.
	UntunedPool Supply = "untuned pool"
	// TunedPool is what the service does: a chosen number of connections, all
	// of them open before the first operation and kept.
	TunedPool Supply = "tuned pool"
)

// Serve returns the workload of so many clients at a time, each of which stores
// a price and reads the latest of its instrument, over connections from the
// supply; connections is the size of a tuned pool. A unit of work is one
// operation. Each trial begins with what Fill stored. All supplies have the
// settings of the side, and their durability with it. Whoever asks for it calls
// done in the end.
func (s *Side) Serve(ctx context.Context, supply Supply, connections, clients int, next func() market.Tick) (w Workload, done func(), err error) {
	settings, err := s.settings(ctx)
	if err != nil {
		return Workload{}, nil, err
	}
	plan, err := s.explain(ctx, latestCurrent, s.ids[s.stored[0].Symbol])
	if err != nil {
		return Workload{}, nil, err
	}
	operate, done, err := s.supplied(ctx, supply, connections)
	if err != nil {
		return Workload{}, nil, fmt.Errorf("opening the %s: %w", supply, plain(err))
	}
	return Workload{
		Name: string(supply), Text: s.layout.insert + ";\n" + latestCurrent, Plan: plan,
		Rows: int64(len(s.stored)), Settings: settings, Reset: s.reset,
		Observe: s.observer(ctx), Recheck: s.settings,
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			prices := make([]market.Tick, n)
			for i := range prices {
				prices[i] = next()
			}
			result, err := load.Closed(ctx, load.ClosedPlan{
				Workers: clients, Count: int64(n),
				Do: func(ctx context.Context, _, i int) error { return operate(ctx, prices[i]) },
			})
			if err == nil && result.Failed > 0 {
				err = plain(result.First)
			}
			if err != nil {
				return 0, fmt.Errorf("serving %d clients over the %s: %w", clients, supply, err)
			}
			return result.Elapsed, nil
		},
	}, done, nil
}

// supplied returns one operation over connections from the supply. All
// supplies have the session settings of the side.
func (s *Side) supplied(ctx context.Context, supply Supply, connections int) (func(context.Context, market.Tick) error, func(), error) {
	config, err := pgxpool.ParseConfig(s.conn.Config().ConnString())
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(config.ConnConfig.RuntimeParams, steady())
	config.ConnConfig.DialFunc = load.Dial
	if supply == NoPool {
		return func(ctx context.Context, p market.Tick) error {
			conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			return s.operate(ctx, conn, p)
		}, func() {}, nil
	}
	if supply == TunedPool {
		config.MaxConns, config.MinConns = int32(connections), int32(connections)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	if supply == TunedPool {
		if err := openAll(ctx, pool, connections); err != nil {
			pool.Close()
			return nil, nil, err
		}
	}
	return func(ctx context.Context, p market.Tick) error {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		return s.operate(ctx, conn.Conn(), p)
	}, pool.Close, nil
}

// openAll opens every connection of a pool.
func openAll(ctx context.Context, pool *pgxpool.Pool, connections int) error {
	var open []*pgxpool.Conn
	defer func() {
		for _, conn := range open {
			conn.Release()
		}
	}()
	for range connections {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		open = append(open, conn)
	}
	return nil
}

// operate stores one price and reads the latest of its instrument.
func (s *Side) operate(ctx context.Context, conn *pgx.Conn, p market.Tick) error {
	tag, err := conn.Exec(ctx, s.layout.insert, s.batch([]market.Tick{p})...)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != 1 {
		return finding("a price was not kept")
	}
	var read market.Tick
	return conn.QueryRow(ctx, latestCurrent, s.ids[p.Symbol]).Scan(&read.At, &read.Trade, &read.Price, &read.Volume)
}
