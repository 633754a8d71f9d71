package drive_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// library answers every question about the four prices and the bar of one
// instrument; alter changes an answer, or returns nil to give none.
func library(t *testing.T, alter func(path, answer string) *string) *drive.Market {
	t.Helper()
	answers := map[string]string{
		"latest": `{"symbol":"AAPL","price":104,"volume":4,"trade":4,"at":"2026-03-02T09:30:03Z"}`,
		"all": `{"symbol":"AAPL","prices":[{"at":"2026-03-02T09:30:00Z","trade":1,"price":101,"volume":1},{"at":"2026-03-02T09:30:01Z","trade":2,"price":102,"volume":2},` +
			`{"at":"2026-03-02T09:30:02Z","trade":3,"price":103,"volume":3},{"at":"2026-03-02T09:30:03Z","trade":4,"price":104,"volume":4}]}`,
		"some":     `{"symbol":"AAPL","prices":[{"at":"2026-03-02T09:30:01Z","trade":2,"price":102,"volume":2},{"at":"2026-03-02T09:30:02Z","trade":3,"price":103,"volume":3}]}`,
		"allvwap":  `{"symbol":"AAPL","vwap":103,"volume":10,"trades":4}`,
		"somevwap": `{"symbol":"AAPL","vwap":102.6,"volume":5,"trades":2}`,
		"bars":     `{"symbol":"AAPL","bars":[{"day":"2016-01-04","open":100,"high":102,"low":99,"close":101,"volume":1000}]}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
			return
		}
		which := "all"
		if r.URL.Query().Has("from") {
			which = "some"
		}
		switch r.URL.Path {
		case "/api/prices/vwap":
			which += "vwap"
		case "/api/prices/latest":
			which = "latest"
		case "/api/bars":
			which = "bars"
		}
		answer := alter(r.URL.Path, answers[which])
		if answer == nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(*answer))
	}))
	t.Cleanup(s.Close)
	m := drive.NewMarket(s.URL, 8)
	t.Cleanup(m.Close)
	return m
}

func enquiry(t *testing.T) drive.Enquiry {
	t.Helper()
	e := drive.Enquiry{Symbols: []string{"AAPL"}, Rate: 200, For: 40 * time.Millisecond}
	for i := range 4 {
		e.Prices = append(e.Prices, market.Tick{
			Symbol: "AAPL", Trade: int64(i + 1), At: time.Date(2026, 3, 2, 9, 30, i, 0, time.UTC), Price: float64(101 + i), Volume: float64(i + 1),
		})
	}
	bars, _, err := market.ReadBars(strings.NewReader("Date,Open,High,Low,Close,Volume,Name\n2016-01-04,100,102,99,101,1000,AAPL\n"))
	require.NoError(t, err)
	e.Bars = bars
	return e
}

func TestEveryAnswerIsComparedWithWhatWasTraded(t *testing.T) {
	on := func(path, old, changed string) func(string, string) *string {
		return func(asked, answer string) *string {
			if asked == path {
				answer = strings.Replace(answer, old, changed, 1)
			}
			return &answer
		}
	}
	tests := map[string]struct {
		alter         func(path, answer string) *string
		wrong, broken int64
	}{
		"every answer is right":           {on("", "", ""), 0, 0},
		"the latest price is an old one":  {on("/api/prices/latest", `"price":104`, `"price":103`), 2, 0},
		"one price of a span is altered":  {on("/api/prices", `"price":102`, `"price":102.01`), 2, 0},
		"one price of a span is late":     {on("/api/prices", "09:30:02Z", "09:30:02.000001Z"), 2, 0},
		"the average is off by a little":  {on("/api/prices/vwap", `"vwap":103`, `"vwap":103.000001`), 1, 0},
		"a trade is missing in the count": {on("/api/prices/vwap", `"trades":4`, `"trades":3`), 1, 0},
		"a bar has another close":         {on("/api/bars", `"close":101`, `"close":100`), 2, 0},
		"an answer is about another one":  {on("/api/bars", `"AAPL"`, `"MSFT"`), 2, 0},
		"an answer holds a stranger":      {on("/api/prices/latest", `"trade":4`, `"trade":4,"bid":1`), 0, 2},
		"some answers never come": {func(path, answer string) *string {
			if path == "/api/bars" {
				return nil
			}
			return &answer
		}, 2, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := library(t, test.alter).Enquire(t.Context(), enquiry(t))
			require.NoError(t, err)
			require.Equal(t, &measure.Share{Hits: test.wrong, Of: 8}, got["answers that are wrong"].Share)
			require.Equal(t, test.broken, got["answers that break their schema"].Share.Hits)
			require.Positive(t, got["query answer"].Histogram.Count())
		})
	}
}

func TestAnEnquiryThatCannotAskAboutEveryInstrumentIsAnError(t *testing.T) {
	e := enquiry(t)
	e.For = 10 * time.Millisecond
	_, err := library(t, nil).Enquire(t.Context(), e)
	require.ErrorContains(t, err, "1 instruments need 8 questions, and only 2 are asked")
}
