package main

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
)

// pools are the connections of serve, but for those that a room opens for
// itself.
type pools struct{ served, watching, managing *pgxpool.Pool }

func openPools(ctx context.Context, config *pgxpool.Config, o serveOptions, queries *monitor.Recorder) (p pools, err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.served, err = openPool(ctx, servedPool(config, o, queries)); err != nil {
		return p, err
	}
	if p.watching, err = monitor.OpenPool(ctx, o.database); err != nil {
		return p, err
	}
	p.managing, err = openPool(ctx, managerPool(config))
	return p, err
}

func (p pools) close() {
	for _, pool := range []*pgxpool.Pool{p.managing, p.watching, p.served} {
		if pool != nil {
			pool.Close()
		}
	}
}

// servedTracer times the statements of the served pool and bounds the wait for
// its connections.
type servedTracer struct {
	*monitor.Recorder
	*market.Admission
}

func servedPool(config *pgxpool.Config, o serveOptions, queries *monitor.Recorder) *pgxpool.Config {
	config = config.Copy()
	// All connections are kept: the first rush of a day should not pay for
	// opening them.
	config.MaxConns, config.MinConns = o.connections, o.connections
	config.ConnConfig.Tracer = servedTracer{queries, &market.Admission{Wait: o.wait, Waiting: o.waiting}}
	maps.Copy(config.ConnConfig.RuntimeParams, servedSettings())
	// An answer promises durability: a server that is set to forget its last
	// commits in a crash may not do so for ours.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `select set_config('synchronous_commit', 'on', false)
			where current_setting('synchronous_commit') = 'off'`)
		return err
	}
	return config
}

// servedSettings are those of every session that serves requests.
func servedSettings() map[string]string {
	return map[string]string{
		"statement_timeout": "10s",
		// A sum over many days is summed within each partition first.
		"enable_partitionwise_aggregate": "on",
		// The register of instruments is small and always in memory. At the
		// default cost its foreign key is checked by reading all of it for each
		// row; through its index a batch of 1000 is stored half as fast again.
		"random_page_cost": "1.1",
	}
}
