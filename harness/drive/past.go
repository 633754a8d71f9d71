package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// The measures that are looked back on.
const (
	storedRate   = "inserts.stored_rows_per_second" // over ten seconds
	storedOver   = 10 * time.Second
	ownFigure    = "pool.utilisation"     // which the service knows by itself
	askedFigure  = "database.connections" // which the database must be asked for
	statusFigure = "health.status"        // 2 is that the database does not answer
	notAnswering = 2
)

// pastPoint is what the history says of a step of time, which begins At.
type pastPoint struct {
	At    time.Time `json:"at"`
	Mean  float64   `json:"mean"`
	Count int64     `json:"count"`
}

// past asks how a measure was from a moment on, by steps. The answer must be as
// agreed.
func (m *Market) past(ctx context.Context, figure string, from time.Time, step time.Duration) ([]pastPoint, error) {
	query := url.Values{"measure": {figure}, "from": {from.UTC().Format(time.RFC3339Nano)}, "step": {step.String()}}
	code, raw, err := m.fetch(ctx, "/api/history?"+query.Encode())
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, refused(code, raw)
	}
	if err := contracts.Check("http/history", raw); err != nil {
		return nil, err
	}
	var said struct {
		Measures []struct {
			Points []pastPoint `json:"points"`
		} `json:"measures"`
	}
	if err := json.Unmarshal(raw, &said); err != nil || len(said.Measures) != 1 {
		return nil, errors.Join(errors.New("the history answers something else than it was asked"), err)
	}
	return said.Measures[0].Points, nil
}

// shown waits until the history has a point of the measure that is as wanted,
// and returns how long that took.
func (m *Market) shown(ctx context.Context, figure string, from time.Time, wanted func(pastPoint) bool) (wait, error) {
	w := wait{limit: changePatience}
	err := w.until(ctx, func(ctx context.Context) (bool, error) {
		points, err := m.past(ctx, figure, from, time.Second)
		if away := (refusal{}); errors.As(err, &away) && away.status == http.StatusServiceUnavailable {
			return false, nil
		}
		return slices.ContainsFunc(points, wanted), err
	})
	return w, err
}

// since is wanted of a point whose step begins at that moment or later.
func since(moment time.Time) func(pastPoint) bool {
	return func(p pastPoint) bool { return !p.At.Before(moment) }
}

// LookBack trades the prices evenly and asks the history how that was. It yields
//
//   - "trade that the history does not account for" in per cent of the prices
//     that were acknowledged: what the rates of all seconds sum up to, against them;
//   - "history off the rate" in per cent: the worst second whose ten seconds
//     were all full of trade;
//   - "longest pause in the history" in seconds, from the first price to the
//     end of the last one's ten seconds;
//   - "time until the history shows it" in seconds, from the last price on.
func (m *Market) LookBack(ctx context.Context, prices []market.Tick, lasts time.Duration) (measure.Set, error) {
	// Before a service has run for ten seconds, its rates are of less.
	if _, err := m.shown(ctx, storedRate, time.Now().Add(-time.Minute), since(time.Now().Add(storedOver))); err != nil {
		return nil, err
	}
	began := time.Now()
	out, err := m.Trade(ctx, nil, Session{Schedule: evenly(prices, lasts), Prices: prices})
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	shows, err := m.shown(ctx, storedRate, began, since(ended))
	if err != nil {
		return nil, err
	}
	over := ended.Add(storedOver + 2*time.Second)
	if _, err := m.shown(ctx, storedRate, began, since(over)); err != nil {
		return nil, err
	}
	points, err := m.past(ctx, storedRate, began.Add(-time.Second), time.Second)
	if err != nil {
		return nil, err
	}
	rate, sum, worst, full := float64(len(prices))/lasts.Seconds(), 0.0, 0.0, int64(0)
	for i, p := range points {
		if i+1 < len(points) { // the rate holds until the next one
			sum += p.Mean * points[i+1].At.Sub(p.At).Seconds()
		}
		if !p.At.Before(began.Add(storedOver+time.Second)) && p.At.Before(ended.Add(-2*time.Second)) {
			full++
			worst = max(worst, math.Abs(p.Mean-rate)/rate*100)
		}
	}
	acknowledged := float64(out.Load.Done)
	return measure.Set{
		"trade that the history does not account for": {Unit: "%", Amount: &measure.Amount{
			Value: math.Abs(sum-acknowledged) / acknowledged * 100, Of: int64(len(points)),
			Says: fmt.Sprintf("%.0f rows in the history, %.0f acknowledged", sum, acknowledged),
		}},
		"history off the rate":            {Unit: "%", Amount: &measure.Amount{Value: worst, Of: full, Says: fmt.Sprintf("the worst of %d seconds", full)}},
		"longest pause in the history":    longestPause(points, began, over),
		"time until the history shows it": shows.measure(),
	}, ctx.Err()
}

