package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

func poolSteps() []Definition {
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^([\d,]+) prices of ([\d,]+) instruments, stored in two equal systems$`,
			Example: "20,000 prices of 200 instruments, stored in two equal systems",
			Help:    "Builds two databases with the newest schema and the same prices, side by side on the same server, so that two ways to reach them can be compared.",
			Do:      storedTwice,
		},
		{
			Keyword: "Given",
			Pattern: `^a market of ([\d,]+) instruments?, served over ([\d,]+) connections? to its database$`,
			Example: "a market of 20 instruments, served over 2 connections to its database",
			Help:    "Like a market of that many instruments, with a service that may open so many connections for its requests.",
			Do:      aMarketOverConnections,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) clients store and read prices (without a pool|over an untuned pool), and over a pool of ([\d,]+) connections kept open$`,
			Example: "16 clients store and read prices without a pool, and over a pool of 16 connections kept open",
			Help:    "Each of the clients stores a price and reads the latest of its instrument, over and over, in interleaved pairs of the two ways. Without a pool each time opens a connection of its own. An untuned pool is what a newcomer gets from pgxpool: four connections or one for each core, whichever is more, opened when first needed. Statements, session settings and durability are the same on both sides.",
			Yields:  []Yield{{"pool throughput", "× baseline", Pairs}},
			Do:      poolsCompared,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+(?:, [\d,]+)* and [\d,]+) clients use the service over 1 to ([\d,]+) connections, ([\d,]+) times each$`,
			Example: "4, 16 and 64 clients use the service over 1 to 64 connections, 3 times each",
			Help:    "Starts the service with 1, 2, 4 … connections for its requests, in an order by coin that differs in each round, and lets each number of clients store and read prices as fast as they are answered. Medians are compared. The recommended size is the smallest that comes within a tenth of the best throughput for every number of clients. Then the pool that the service takes by itself is compared, in interleaved pairs, with the size that it falls farthest behind, for the number of clients with which it does.",
			Yields: []Yield{
				{"recommended pool size", "", Amount}, {"throughput at the recommended size", "%", Amount}, {"decline at the largest pool", "%", Amount}, {"operations that failed", "", Share},
				{"throughput with the service's own pool", "× baseline", Pairs},
			},
			Do: poolsSwept,
		},
		{
			Keyword: "When",
			Pattern: `^([\d,]+) prices and ([\d,]+) questions come while each of the ([\d,]+) connections is kept busy$`,
			Example: "40 prices and 40 questions come while each of the 2 connections is kept busy",
			Help:    "Locks the prices in the database until a request waits on every connection of the service, sends the others at once, and gives the lock back when all of them were answered, or lost their patience after 15 s. Then waits until a price is stored again. A refusal is clear if it has the code busy, the form of every refusal, and the time after which to try again.",
			Yields: []Yield{
				{"requests not refused clearly", "", Share}, {"requests without an answer", "", Share}, {"time until the last refusal", "s", Amount},
				{"liveness answers missed", "", Share}, {"health answers missed", "", Share}, {"health answer", "ms", Histogram},
				{"time until the service recovers", "s", Amount}, {"refused prices stored", "", Share},
				{"acknowledged prices lost", "", Share}, {"prices stored twice", "", Share}, {"prices from nowhere", "", Share}, {"prices stored wrong", "", Share},
			},
			Do: connectionsBusy,
		},
	}
}

func storedTwice(ctx context.Context, prices, instruments string) error {
	return worldFrom(ctx).storeTwice(ctx, prices, instruments, currentTemplate, drive.Current)
}

func aMarketOverConnections(ctx context.Context, instruments, connections string) error {
	w := worldFrom(ctx)
	n, err := numbers(instruments, connections)
	if err != nil {
		return err
	}
	dsn, err := w.bench.database(ctx, w, currentTemplate)
	if err != nil {
		return err
	}
	if err := w.start(ctx, dsn, "--connections", strconv.Itoa(n[1])); err != nil {
		return err
	}
	return w.list(ctx, n[0])
}

func poolsCompared(ctx context.Context, clients, way, connections string) error {
	w := worldFrom(ctx)
	n, err := numbers(clients, connections)
	if err != nil {
		return err
	}
	if w.baseline == nil {
		return errNoSides
	}
	supply := drive.NoPool
	if strings.Contains(way, "untuned") {
		supply = drive.UntunedPool
	}
	baseline, err := w.supply(ctx, w.baseline, supply, n[1], n[0])
	if err != nil {
		return err
	}
	current, err := w.supply(ctx, w.current, drive.TunedPool, n[1], n[0])
	if err != nil {
		return err
	}
	return w.compare(ctx, "pool throughput", "operations/s", 1, measure.LeastBlock, baseline, current)
}

// supply opens one way to serve clients; both sides are given the same prices,
// later ones than those that they hold.
func (w *world) supply(ctx context.Context, side *drive.Side, supply drive.Supply, connections, clients int) (drive.Workload, error) {
	served, done, err := side.Serve(ctx, supply, connections, clients, w.generator(w.bench.opening().Add(time.Hour)).Next)
	if err != nil {
		return drive.Workload{}, err
	}
	w.later(func(context.Context) error { done(); return nil })
	return served, nil
}

func poolsSwept(ctx context.Context, clients, largest, times string) error {
	w := worldFrom(ctx)
	n, err := numbers(strings.Split(strings.ReplaceAll(clients, " and ", ", "), ", ")...)
	if err != nil {
		return err
	}
	rest, err := numbers(largest, times)
	if err != nil {
		return err
	}
	if w.prices == nil {
		return errNoMarket
	}
	sweep, own, err := drive.SweepPool(ctx, drive.PoolTrial{
		Sizes: drive.Doublings(rest[0]), Clients: n, Repeats: rest[1], For: readingTime, Seed: w.seed,
		Start: w.pooled, Next: w.prices.Next,
		Progress: func(done, of int) { w.bench.doing("pool sizes: reading %d of %d", done, of) },
	})
	if err != nil {
		return err
	}
	w.bench.charts = append(w.bench.charts, poolCharts(w.record.ID, sweep, own)...)
	if err := w.measures.Add(sweep.Measures()); err != nil {
		return err
	}
	return w.ownPool(ctx, sweep, own)
}

// ownPool compares the pool that the service takes by itself with its rival.
func (w *world) ownPool(ctx context.Context, sweep drive.PoolSweep, own int) error {
	size, clients := sweep.Rival(own)
	var served [2]drive.Served
	for i, connections := range [2]int{size, own} {
		base, stop, err := w.pooled(ctx, connections)
		if err != nil {
			return err
		}
		w.later(stop)
		m := drive.NewMarket(base, clients)
		w.later(func(context.Context) error { m.Close(); return nil })
		served[i] = drive.Served{Name: fmt.Sprintf("%d connections", connections), Market: m}
	}
	arms, done, err := drive.Serve(ctx, w.database, clients, w.prices.Next, served[:]...)
	if err != nil {
		return err
	}
	w.later(done)
	return w.compare(ctx, "throughput with the service's own pool", "operations/s", 1, writeBlock, arms[0], arms[1])
}

// readingTime is how long one size of a pool is read at a time. Drift over a
// longer time is met by the order of the readings.
const readingTime = 600 * time.Millisecond

// pooled starts a service with so many connections beside the scenario's own.
func (w *world) pooled(ctx context.Context, connections int) (string, func(context.Context) error, error) {
	var args []string
	if connections > 0 {
		args = []string{"--connections", strconv.Itoa(connections)}
	}
	service, err := environ.StartService(ctx, environ.ServiceOptions{Path: w.bench.config.Service, DSN: w.database, Args: args, Guard: w.bench.config.Postgres})
	if err != nil {
		return "", nil, fmt.Errorf("starting the service: %w", err)
	}
	return service.URL(), service.Stop, nil
}

func connectionsBusy(ctx context.Context, prices, questions, connections string) error {
	w := worldFrom(ctx)
	n, err := numbers(prices, questions, connections)
	if err != nil {
		return err
	}
	if w.prices == nil {
		return errNoMarket
	}
	seen, ledger, err := w.market.Rush(ctx, drive.Rush{
		Connections: n[2], Questions: n[1],
		Prices: w.prices.Take(1 + n[2] + n[0] + 1), // one before, one for each connection, one after
		Hold:   func(ctx context.Context) (drive.Hold, error) { return drive.HoldPrices(ctx, w.database) },
	})
	if err != nil {
		return err
	}
	kept, err := drive.RefusedAndStored(ctx, w.database, ledger)
	return errors.Join(err, w.measures.Add(seen), w.measures.Add(kept), w.loss(ctx, ledger))
}
