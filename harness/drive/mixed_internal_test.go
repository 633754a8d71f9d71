package drive

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

// traded are n prices of one instrument, from trade number first on.
func traded(first, n int) []market.Tick {
	var all []market.Tick
	for i := first; i < first+n; i++ {
		all = append(all, market.Tick{
			Symbol: "AAPL", Trade: int64(i), At: time.Date(2026, 3, 2, 9, 30, i, 0, time.UTC), Price: float64(100 + i), Volume: float64(i),
		})
	}
	return all
}

func latestAnswer(t market.Tick) []byte {
	raw, _ := json.Marshal(map[string]any{"symbol": t.Symbol, "at": t.At, "trade": t.Trade, "price": t.Price, "volume": t.Volume})
	return raw
}

func TestTheLatestPriceIsNeverOlderThanWhatWasAcknowledged(t *testing.T) {
	began := time.Now()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	// Trade 1 was there before; 2 is acknowledged at 2 s, 3 refused, 4 never
	// answered, and 5 acknowledged at 6 s. Each is due at its number of seconds less one.
	l := NewLedger(traded(2, 4))
	for i, err := range []error{nil, refusal{status: 400}, errors.New("no answer"), nil} {
		l.note(i, err, time.Second)
		l.due[i] = time.Duration(i+1) * time.Second
	}
	l.took[3] = 2 * time.Second
	p := newPast(Enquiry{Prices: traded(1, 1)}, Outcome{Ledger: l, began: began})
	all := traded(1, 6)
	altered := all[1]
	altered.Price++
	tests := map[string]struct {
		from, to int
		answer   market.Tick
		want     bool
	}{
		"the one before the session, at its start":      {0, 0, all[0], true},
		"the one before, once a later one is known":     {3, 3, all[0], false},
		"the acknowledged one":                          {3, 3, all[1], true},
		"the one under way, before its acknowledgement": {1, 1, all[1], true},
		"the one before, while the next is under way":   {1, 1, all[0], true},
		"one that was refused":                          {5, 5, all[2], false},
		"one that may or may not be stored":             {5, 5, all[3], true},
		"one not offered yet":                           {3, 3, all[4], false},
		"one that was offered while the answer came":    {3, 4, all[4], true},
		"one that nobody offered":                       {8, 8, all[5], false},
		"another price":                                 {3, 3, altered, false},
		"an old one at the end":                         {8, 8, all[3], false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := exchange{answer: answer{status: http.StatusOK, raw: latestAnswer(test.answer), came: true}, from: at(test.from), to: at(test.to)}
			require.Equal(t, test.want, p.fits("AAPL", a))
		})
	}
	none := exchange{answer: answer{status: http.StatusNotFound, came: true}, from: at(0), to: at(0)}
	require.False(t, p.fits("AAPL", none), "there was a price before the session")
	require.True(t, p.fits("MSFT", none), "nobody traded it")
}

// shelf is a service that stores prices of one instrument; stale has it answer
// with the first price for ever.
type shelf struct {
	mu     sync.Mutex
	stored []market.Tick
	stale  bool
	silent bool
}

func (s *shelf) serve(t *testing.T) *Market {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/ticks"):
			var body struct {
				Ticks []market.Tick `json:"ticks"`
			}
			_ = json.NewDecoder(r.Body).Decode(&body)
			s.stored = append(s.stored, body.Ticks...)
			w.WriteHeader(http.StatusCreated)
		case s.silent:
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/api/prices/latest":
			newest := s.stored[0]
			for _, t := range s.stored {
				if !s.stale && t.Trade > newest.Trade {
					newest = t
				}
			}
			_, _ = w.Write(latestAnswer(newest))
		case r.URL.Path == "/api/prices":
			_, _ = w.Write([]byte(`{"symbol":"AAPL","prices":[{"at":"2026-03-02T09:30:01Z","trade":1,"price":101,"volume":1}]}`))
		case r.URL.Path == "/api/prices/vwap":
			_, _ = w.Write([]byte(`{"symbol":"AAPL","vwap":101,"volume":1,"trades":1}`))
		default:
			_, _ = w.Write([]byte(`{"symbol":"AAPL","bars":[]}`))
		}
	}))
	t.Cleanup(server.Close)
	m := NewMarket(server.URL, 16)
	t.Cleanup(m.Close)
	return m
}

func (s *shelf) play(t *testing.T) (Outcome, error) {
	t.Helper()
	schedule := load.Constant(100, 400*time.Millisecond)
	return s.serve(t).TradeAndAsk(t.Context(),
		Session{Schedule: schedule, Prices: traded(2, Due(schedule)), Window: 200 * time.Millisecond},
		Enquiry{Prices: traded(1, 1), Symbols: []string{"AAPL"}, Rate: 100, For: 400 * time.Millisecond})
}

func TestTradersAskWhileTheMarketTrades(t *testing.T) {
	out, err := (&shelf{}).play(t)
	require.NoError(t, err)
	got := out.Measures
	require.Zero(t, got["answers that are wrong"].Share.Hits)
	require.EqualValues(t, 40, got["answers that are wrong"].Share.Of)
	require.Zero(t, got["answers that break their schema"].Share.Hits)
	require.EqualValues(t, 40, got["query answer"].Histogram.Count())
	require.EqualValues(t, 40, got["store latency"].Histogram.Count())
	for _, name := range []string{"prices offered late", "prices dropped", "questions asked late", "questions dropped"} {
		require.EqualValues(t, 40, got[name].Share.Of, name)
	}
}

func TestAServiceThatForgetsWhatItAcknowledgedAnswersWrong(t *testing.T) {
	out, err := (&shelf{stale: true}).play(t)
	require.NoError(t, err)
	require.Positive(t, out.Measures["answers that are wrong"].Share.Hits)
}

func TestAnAnswerThatNeverComesIsWrong(t *testing.T) {
	out, err := (&shelf{silent: true}).play(t)
	require.NoError(t, err)
	require.EqualValues(t, 40, out.Measures["answers that are wrong"].Share.Hits)
}

func TestTooFewQuestionsForEveryInstrumentAreAnError(t *testing.T) {
	_, err := NewMarket("http://127.0.0.1:1", 1).TradeAndAsk(t.Context(), Session{}, Enquiry{Prices: traded(1, 1), Symbols: []string{"AAPL"}, Rate: 1, For: time.Second})
	require.ErrorContains(t, err, "1 instruments need 4 questions, and only 1 are asked")
}
