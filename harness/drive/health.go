package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// monitorPatience is how long a monitor waits for an answer about the health
// before it counts it as missed. It is far beyond every target.
const monitorPatience = 5 * time.Second

// manyMissed is how many questions in a row may go unanswered before a monitor
// stops asking: what it would see is known by then.
const manyMissed = 3

// reply is what came of one question about the health.
type reply struct {
	status int
	raw    []byte
	took   time.Duration // the whole patience when the answer was missed
	missed bool
}

// ask asks one question about the health. An answer that hangs, breaks off or
// makes no sense is a measurement: missed, and as late as the monitor's
// patience. Only a service that nobody can connect to is an error.
func (m *Market) ask(ctx context.Context, path string) (reply, error) {
	within, cancel := context.WithTimeout(ctx, m.monitor)
	defer cancel()
	start := time.Now()
	status, raw, err := m.fetch(within, path)
	switch {
	case err == nil:
		return reply{status: status, raw: raw, took: time.Since(start)}, nil
	case ctx.Err() != nil || unreachable(err):
		return reply{}, err
	}
	return reply{took: m.monitor, missed: true}, nil
}

// unreachable reports whether not even a connection came about.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
}

// versionOne returns the health questions of version 1 with the golden file of
// their answer on an ordinary day.
func versionOne() map[string]string {
	return map[string]string{
		"/api/health":       "http/health",
		"/api/health/live":  "http/health_live",
		"/api/health/ready": "http/health_ready",
	}
}

// AskHealth asks each health question of version 1 as often as times says, and
// less often if one of them goes unanswered three times in a row. It yields
// "version 1 answers that changed", counted of all answers, "health answers
// missed", counted of all questions, and "health answer" in milliseconds, to
// which a missed answer counts with the whole patience of 5 s.
func (m *Market) AskHealth(ctx context.Context, times int) (measure.Set, error) {
	answer := measure.NewHistogram()
	var changed, missed measure.Share
	inARow := map[string]int{}
	for range times {
		for path, golden := range versionOne() {
			if inARow[path] >= manyMissed {
				continue
			}
			r, err := m.ask(ctx, path)
			if err != nil {
				return nil, err
			}
			answer.Record(r.took)
			missed.Of++
			if r.missed {
				missed.Hits++
				inARow[path]++
				continue
			}
			inARow[path] = 0
			changed.Of++
			if contracts.Golden(golden, r.raw) != nil {
				changed.Hits++
			}
		}
	}
	return measure.Set{
		"version 1 answers that changed": {Share: &changed},
		"health answers missed":          {Share: &missed},
		"health answer":                  {Unit: measure.Milliseconds, Histogram: answer},
	}, nil
}

// Reading is an operator who reads the health of the database under load.
type Reading struct {
	For time.Duration
	// Rate is how often the operator's screen asks, a second.
	Rate int
	// PerSecond is the number of prices traded meanwhile, and Prices is where
	// they come from.
	PerSecond int
	Prices    *market.Ticks
}

// ReadDatabaseHealth reads the health of the database while the market trades.
// It yields "answers that break their schema" and "answers without a figure",
// counted of all answers once they are complete for the first time, "health
// answers missed", counted of all questions, "time until the figures are
// complete" in seconds, "health answer" in milliseconds from the moment a
// question was due (a missed answer counts with the whole patience of 5 s), and
// "age of the figures" in milliseconds: how old the snapshot behind an answer was.
func (m *Market) ReadDatabaseHealth(ctx context.Context, r Reading) (measure.Set, error) {
	schedule := load.Constant(float64(r.PerSecond), r.For)
	first, prices := r.Prices.Take(r.PerSecond), r.Prices.Take(Due(schedule))
	complete, err := m.warm(ctx, first)
	if err != nil {
		return nil, err
	}
	trading := m.meanwhile(ctx, Session{Schedule: schedule, Prices: prices})
	var seen databaseReadings
	seen.age = measure.NewHistogram()
	asked, err := load.Open(ctx, load.Plan{
		Schedule: load.Constant(float64(r.Rate), r.For),
		Workers:  1, // one screen: it asks again when it was answered
		Patience: m.monitor,
		Do: func(ctx context.Context, _ int, _ time.Time) error {
			answered, err := m.ask(ctx, "/api/health/database")
			if err == nil && answered.missed {
				err = errMissed
			}
			if err == nil {
				seen.note(answered.raw)
			}
			return err
		},
	})
	if unreachable(asked.First) {
		err = errors.Join(err, asked.First)
	}
	measures := seen.measures(asked, m.monitor)
	measures["time until the figures are complete"] = complete
	return measures, errors.Join(err, <-trading)
}

