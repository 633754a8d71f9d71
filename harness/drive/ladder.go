package drive

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// The ways to hand a batch of prices to a database, from the one that most
// programs begin with to the one that its manual praises.
const (
	// Single is a statement and a transaction for each price.
	Single = "single"
	// Transaction is a statement for each price, each waiting for the one
	// before, in one transaction.
	Transaction = "transaction"
	// Batch is a statement for each price, sent together, in one transaction.
	Batch = "batch"
	// MultiRow is one statement with a list of values for each price.
	MultiRow = "multi-row"
	// Unnest is one statement with an array for each column.
	Unnest = "unnest"
	// Copy streams the prices in binary form.
	Copy = "copy"
)

// Methods are the names of those that are worth a look for batches of size, in
// that order: a single price is a batch of 1, which needs neither a transaction
// around it nor a list. Size 0 is all of them.
func Methods(size int) []string {
	switch size {
	case 0:
		return []string{Single, Transaction, Batch, MultiRow, Unnest, Copy}
	case 1:
		return []string{Single, Unnest, Copy}
	default:
		return []string{Transaction, Batch, MultiRow, Unnest, Copy}
	}
}

// rung is a method on one side. Its last two fields are what the evidence
// shows; ready does all that can be done for a batch before the clock runs.
type rung struct {
	ready func(prices []market.Tick) sending
	text  string
	plan  bool // the server has a plan for text, taken with the arguments of first
	first []any
}

// sending sends a batch that was made ready and returns how many of its prices
// were kept.
type sending func(ctx context.Context) (kept int64, err error)

// StoreBy returns the workload of storing prices in batches of size by one of
// the methods. A unit of work is one batch, which is one transaction unless the
// method is Single. The prices come from next, which must never repeat one.
//
// The baseline refuses a price that it has, and the current side passes over
// it. COPY cannot pass over anything: on the current side it fills a table of
// the session, from which one statement stores what is new, while the baseline
// takes it as it is. Neither is spared what it needs in use.
func (s *Side) StoreBy(ctx context.Context, method string, size int, next func() market.Tick) (Workload, error) {
	if size < 1 {
		return Workload{}, fmt.Errorf("storing prices in batches of %d on the %s side: want at least 1", size, s.Name)
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return Workload{}, err
	}
	r, err := s.rung(ctx, method, size)
	if err != nil {
		return Workload{}, err
	}
	var plan string
	if r.plan {
		if plan, err = s.explain(ctx, r.text, r.first...); err != nil {
			return Workload{}, err
		}
	}
	return Workload{
		Name:     s.Name,
		Alone:    true,
		Text:     r.text,
		Plan:     plan,
		Rows:     int64(len(s.stored)),
		Settings: settings,
		Observe:  s.observer(ctx),
		Recheck:  s.settings,
		Reset:    s.reset,
		Run: func(ctx context.Context, n int) (time.Duration, error) {
			return s.send(ctx, n, size, next, r.ready)
		},
	}, nil
}

// send times n batches. They are made ready beforehand: the clock runs for the
// database, not for the generator.
func (s *Side) send(ctx context.Context, n, size int, next func() market.Tick, ready func([]market.Tick) sending) (time.Duration, error) {
	batches := make([]sending, n)
	for i := range batches {
		prices := make([]market.Tick, size)
		for j := range prices {
			prices[j] = next()
		}
		batches[i] = ready(prices)
	}
	uninterrupted := context.WithoutCancel(ctx) // no watcher goroutine beside each statement
	start := time.Now()
	for i, b := range batches {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		kept, err := b(uninterrupted)
		if err != nil {
			return 0, fmt.Errorf("storing batch %d of %d on the %s side: %w", i+1, n, s.Name, plain(err))
		}
		if kept != int64(size) {
			return 0, fmt.Errorf("storing batch %d of %d on the %s side: %d of %d prices were kept", i+1, n, s.Name, kept, size)
		}
	}
	return time.Since(start), nil
}

// rung finds a method.
func (s *Side) rung(ctx context.Context, method string, size int) (rung, error) {
	one := s.stored[:min(1, len(s.stored))]
	switch method {
	case Single, Transaction, Batch:
		r := rung{text: s.insertRows(1), plan: len(one) > 0, ready: map[string]func([]market.Tick) sending{
			Single: s.singly, Transaction: s.together, Batch: s.pipelined,
		}[method]}
		if r.plan {
			r.first = s.row(one[0])
		}
		return r, nil
	case MultiRow:
		return s.multiRow(size)
	case Unnest:
		return rung{
			text: s.layout.insert, plan: true, first: s.batch(s.stored[:min(size, len(s.stored))]),
			ready: func(prices []market.Tick) sending { return s.statement(s.layout.insert, s.batch(prices)) },
		}, nil
	case Copy:
		return s.copying(ctx)
	}
	return rung{}, fmt.Errorf("storing prices by %q on the %s side: choose one of %s", method, s.Name, strings.Join(Methods(0), ", "))
}
