package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// How many prices and how many questions of a mixed session may be under way at
// a time. Together they are as many as the connections of a scenario, so that
// neither waits for one.
const (
	writersMeanwhile = 40
	askersMeanwhile  = 24
)

// exchange is a question of a mixed session with its answer.
type exchange struct {
	answer
	from, to time.Time // when it was asked and when the answer was there
}

// TradeAndAsk plays a session while traders ask questions, each of both when it
// is due whether or not the service keeps up. The prices and bars of the enquiry
// are stored beforehand; the prices of the session are later ones of the same
// instruments. The questions are the prices of a span before the session, their
// volume-weighted average, the bars, and the latest price, which the session
// changes all the time: it must be one that was offered, and none older than
// the newest that was acknowledged before the question.
//
// It yields what Trade yields; what Enquire yields, with the wrong answers and
// the latencies of the questions; and "questions asked late" in per cent and
// "questions dropped", both of those due.
func (m *Market) TradeAndAsk(ctx context.Context, s Session, e Enquiry) (Outcome, error) {
	questions := e.steady()
	schedule := load.Constant(float64(e.Rate), e.For)
	if n := Due(schedule); len(questions) == 0 || n < len(questions) {
		return Outcome{}, fmt.Errorf("asking while the market trades: %d instruments need %d questions, and only %d are asked", len(e.Symbols), len(questions), n)
	}
	if err := m.supply(ctx, e); err != nil {
		return Outcome{}, err
	}
	if s.Writers == 0 {
		s.Writers = writersMeanwhile
	}
	var out Outcome
	var result load.Result
	answers := make([]exchange, Due(schedule)) // compared afterwards: that is not the service's time
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		out, err = m.Trade(ctx, nil, s)
		return err
	})
	both.Go(func() (err error) {
		result, err = load.Open(ctx, load.Plan{
			Schedule: schedule,
			Workers:  askersMeanwhile,
			Patience: patience,
			Do: func(ctx context.Context, i int, _ time.Time) error {
				a := exchange{from: time.Now()}
				status, raw, err := m.fetch(ctx, questions[i%len(questions)].path)
				a.to, a.answer = time.Now(), answer{status: status, raw: raw, came: err == nil}
				answers[i] = a
				return err
			},
		})
		if unreachable(result.First) {
			err = errors.Join(err, result.First)
		}
		if err != nil {
			return fmt.Errorf("asking while the market trades: %w", err)
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return Outcome{}, err
	}
	return out, out.Measures.Add(answered(questions, answers, result, newPast(e, out)))
}

// steady are the questions of an enquiry whose answers a session does not
// change, and with each the one whose answer it does: the latest price.
func (e Enquiry) steady() []enquired {
	if len(e.Prices) == 0 {
		return nil
	}
	before := span{e.Prices[0].At, e.Prices[len(e.Prices)-1].At.Add(time.Microsecond)}
	var all []enquired
	for _, symbol := range e.Symbols {
		latest := e.latest(symbol)
		latest.symbol = symbol
		all = append(all, latest, e.between(symbol, before), e.average(symbol, before), e.bars(symbol))
	}
	return all
}

// answered counts what is wrong with the answers to the questions, asked in turn.
func answered(questions []enquired, answers []exchange, result load.Result, p past) measure.Set {
	var wrong, broken measure.Share
	for i, a := range answers {
		q := questions[i%len(questions)]
		wrong.Of++
		switch {
		case !a.came:
			wrong.Hits++
			continue
		case q.symbol != "" && !p.fits(q.symbol, a):
			wrong.Hits++
		case q.symbol == "" && !q.fits(a.status, a.raw):
			wrong.Hits++
		}
		broken.Of++
		if contracts.Check(q.contractOf(a.status), a.raw) != nil {
			broken.Hits++
		}
	}
	return measure.Set{
		"answers that are wrong":          {Share: &wrong},
		"answers that break their schema": {Share: &broken},
		"query answer":                    {Unit: measure.Milliseconds, Histogram: result.Latency},
		"questions asked late":            {Unit: "%", Share: &measure.Share{Hits: result.Late, Of: result.Offered}},
		"questions dropped":               {Share: &measure.Share{Hits: result.Dropped, Of: result.Offered}},
	}
}

// past is what was traded of each instrument, oldest first, and when.
type past map[string][]moment

// moment is one trade: when it was offered at the earliest, and when it was
// acknowledged, if it was.
type moment struct {
	market.Tick
	offered, stored time.Time
	acknowledged    bool
}

func newPast(e Enquiry, out Outcome) past {
	p := past{}
	for _, t := range e.Prices {
		p[t.Symbol] = append(p[t.Symbol], moment{Tick: t, acknowledged: true})
	}
	l := out.Ledger
	for i, f := range l.fates {
		if f == unoffered || f == refusedPrice {
			continue
		}
		due := out.began.Add(l.due[i])
		symbol := l.prices[i].Symbol
		p[symbol] = append(p[symbol], moment{Tick: l.prices[i], offered: due, stored: due.Add(l.took[i]), acknowledged: f == acknowledged})
	}
	return p
}

// fits reports whether an answer is a latest price that could be true: one that
// was offered before the answer was there, and none older than the newest that
// was acknowledged before the question was asked.
func (p past) fits(symbol string, a exchange) bool {
	var got struct {
		Symbol string `json:"symbol"`
		price
	}
	if a.status != http.StatusOK {
		return a.status == http.StatusNotFound && !p.any(symbol, a.from)
	}
	if !understood(a.status, a.raw, &got) || got.Symbol != symbol {
		return false
	}
	newest, found := -1, -1
	for i, m := range p[symbol] {
		if m.acknowledged && m.stored.Before(a.from) {
			newest = i
		}
		if got.price.is(price{m.At, m.Trade, m.Price, m.Volume}) && !m.offered.After(a.to) {
			found = i
		}
	}
	return found >= 0 && found >= newest
}

// any reports whether a price of an instrument was acknowledged before a moment.
func (p past) any(symbol string, before time.Time) bool {
	for _, m := range p[symbol] {
		if m.acknowledged && m.stored.Before(before) {
			return true
		}
	}
	return false
}