var errMissed = errors.New("no answer about the health")

// meanwhile has the market trade beside what the driver does; the channel
// yields how it ended.
func (m *Market) meanwhile(ctx context.Context, s Session) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := m.Trade(ctx, nil, s)
		done <- err
	}()
	return done
}

// warm trades a few prices for a second and waits until the health of the
// database knows every figure. How long that took is a measurement, however long.
func (m *Market) warm(ctx context.Context, prices []market.Tick) (measure.Value, error) {
	trading := m.meanwhile(ctx, Session{Schedule: load.Constant(float64(len(prices)), time.Second), Prices: prices})
	w := wait{limit: changePatience}
	err := w.until(ctx, func(ctx context.Context) (bool, error) {
		r, err := m.ask(ctx, "/api/health/database")
		_, complete := figuresOf(r.raw)
		return complete, err
	})
	return w.measure(), errors.Join(err, <-trading)
}

type databaseReadings struct {
	age             *measure.Histogram
	broken, lacking measure.Share
}

func (d *databaseReadings) note(raw []byte) {
	d.broken.Of++
	d.lacking.Of++
	if contracts.Check("http/health_database", raw) != nil {
		d.broken.Hits++
		return
	}
	age, complete := figuresOf(raw)
	if !complete {
		d.lacking.Hits++
		return
	}
	d.age.Record(age)
}

// figuresOf reads the age of the snapshot behind an answer, and whether it
// knows every figure that an operator looks for.
func figuresOf(raw []byte) (age time.Duration, complete bool) {
	var said struct {
		AgeMS float64 `json:"age_ms"`
		Stale []any   `json:"stale"`
		Pool  struct {
			Utilisation *float64 `json:"utilisation"`
		} `json:"pool"`
		Inserts struct {
			RowsPerSecond *float64 `json:"rows_per_second"`
		} `json:"inserts"`
		Queries struct {
			P99 *float64 `json:"p99_ms"`
		} `json:"queries"`
		Cache struct {
			HitRatio *float64 `json:"hit_ratio_since_reset"`
		} `json:"cache"`
	}
	if json.Unmarshal(raw, &said) != nil {
		return 0, false
	}
	complete = len(said.Stale) == 0 && said.Pool.Utilisation != nil && said.Inserts.RowsPerSecond != nil &&
		said.Queries.P99 != nil && said.Cache.HitRatio != nil
	return time.Duration(said.AgeMS * float64(time.Millisecond)), complete
}

func (d *databaseReadings) measures(asked load.Result, patience time.Duration) measure.Set {
	answer := measure.NewHistogram()
	missed := measure.Share{Hits: asked.Failed + asked.Dropped, Of: asked.Offered}
	if asked.Latency != nil {
		answer.Merge(asked.Latency)
	}
	for range missed.Hits {
		answer.Record(patience)
	}
	return measure.Set{
		"answers that break their schema": {Share: &d.broken},
		"answers without a figure":        {Share: &d.lacking},
		"health answers missed":           {Share: &missed},
		"health answer":                   {Unit: measure.Milliseconds, Histogram: answer},
		"age of the figures":              {Unit: measure.Milliseconds, Histogram: d.age},
	}
}

// wait is how long somebody waited for something to be told.
type wait struct {
	limit time.Duration
	took  time.Duration
	told  bool // it was told within the limit
}

// until asks twenty times a second until it is told, or the limit has passed.
func (w *wait) until(ctx context.Context, ask func(context.Context) (bool, error)) error {
	start := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		told, err := ask(ctx)
		if err != nil {
			return err
		}
		w.took, w.told = time.Since(start), told
		if told || w.took >= w.limit {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measure is the time that passed. If it was never told, the figure is the
// time waited, a lower bound, and says so.
func (w *wait) measure() measure.Value {
	says := "measured once"
	if !w.told {
		says = fmt.Sprintf("a lower bound: not told within %s", w.limit)
	}
	return measure.Value{Unit: "s", Amount: &measure.Amount{Value: w.took.Seconds(), Of: 1, Says: says}}
}
