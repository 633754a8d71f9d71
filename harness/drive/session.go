package drive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Session is a stretch of trading: prices that come due by a schedule, each
// stored by a request of its own.
type Session struct {
	// Schedule says when each price is due; see load.
	Schedule load.Schedule
	// Prices are what is traded, in order; the schedule decides how many of
	// them come due.
	Prices []market.Tick
	// Writers is the number of prices that may be under way at a time; zero is 64.
	Writers int
	// Window is the width of the windows in which stored prices are counted;
	// zero is ten seconds.
	Window time.Duration
	// Settle is how long the traders may be silent before the driver stops
	// waiting for prices that are still due; zero is two seconds.
	Settle time.Duration
	// Journal is the file in which the answers are kept, which must not exist
	// yet; see Journal. Empty is a temporary file that is removed at the end.
	Journal string
}

// Outcome is what came of a session.
type Outcome struct {
	Measures measure.Set
	Ledger   *Ledger
	Load     load.Result
	// Trouble is the first error of somebody who worked beside the trading.
	Trouble error
	session Session // as it was played
	began   time.Time
}

// instant is the wire form of a tick.
type instant struct {
	Symbol string    `json:"symbol"`
	At     time.Time `json:"at"`
	Trade  int64     `json:"trade"`
	Price  float64   `json:"price"`
	Volume float64   `json:"volume"`
}

type ticks struct {
	Ticks []instant `json:"ticks"`
}

func wire(t market.Tick) instant {
	return instant{Symbol: t.Symbol, At: t.At.UTC(), Trade: t.Trade, Price: t.Price, Volume: t.Volume}
}

// Trade plays the session. It yields
//
//   - "store latency" in milliseconds, from the moment a price was due to the
//     moment the service acknowledged it, so that a stalled service cannot
//     hide its own delay;
//   - "prices stored" a minute, for each window;
//   - "prices dropped" and "prices refused", counted of those due;
//   - "prices offered late" in per cent of those due: the harness began more than
//     10 ms after the moment, because all its writers still waited for an answer
//     or the host kept it waiting. Their latency counts from the moment all the same;
//
// and, if traders watch,
//
//   - "delivery lag" in milliseconds, from the moment a price was due;
//   - "prices delivered" in per cent of those due to every trader;
//   - "prices delivered wrong", counted of all deliveries: the symbol, price or
//     volume is not what was offered, or the price came again or from nowhere;
//
// and, if lines have stalled, "lines that stalled", counted of them: those that
// the service ended or on which prices are missing.
//
// The ledger of the outcome is what the journal says: an answer that could not
// be made durable is an error.
func (m *Market) Trade(ctx context.Context, g *Gallery, s Session) (Outcome, error) {
	if len(s.Prices) == 0 {
		return Outcome{}, errors.New("trading: no prices to trade")
	}
	s = s.withDefaults()
	tape := newTape(s.Prices)
	path, discard, err := s.journalPath()
	if err != nil {
		return Outcome{}, err
	}
	defer discard()
	journal, err := OpenJournal(path, s.Prices)
	if err != nil {
		return Outcome{}, err
	}
	if g != nil {
		g.follow(tape)
	}

	result, err := load.Open(ctx, load.Plan{
		Schedule: s.Schedule,
		Workers:  s.Writers,
		Patience: patience,
		Window:   s.Window,
		Do: func(ctx context.Context, i int, due time.Time) error {
			if i >= len(s.Prices) {
				return fmt.Errorf("price %d of %d: the schedule asks for more prices than there are", i+1, len(s.Prices))
			}
			tape.due[i].Store(int64(due.Sub(tape.start)))
			err := m.post(ctx, "/api/ticks", ticks{Ticks: []instant{wire(s.Prices[i])}}, nil)
			journal.Note(i, err, due.Sub(tape.start), time.Since(due))
			return err
		},
	})
	if kept := journal.Close(); err != nil || kept != nil {
		return Outcome{}, fmt.Errorf("trading: %w", errors.Join(err, kept))
	}
	if result.Done == 0 {
		return Outcome{}, fmt.Errorf("trading: none of %d prices was acknowledged: %w", result.Offered, result.First)
	}
	ledger, err := ReadJournal(path)
	if err != nil {
		return Outcome{}, fmt.Errorf("trading: %w", err)
	}
	out := Outcome{Ledger: ledger, Load: result, Measures: s.stored(result), session: s, began: tape.start}
	if g != nil {
		tape.await(ctx, result.Done*int64(g.Len()), s.Settle)
		if err := out.Measures.Add(g.witnessed(tape, result.Offered, result.Done)); err != nil {
			return Outcome{}, err
		}
	}
	return out, ctx.Err()
}

// journalPath is where the answers are kept, and how what is temporary is
// removed again.
func (s Session) journalPath() (path string, discard func(), err error) {
	if s.Journal != "" {
		return s.Journal, func() {}, nil
	}
	folder, err := os.MkdirTemp("", "signoff-journal-")
	if err != nil {
		return "", nil, fmt.Errorf("making room for the journal: %w", err)
	}
	return filepath.Join(folder, "answers"), func() { _ = os.RemoveAll(folder) }, nil
}

func (s Session) withDefaults() Session {
	if s.Writers == 0 {
		s.Writers = 64
	}
	if s.Window == 0 {
		s.Window = 10 * time.Second
	}
	if s.Settle == 0 {
		s.Settle = 2 * time.Second
	}
	return s
}

// fateOf reads from the answer of the service what became of a price. Only a
// refusal says for certain that it was not stored; one for want of a connection
// says so too, though the fault is the service's.
func fateOf(err error) fate {
	var r refusal
	switch {
	case err == nil:
		return acknowledged
	case errors.As(err, &r) && (r.status < 500 || r.code == codeBusy):
		return refusedPrice
	default:
		return indeterminate
	}
}

// stored are the measures of what the service took in.
func (s Session) stored(r load.Result) measure.Set {
	perMinute := r.Series(time.Minute)
	return measure.Set{
		"store latency":  {Unit: measure.Milliseconds, Histogram: r.Latency},
		"prices stored":  {Unit: "a minute", Series: &perMinute},
		"prices dropped": {Share: &measure.Share{Hits: r.Dropped, Of: r.Offered}},
		"prices refused": {Share: &measure.Share{Hits: r.Failed, Of: r.Offered}},

		"prices offered late": {Unit: "%", Share: &measure.Share{Hits: r.Late, Of: r.Offered}},
	}
}
