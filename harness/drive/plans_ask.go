package drive

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Inquiry is a trader who asks every question about the past of a market.
type Inquiry struct {
	Past Past
	// Span is the days that are asked for, from the first day on; the end is
	// no longer asked for.
	From, To time.Time
	// Each is how often each question is asked, and Rate how many questions
	// are asked in a second.
	Each, Rate int
}

const (
	// UsualLimit is how many prices of a span the service answers with if
	// nobody asks for more or fewer.
	UsualLimit = 1000
	// RecentDays is how many days back the service looks for a latest price
	// before it looks further.
	RecentDays = 7
)

// beforehand is how often each question is asked before any is counted.
const beforehand = 10

// TraderQueries are the queries of the service that a trader asks, by the names
// that its catalogue gives them.
func TraderQueries() []string { return append(Questions(), "instruments") }

// Inquire asks one question after the other, each about the next instrument,
// when it is due. It yields "query (NAME)" for each of TraderQueries, in
// milliseconds from the moment the question was due, and "answers that are
// wrong", counted of all questions, for what differs from what was stored or
// never came. Before that, each question is asked a few times without being
// counted: the first ones on a connection are planned anew each time.
func (m *Market) Inquire(ctx context.Context, q Inquiry) (measure.Set, error) {
	questions := q.questions()
	names := TraderQueries()
	asked := q.Each * len(names)
	if len(questions) == 0 || asked == 0 || q.Rate < 1 {
		return nil, fmt.Errorf("asking %d questions about %d prices, %d a second: nothing would be asked", asked, len(q.Past.Prices), q.Rate)
	}
	for i := range beforehand * len(names) {
		if _, _, err := m.fetch(ctx, questions[i%len(questions)].path); err != nil {
			return nil, fmt.Errorf("asking about the past: %w", err)
		}
	}
	schedule := load.Constant(float64(q.Rate), time.Duration(float64(asked)/float64(q.Rate)*float64(time.Second)))
	answers, took := make([]answer, Due(schedule)), make([]time.Duration, Due(schedule))
	seen, err := load.Open(ctx, load.Plan{
		Schedule: schedule,
		Workers:  askers,
		Do: func(ctx context.Context, i int, due time.Time) error {
			status, raw, err := m.fetch(ctx, questions[i%len(questions)].path)
			answers[i], took[i] = answer{status: status, raw: raw, came: err == nil}, time.Since(due)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("asking about the past: %w", err)
	}
	if unreachable(seen.First) {
		return nil, fmt.Errorf("asking about the past: %w", seen.First)
	}
	set := measure.Set{}
	histograms := make([]*measure.Histogram, len(names))
	for i, name := range names {
		histograms[i] = measure.NewHistogram()
		set["query ("+name+")"] = measure.Value{Unit: measure.Milliseconds, Histogram: histograms[i]}
	}
	var wrong measure.Share
	for i, a := range answers {
		wrong.Of++
		if !a.came || !questions[i%len(questions)].fits(a.status, a.raw) {
			wrong.Hits++
		}
		histograms[i%len(names)].Record(took[i])
	}
	set["answers that are wrong"] = measure.Value{Share: &wrong}
	return set, nil
}

// questions are those of TraderQueries, in that order, about one instrument after
// the other.
func (q Inquiry) questions() []enquired {
	symbols, of := q.Past.bySymbol()
	s := span{q.From, q.To}
	var all []enquired
	for _, symbol := range symbols {
		e := of[symbol]
		all = append(all, e.latest(symbol), e.between(symbol, s), e.average(symbol, s), e.barsOf(symbol, s), listed(symbols))
	}
	return all
}

// barsOf asks for the bars of whole days.
func (e Enquiry) barsOf(symbol string, s span) enquired {
	inside := Enquiry{}
	for _, b := range e.Bars {
		if s.holds(b.Day) {
			inside.Bars = append(inside.Bars, b)
		}
	}
	q := inside.bars(symbol)
	q.path += "&from=" + s.from.Format(time.DateOnly) + "&to=" + s.to.Format(time.DateOnly)
	return q
}

// listed asks which instruments there are.
func listed(symbols []string) enquired {
	return enquired{
		path: "/api/instruments", contract: "http/instruments",
		fits: func(status int, raw []byte) bool {
			var got struct {
				Instruments []market.Instrument `json:"instruments"`
			}
			return status == http.StatusOK && understood(status, raw, &got) && len(got.Instruments) == len(symbols)
		},
	}
}
