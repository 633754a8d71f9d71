package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Enquiry is a trader who looks up what was traded.
type Enquiry struct {
	// Prices were traded before the first question, in order of time, and Bars
	// are the daily bars that were stored with them. Both are what the answers
	// are compared with.
	Prices []market.Tick
	Bars   []market.Bar
	// Symbols are the instruments that are asked about in turn.
	Symbols []string
	// Rate is the number of questions a second, and For how long they last.
	Rate int
	For  time.Duration
}

// askers is the number of questions that may be under way at a time.
const askers = 8

// Enquire stores the prices and the bars of the enquiry, and then asks for the
// latest price, the prices of a span, their volume-weighted average and the
// bars of one instrument after the other, each question when it is due. It
// yields "answers that are wrong", counted of all questions, for what differs
// from what was offered or never came; "answers that break their schema",
// counted of all answers; and "query answer" in milliseconds from the moment
// the question was due.
func (m *Market) Enquire(ctx context.Context, e Enquiry) (measure.Set, error) {
	questions := e.questions()
	schedule := load.Constant(float64(e.Rate), e.For)
	if n := Due(schedule); len(questions) == 0 || n < len(questions) {
		return nil, fmt.Errorf("asking for prices: %d instruments need %d questions, and only %d are asked", len(e.Symbols), len(questions), n)
	}
	if err := m.supply(ctx, e); err != nil {
		return nil, err
	}
	answers := make([]answer, Due(schedule)) // compared afterwards: that is not the service's time
	asked, err := load.Open(ctx, load.Plan{
		Schedule: schedule,
		Workers:  askers,
		Patience: patience,
		Do: func(ctx context.Context, i int, _ time.Time) error {
			status, raw, err := m.fetch(ctx, questions[i%len(questions)].path)
			answers[i] = answer{status: status, raw: raw, came: err == nil}
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("asking for prices: %w", err)
	}
	if unreachable(asked.First) {
		return nil, fmt.Errorf("asking for prices: %w", asked.First)
	}
	var wrong, broken measure.Share
	for i, a := range answers {
		q := questions[i%len(questions)]
		wrong.Of++
		if !a.came || !q.fits(a.status, a.raw) {
			wrong.Hits++
		}
		if !a.came {
			continue
		}
		broken.Of++
		if contracts.Check(q.contractOf(a.status), a.raw) != nil {
			broken.Hits++
		}
	}
	return measure.Set{
		"answers that are wrong":          {Share: &wrong},
		"answers that break their schema": {Share: &broken},
		"query answer":                    {Unit: measure.Milliseconds, Histogram: asked.Latency},
	}, nil
}

// answer is what came back to a question, if anything.
type answer struct {
	status int
	raw    []byte
	came   bool
}

// supply stores the prices and the bars of an enquiry, many at a time.
func (m *Market) supply(ctx context.Context, e Enquiry) error {
	const size = 500
	for from := 0; from < len(e.Prices); from += size {
		var body ticks
		for _, t := range e.Prices[from:min(from+size, len(e.Prices))] {
			body.Ticks = append(body.Ticks, wire(t))
		}
		if err := m.post(ctx, "/api/ticks", body, nil); err != nil {
			return fmt.Errorf("storing %d prices: %w", len(body.Ticks), err)
		}
	}
	type day struct {
		Symbol string `json:"symbol"`
		bar
	}
	for from := 0; from < len(e.Bars); from += size {
		body := struct {
			Bars []day `json:"bars"`
		}{}
		for _, b := range e.Bars[from:min(from+size, len(e.Bars))] {
			body.Bars = append(body.Bars, day{b.Symbol, wireBar(b)})
		}
		if err := m.post(ctx, "/api/bars", body, nil); err != nil {
			return fmt.Errorf("storing %d bars: %w", len(body.Bars), err)
		}
	}
	return nil
}
