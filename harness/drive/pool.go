package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Rush is a crowd that comes while every connection of a service to its
// database is kept busy.
type Rush struct {
	// Connections is how many the service has.
	Connections int
	// Prices come first: one to see that the service works, then one for each
	// connection to be busy with, then those of the crowd, and one to see that
	// the service works again. The trade numbers follow each other.
	Prices []market.Tick
	// Questions is how many of the crowd ask for the latest price.
	Questions int
	// Hold keeps statements of the service waiting in the database.
	Hold func(ctx context.Context) (Hold, error)
	// Patience is how long one of the crowd waits for an answer, and how long
	// the recovery is waited for; zero is 15 s.
	Patience time.Duration
}

// Hold keeps what a service does in its database waiting.
type Hold interface {
	// Waiting counts the writes that are waiting.
	Waiting(ctx context.Context) (int, error)
	// Release lets all of them go on.
	Release(ctx context.Context) error
}

// Rush sends the crowd and lets the connections go when the last of it was
// answered, or has lost its patience. It yields
//
//   - "requests not refused clearly", counted of the crowd: all but those that
//     were answered with code busy, in the form of every refusal, with the time
//     after which to try again;
//   - "requests without an answer", counted of the crowd;
//   - "time until the last refusal" in seconds, after the crowd came; what was
//     never answered counts with the whole patience;
//   - "liveness answers missed" and "health answers missed", of those asked
//     meanwhile, and "health answer" in milliseconds;
//   - "time until the service recovers" in seconds: from the moment the
//     connections were let go to the first price stored.
//
// The ledger has all prices: a refused one may not be stored.
func (m *Market) Rush(ctx context.Context, r Rush) (measure.Set, *Ledger, error) {
	if len(r.Prices) < r.Connections+2 || r.Connections < 1 {
		return nil, nil, fmt.Errorf("rushing at a service of %d connections with %d prices: too few", r.Connections, len(r.Prices))
	}
	if r.Patience == 0 {
		r.Patience = patience
	}
	crowd := &crowd{rush: r, ledger: NewLedger(r.Prices), market: NewMarket(m.base, len(r.Prices)+r.Questions)}
	crowd.market.http.Timeout = 0 // each request has its own
	defer crowd.market.Close()
	if first := crowd.store(ctx, 0, patience); !first.stored() {
		return nil, nil, fmt.Errorf("storing a price before the rush: %w", first.problem())
	}
	seen, err := m.besiege(ctx, crowd)
	return seen, crowd.ledger, err
}

// besiege keeps the connections busy, has the crowd come, and lets go.
func (m *Market) besiege(ctx context.Context, c *crowd) (measure.Set, error) {
	hold, err := c.rush.Hold(ctx)
	if err != nil {
		return nil, err
	}
	var held sync.WaitGroup
	defer held.Wait()
	release := sync.OnceValue(func() error { return hold.Release(context.WithoutCancel(ctx)) })
	defer func() { _ = release() }() // before the wait; its error is returned below where it counts
	for i := 1; i <= c.rush.Connections; i++ {
		held.Go(func() { c.store(ctx, i, 2*c.rush.Patience+patience) })
	}
	if err := c.awaitHeld(ctx, hold); err != nil {
		return nil, err
	}
	w := watcher{market: m, answer: measure.NewHistogram()}
	watching, err := w.during(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the health before the rush: %w", err)
	}
	seen := c.come(ctx)
	if err := watching(); err != nil {
		return nil, fmt.Errorf("asking for the health during the rush: %w", err)
	}
	if err := release(); err != nil {
		return nil, err
	}
	recovery := wait{limit: c.rush.Patience}
	err = recovery.until(ctx, func(ctx context.Context) (bool, error) {
		return c.store(ctx, len(c.rush.Prices)-1, c.rush.Patience).stored(), nil
	})
	seen["time until the service recovers"] = recovery.measure()
	seen["liveness answers missed"] = measure.Value{Share: &w.dead}
	seen["health answers missed"] = measure.Value{Share: &w.missed}
	seen["health answer"] = measure.Value{Unit: measure.Milliseconds, Histogram: w.answer}
	return seen, err
}

