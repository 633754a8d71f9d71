package drive

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// Release is one of two running versions of the service that are compared over
// the wire, each on a database of its own. What it does for its users becomes
// the workload of one arm of an experiment: how it does it is its own affair.
type Release struct {
	Name string // "baseline" or "current"

	market *Market
	base   string
	dsn    string
	side   *Side // the harness's own connection to the database
	rows   int64 // that Stock stored
	stock  Enquiry
}

// OpenRelease takes over a service that listens at base, such as
// "http://127.0.0.1:8080", and that has its database at dsn to itself.
func OpenRelease(ctx context.Context, name, base, dsn string) (*Release, error) {
	conn, err := connect(ctx, dsn, fmt.Sprintf("opening the database of the %s release", name))
	if err != nil {
		return nil, err
	}
	return &Release{
		Name:   name,
		market: NewMarket(base, 1),
		base:   base,
		dsn:    dsn,
		side:   &Side{Name: name, conn: conn},
	}, nil
}

// Close ends the connections of the harness; the service goes on.
func (r *Release) Close(ctx context.Context) error {
	r.market.Close()
	return r.side.Close(ctx)
}

// Stock lists the instruments, has the service store prices and bars, and keeps
// a copy of what it stored: each trial of a workload that writes begins with
// that very state. Afterwards it leaves the database quiet.
func (r *Release) Stock(ctx context.Context, prices []market.Tick, bars []market.Bar, symbols []string) error {
	r.stock = Enquiry{Prices: prices, Bars: bars, Symbols: symbols}
	if err := r.market.List(ctx, symbols); err != nil {
		return fmt.Errorf("the %s release: %w", r.Name, err)
	}
	if err := r.market.supply(ctx, r.stock); err != nil {
		return fmt.Errorf("the %s release: %w", r.Name, err)
	}
	if err := r.keep(ctx); err != nil {
		return fmt.Errorf("keeping what the %s release stored: %w", r.Name, plain(err))
	}
	if r.rows < int64(len(prices)) {
		return fmt.Errorf("stocking the %s release: of %d prices that it acknowledged, %d rows are stored", r.Name, len(prices), r.rows)
	}
	return r.side.settle(ctx)
}

