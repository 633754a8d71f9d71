package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The questions about prices that two releases are compared on.
const (
	LatestPrice   = "latest price"
	PricesOfASpan = "prices of a span"
	AveragePrice  = "volume-weighted average"
	DailyBars     = "daily bars"
)

// Questions are the questions about prices, in order.
func Questions() []string { return []string{LatestPrice, PricesOfASpan, AveragePrice, DailyBars} }

// Answer returns the workload of answering one of the questions about one
// instrument after the other: a unit of work is one answer, asked for when the
// one before has come. Each answer was compared once with what Stock stored,
// before any of them is timed: a wrong one has no time that could be compared,
// and is an error.
func (r *Release) Answer(ctx context.Context, question string) (Workload, error) {
	asked := r.stock.about(question)
	if len(asked) == 0 {
		return Workload{}, fmt.Errorf("there is no question %q, or nothing was stored that it could be about", question)
	}
	requests := make([]request, len(asked))
	for i, q := range asked {
		status, raw, err := r.market.fetch(ctx, q.path)
		if err != nil {
			return Workload{}, fmt.Errorf("asking the %s release for the %s: %w", r.Name, question, err)
		}
		if !q.fits(status, raw) {
			return Workload{}, fmt.Errorf("asking the %s release for the %s: it answered %d, and not what was stored", r.Name, question, status)
		}
		if requests[i], err = newRequest(http.MethodGet, r.base+q.path, nil); err != nil {
			return Workload{}, err
		}
	}
	w, err := r.workload(ctx, "GET "+requests[0].path+" of one instrument after the other")
	w.Run = func(ctx context.Context, n int) (time.Duration, error) {
		turns := make([]request, n)
		for i := range turns {
			turns[i] = requests[i%len(requests)]
		}
		return r.inTurn(ctx, turns)
	}
	return w, err
}

// about are the questions of one kind, one of each instrument that has an answer.
func (e Enquiry) about(question string) []enquired {
	if len(e.Prices) == 0 {
		return nil
	}
	half := e.middle()
	ask := map[string]func(string) enquired{
		LatestPrice:   e.latest,
		PricesOfASpan: func(symbol string) enquired { return e.between(symbol, half) },
		AveragePrice:  func(symbol string) enquired { return e.average(symbol, span{}) },
		DailyBars:     e.bars,
	}[question]
	if ask == nil {
		return nil
	}
	has := map[string]bool{}
	for _, p := range e.Prices {
		has[p.Symbol] = question != DailyBars
	}
	for _, b := range e.Bars {
		has[b.Symbol] = true
	}
	var all []enquired
	for _, symbol := range e.Symbols {
		if has[symbol] {
			all = append(all, ask(symbol))
		}
	}
	return all
}

// middle is the middle half of the session.
func (e Enquiry) middle() span {
	first, last := e.Prices[0].At, e.Prices[len(e.Prices)-1].At
	quarter := (last.Sub(first) / 4).Truncate(time.Microsecond)
	return span{first.Add(quarter), last.Add(-quarter)}
}

// Plans asks for the plans of all queries of the release, whose program tells
// which there are: about the first instrument that has prices and bars, and the
// span of PricesOfASpan. See PlanQueries.
func (r *Release) Plans(ctx context.Context, program string) ([]PlannedQuery, error) {
	queries, err := ServiceQueries(ctx, program)
	if err != nil {
		return nil, err
	}
	if len(r.stock.Bars) == 0 || len(r.stock.Prices) == 0 {
		return nil, errors.New("nothing was stored that a query could be about")
	}
	half := r.stock.middle()
	return PlanQueries(ctx, r.dsn, queries, Sample{Symbol: r.stock.Bars[0].Symbol, From: half.from, To: half.to, Limit: 1000})
}
