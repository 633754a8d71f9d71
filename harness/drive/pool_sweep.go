package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// PoolTrial is a sweep over the sizes of a service's pool.
type PoolTrial struct {
	// Sizes are the numbers of connections, Clients those of the clients that
	// are served at a time, each of them without a pause.
	Sizes, Clients []int
	// Repeats is how often each size is read with each number of clients.
	Repeats int
	// For is how long a reading takes; the service is warmed for as long.
	For time.Duration
	// Seed decides the order, which differs in each repeat, so that a machine
	// that becomes slower makes no knee.
	Seed uint64
	// Start starts a service with so many connections, or with as many as it
	// takes by itself for 0, and says where it is and how to stop it.
	Start func(ctx context.Context, connections int) (base string, stop func(context.Context) error, err error)
	// Next returns prices that never repeat.
	Next func() market.Tick
	// Progress is told how many readings are done; it may be nil.
	Progress func(done, of int)
}

// SweepPool reads how many operations a second a service does with each size
// of its pool. An operation stores one price and reads the latest of its
// instrument. It also says how many connections the service takes by itself.
func SweepPool(ctx context.Context, t PoolTrial) (sweep PoolSweep, own int, err error) {
	coin := rand.New(rand.NewPCG(t.Seed, 0))
	var mu sync.Mutex
	next := t.Next
	t.Next = func() market.Tick {
		mu.Lock()
		defer mu.Unlock()
		return next()
	}
	if t.Progress == nil {
		t.Progress = func(int, int) {}
	}
	err = t.serving(ctx, 0, func(m *Market) error {
		total, err := m.poolTotals(ctx, time.Time{})
		own = total.Max
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for range t.Repeats {
		for _, i := range coin.Perm(len(t.Sizes)) {
			err := t.serving(ctx, t.Sizes[i], func(m *Market) error {
				readings, err := t.read(ctx, m, t.Sizes[i], coin.Perm(len(t.Clients)))
				sweep = append(sweep, readings...)
				t.Progress(len(sweep), t.Repeats*len(t.Sizes)*len(t.Clients))
				return err
			})
			if err != nil {
				return nil, 0, fmt.Errorf("reading a pool of %d connections: %w", t.Sizes[i], err)
			}
		}
	}
	return sweep, own, nil
}

func (t PoolTrial) serving(ctx context.Context, connections int, use func(*Market) error) error {
	base, stop, err := t.Start(ctx, connections)
	if err != nil {
		return err
	}
	most := 1
	for _, n := range t.Clients {
		most = max(most, n)
	}
	m := NewMarket(base, most)
	defer m.Close()
	return errors.Join(use(m), stop(context.WithoutCancel(ctx)))
}

func (t PoolTrial) read(ctx context.Context, m *Market, connections int, order []int) (PoolSweep, error) {
	if _, err := t.operate(ctx, m, t.Clients[order[0]]); err != nil { // warms
		return nil, err
	}
	before, err := m.poolTotals(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	var readings PoolSweep
	for _, i := range order {
		done, err := t.operate(ctx, m, t.Clients[i])
		if err != nil {
			return nil, err
		}
		after, err := m.poolTotals(ctx, time.Now())
		if err != nil {
			return nil, err
		}
		readings = append(readings, PoolReading{
			Connections: connections, Clients: t.Clients[i], Failed: done.Failed, Done: done.Done,
			PerSecond: float64(done.Done) / done.Elapsed.Seconds(), WaitMS: after.since(before) / float64(done.Done),
		})
		before = after
	}
	return readings, nil
}

// operate has the clients work for the time of one reading.
func (t PoolTrial) operate(ctx context.Context, m *Market, clients int) (load.Result, error) {
	result, err := load.Closed(ctx, load.ClosedPlan{
		Workers: clients, For: t.For,
		Do: func(ctx context.Context, _, _ int) error { return m.storeAndRead(ctx, t.Next()) },
	})
	if err != nil {
		return result, err
	}
	if result.Done == 0 {
		return result, fmt.Errorf("none of %d operations was done: %w", result.Offered, result.First)
	}
	return result, nil
}

// storeAndRead stores one price and reads the latest of its instrument.
func (m *Market) storeAndRead(ctx context.Context, price market.Tick) error {
	if err := m.store(ctx, price); err != nil {
		return err
	}
	status, raw, err := m.fetch(ctx, "/api/prices/latest?symbol="+url.QueryEscape(price.Symbol))
	if err == nil && status >= http.StatusBadRequest {
		err = refused(status, raw)
	}
	return err
}

// store stores one price.
func (m *Market) store(ctx context.Context, price market.Tick) error {
	return m.post(ctx, "/api/ticks", ticks{Ticks: []instant{wire(price)}}, nil)
}

// poolTotals are what a service says of its pool since it started.
type poolTotals struct {
	Max    int      `json:"max"`
	Waited *float64 `json:"waited_ms_since_start"`
}

func (p poolTotals) since(before poolTotals) float64 {
	if p.Waited == nil || before.Waited == nil {
		return math.NaN() // a service of an earlier release does not tell
	}
	return *p.Waited - *before.Waited
}

// poolTotals reads the pool's figures as they were after a moment.
func (m *Market) poolTotals(ctx context.Context, after time.Time) (poolTotals, error) {
	var said struct {
		CheckedAt time.Time  `json:"checked_at"`
		Pool      poolTotals `json:"pool"`
	}
	w := wait{limit: changePatience}
	err := w.until(ctx, func(ctx context.Context) (bool, error) {
		answered, err := m.ask(ctx, "/api/health/database")
		if err != nil || json.Unmarshal(answered.raw, &said) != nil {
			return false, err
		}
		return said.Pool.Max > 0 && said.CheckedAt.After(after), nil
	})
	if err == nil && !w.told {
		err = fmt.Errorf("no figures of the pool within %s", w.limit)
	}
	return said.Pool, err
}

// NearBest is the part of the best throughput that counts as nearly as good: it
// is what the words knee and recommended mean, and no limit.
const NearBest = 0.9

// Measures yields "recommended pool size"; in per cent of the best throughput,
// for the number of clients for which it is worst, "throughput at the
// recommended size" and "decline at the largest pool"; and "operations that
// failed", of all. These are medians of a few readings: they show, and a
// promise about a size needs a comparison in pairs.
func (s PoolSweep) Measures() measure.Set {
	size, n := s.Recommended(NearBest), int64(len(s))
	amount := func(value float64, says string) measure.Value {
		return measure.Value{Amount: &measure.Amount{Value: value, Of: n, Says: says}}
	}
	percent := func(part float64, says string) measure.Value {
		v := amount(100*part, says)
		v.Unit = "%"
		return v
	}
	decline := math.Inf(-1)
	for _, clients := range s.Clients() {
		decline = max(decline, s.Decline(clients))
	}
	failed := measure.Share{Hits: s.Failed()}
	for _, r := range s {
		failed.Of += r.Done + r.Failed
	}
	return measure.Set{
		"recommended pool size":              amount(float64(size), fmt.Sprintf("of %d readings", n)),
		"throughput at the recommended size": percent(s.Worst(size), fmt.Sprintf("%d connections", size)),
		"decline at the largest pool":        percent(decline, "worst of all clients"),
		"operations that failed":             {Share: &failed},
	}
}