// during asks for the health at once, and then until the returned function is
// called, which says what kept it from being asked.
func (w *watcher) during(ctx context.Context) (stop func() error, err error) {
	asks := w.asks(http.StatusOK)
	if _, err := asks(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { // ends with stop, which waits for it
		forever := wait{limit: time.Hour}
		ended <- forever.until(ctx, func(ctx context.Context) (bool, error) {
			_, err := asks(ctx)
			return false, err
		})
	}()
	return func() error {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

// crowd are those who come while the connections are busy.
type crowd struct {
	rush   Rush
	market *Market

	mu     sync.Mutex
	ledger *Ledger
}

// awaitHeld waits until every connection of the service has a statement that
// waits in the database.
func (c *crowd) awaitHeld(ctx context.Context, hold Hold) error {
	waiting := 0
	w := wait{limit: changePatience}
	err := w.until(ctx, func(ctx context.Context) (held bool, err error) {
		waiting, err = hold.Waiting(ctx)
		return waiting >= c.rush.Connections, err
	})
	if err == nil && !w.told {
		err = fmt.Errorf("only %d of %d connections took work within %s", waiting, c.rush.Connections, changePatience)
	}
	if err != nil {
		return fmt.Errorf("keeping the connections of the service busy: %w", err)
	}
	return nil
}

// come sends the whole crowd at once and waits for every answer.
func (c *crowd) come(ctx context.Context) measure.Set {
	first, last := c.rush.Connections+1, len(c.rush.Prices)-1
	answers := make([]given, last-first+c.rush.Questions)
	began := time.Now()
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			if price := first + i; price < last {
				answers[i] = c.store(ctx, price, c.rush.Patience)
				return
			}
			symbol := c.rush.Prices[i%len(c.rush.Prices)].Symbol
			answers[i] = c.send(ctx, http.MethodGet, "/api/prices/latest?symbol="+url.QueryEscape(symbol), nil, c.rush.Patience)
		})
	}
	all.Wait()
	took := time.Since(began)
	of := int64(len(answers))
	unclear, silent := measure.Share{Of: of}, measure.Share{Of: of}
	for _, a := range answers {
		if !a.clear() {
			unclear.Hits++
		}
		if a.err != nil {
			silent.Hits++
		}
	}
	return measure.Set{
		"requests not refused clearly": {Share: &unclear},
		"requests without an answer":   {Share: &silent},
		"time until the last refusal":  {Unit: "s", Amount: &measure.Amount{Value: took.Seconds(), Of: of, Says: fmt.Sprintf("longest of %d", of)}},
	}
}

// given is the answer to one request, or why there is none.
type given struct {
	status int
	retry  string
	raw    []byte
	err    error
}

func (g given) stored() bool { return g.err == nil && g.status == http.StatusCreated }

// problem is what kept the request from being carried out.
func (g given) problem() error {
	switch {
	case g.err != nil:
		return g.err
	case g.status >= http.StatusBadRequest:
		return refused(g.status, g.raw)
	}
	return nil
}

// clear reports whether the request was refused as every client can rely on.
func (g given) clear() bool {
	var r refusal
	return errors.As(g.problem(), &r) && r.status == http.StatusServiceUnavailable && r.code == codeBusy &&
		g.retry != "" && contracts.Check("http/error", g.raw) == nil
}

// codeBusy says that nothing was done because every connection was in use.
const codeBusy = "busy"

// store offers price i and notes what came of it.
func (c *crowd) store(ctx context.Context, i int, within time.Duration) given {
	body, err := json.Marshal(ticks{Ticks: []instant{wire(c.rush.Prices[i])}})
	if err != nil {
		return given{err: err}
	}
	began := time.Now()
	answer := c.send(ctx, http.MethodPost, "/api/ticks", body, within)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger.note(i, answer.problem(), time.Since(began))
	return answer
}

func (c *crowd) send(ctx context.Context, method, path string, body []byte, within time.Duration) given {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.market.base+path, bytes.NewReader(body))
	if err != nil {
		return given{err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.market.http.Do(request)
	if err != nil {
		return given{err: fmt.Errorf("asking %s: %w", request.URL.Path, withoutURL(err))}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return given{status: response.StatusCode, retry: response.Header.Get("Retry-After"), raw: raw, err: err}
}