// keep copies the stored prices into a schema that the service does not look at.
func (r *Release) keep(ctx context.Context) error {
	const priceTable = `SELECT coalesce(to_regclass('ticks'), to_regclass('market_data'))::text`
	var table *string
	if err := r.side.conn.QueryRow(ctx, priceTable).Scan(&table); err != nil {
		return err
	}
	if table == nil {
		return finding("there is neither a table ticks nor a table market_data")
	}
	r.side.layout.table = *table
	for _, sql := range []string{"CREATE SCHEMA signoff_kept", "CREATE TABLE signoff_kept.prices AS TABLE " + *table} {
		if _, err := r.side.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return r.side.conn.QueryRow(ctx, "SELECT count(*) FROM signoff_kept.prices").Scan(&r.rows)
}

// restore brings back the prices that Stock stored, and nothing else. The
// server copies them, so that both releases get the same rows in the same order
// whatever they would make of them.
func (r *Release) restore(ctx context.Context) error {
	table := r.side.layout.table
	err := pgx.BeginFunc(ctx, r.side.conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"TRUNCATE " + table,
			"INSERT INTO " + table + " OVERRIDING SYSTEM VALUE TABLE signoff_kept.prices",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring what the %s release stored: %w", r.Name, plain(err))
	}
	return r.side.settle(ctx)
}

// workload is one arm that sends requests. The settings are those that a new
// session on the database has; what a service sets for its own sessions is part
// of what is compared, and what it acknowledges is looked at by storing.
func (r *Release) workload(ctx context.Context, text string) (Workload, error) {
	settings, err := r.side.settings(ctx)
	if err != nil {
		return Workload{}, err
	}
	return Workload{
		Name: r.Name, Text: text, Rows: r.rows, Settings: settings,
		Observe: r.side.observer(ctx), Recheck: r.side.settings,
	}, nil
}

// Store returns the workload of storing prices in batches of size: a unit of
// work is one batch, sent as one request when the one before is answered. Each
// trial begins with what Stock stored and with the market that begin returns,
// so that both releases store the same prices in the same order, and tables of
// the same size grow by the same number of rows in every pair. No price is ever
// stored twice within a trial. The settings tell the durability with which the
// release is seen to store such batches; see Side.durability.
func (r *Release) Store(ctx context.Context, size int, begin func() *market.Ticks) (Workload, error) {
	w, take, err := r.growing(ctx, fmt.Sprintf("POST /api/ticks with %d prices", size), size, begin)
	if err != nil {
		return Workload{}, err
	}
	w.Run = func(ctx context.Context, n int) (time.Duration, error) {
		requests, err := r.batches(take(n*size), size)
		if err != nil {
			return 0, err
		}
		return r.inTurn(ctx, requests)
	}
	return w, nil
}

// growing is the part that all arms have which store batches of size. Take
// returns the next prices of the trial.
func (r *Release) growing(ctx context.Context, text string, size int, begin func() *market.Ticks) (w Workload, take func(n int) []market.Tick, err error) {
	if w, err = r.workload(ctx, text); err != nil {
		return Workload{}, nil, err
	}
	w.Recheck = func(ctx context.Context) (map[string]string, error) {
		requests, err := r.batches(begin().Take((1+flushProbes)*size), size)
		if err != nil {
			return nil, err
		}
		settings, err := r.side.durability(ctx, func(ctx context.Context, i int) error {
			_, err := r.inTurn(ctx, requests[i:i+1])
			return err
		})
		if err != nil {
			return nil, err
		}
		return settings, r.restore(ctx)
	}
	if w.Settings, err = w.Recheck(ctx); err != nil {
		return Workload{}, nil, err
	}
	next := begin()
	w.Reset = func(ctx context.Context) error {
		next = begin()
		return r.restore(ctx)
	}
	return w, func(n int) []market.Tick { return next.Take(n) }, nil
}

// batches are the requests that store prices, size at a time.
func (r *Release) batches(prices []market.Tick, size int) ([]request, error) {
	var requests []request
	for from := 0; from < len(prices); from += size {
		q, err := r.storing(prices[from : from+size])
		if err != nil {
			return nil, err
		}
		requests = append(requests, q)
	}
	return requests, nil
}

// storing is the request that stores prices.
func (r *Release) storing(prices []market.Tick) (request, error) {
	body := ticks{Ticks: make([]instant, len(prices))}
	for i, p := range prices {
		body.Ticks[i] = wire(p)
	}
	return newRequest(http.MethodPost, r.base+"/api/ticks", body)
}

// Health returns the workload of telling a monitor about the health: a unit of
// work is one answer.
func (r *Release) Health(ctx context.Context) (Workload, error) {
	w, err := r.workload(ctx, "GET /api/health")
	if err != nil {
		return Workload{}, err
	}
	question, err := newRequest(http.MethodGet, r.base+"/api/health", nil)
	w.Run = func(ctx context.Context, n int) (time.Duration, error) {
		requests := make([]request, n)
		for i := range requests {
			requests[i] = question
		}
		return r.inTurn(ctx, requests)
	}
	return w, err
}

// inTurn sends requests one after the other on a connection of their own, and
// returns how long that took. The connection is made, and the requests are
// written, before the clock starts: it runs for the service and the wire.
func (r *Release) inTurn(ctx context.Context, requests []request) (time.Duration, error) {
	l, err := openLine(ctx, r.base)
	if err != nil {
		return 0, fmt.Errorf("the %s release: %w", r.Name, err)
	}
	defer l.close()
	start := time.Now()
	for i, q := range requests {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err := l.ask(q); err != nil {
			return 0, fmt.Errorf("request %d of %d to the %s release: %w", i+1, len(requests), r.Name, err)
		}
	}
	return time.Since(start), nil
}