// longestPause is the longest time between two points, and before the first and
// after the last of them. A point stands at the beginning of its second.
func longestPause(points []pastPoint, from, to time.Time) measure.Value {
	longest, last := time.Duration(0), from
	for _, p := range points {
		if p.At.After(last) && p.At.Before(to) {
			longest, last = max(longest, p.At.Sub(last)), p.At
		}
	}
	longest = max(longest, to.Sub(last)-time.Second)
	return measure.Value{Unit: "s", Amount: &measure.Amount{
		Value: longest.Seconds(), Of: int64(len(points)), Says: fmt.Sprintf("between %d points", len(points)),
	}}
}

// LookBackOnOutage asks the history, when the database is back, how it was while
// that was away. It yields "seconds invented", counted of the seconds in which it
// was away: those of which the history knows what only the database could
// have told, or says that it did answer; "seconds invented by wider steps", the
// same for what five seconds are said to be made of; and "time until the history
// goes on" in seconds.
func (m *Market) LookBackOnOutage(ctx context.Context, o Outage) (measure.Set, error) {
	start := time.Now()
	if _, err := m.shown(ctx, askedFigure, start.Add(-time.Minute), since(start.Add(time.Second))); err != nil {
		return nil, err
	}
	if err := o.Begin(ctx); err != nil {
		return nil, fmt.Errorf("stopping the database: %w", err)
	}
	began := time.Now()
	pause(ctx, o.For)
	ended := time.Now()
	if err := o.End(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("letting the database come back: %w", err)
	}
	goesOn, err := m.shown(ctx, askedFigure, start, since(ended))
	if err != nil {
		return nil, err
	}
	first := start.Truncate(5 * time.Second)
	known, err := m.past(ctx, askedFigure, first, time.Second)
	if err != nil {
		return nil, err
	}
	wide, err := m.past(ctx, askedFigure, first, 5*time.Second)
	if err != nil {
		return nil, err
	}
	said, err := m.past(ctx, statusFigure, first, time.Second)
	if err != nil {
		return nil, err
	}
	invented := measure.Share{}
	// A second is away if it begins after the last look that was answered and
	// ends before the database was back.
	for at := began.Truncate(time.Second).Add(time.Second); !at.Add(time.Second).After(ended); at = at.Add(time.Second) {
		invented.Of++
		has := func(p pastPoint) bool { return p.At.Equal(at) }
		answers := func(p pastPoint) bool {
			return p.At.Equal(at) && at.Sub(began) > 2*time.Second && p.Mean < notAnswering
		}
		if slices.ContainsFunc(known, has) || slices.ContainsFunc(said, answers) {
			invented.Hits++
		}
	}
	return measure.Set{
		"seconds invented":                {Share: &invented},
		"seconds invented by wider steps": {Share: inventedBy(wide, known)},
		"time until the history goes on":  goesOn.measure(),
	}, ctx.Err()
}

// inventedBy counts the seconds of which wide steps are said to be made and
// which are not known. The last step goes on.
func inventedBy(wide, known []pastPoint) *measure.Share {
	invented := measure.Share{}
	for _, step := range wide[:max(0, len(wide)-1)] {
		within := int64(0)
		for _, p := range known {
			if !p.At.Before(step.At) && p.At.Before(step.At.Add(5*time.Second)) {
				within++
			}
		}
		invented.Of += step.Count
		invented.Hits += max(0, step.Count-within)
	}
	return &invented
}
