package drive

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// bar is the wire form of a daily bar without its symbol.
type bar struct {
	Day    string  `json:"day"`
	Open   float64 `json:"open"`
	High   float64 `json:"high"`
	Low    float64 `json:"low"`
	Close  float64 `json:"close"`
	Volume float64 `json:"volume"`
}

func wireBar(b market.Bar) bar {
	return bar{b.Day.Format(time.DateOnly), b.Open, b.High, b.Low, b.Close, b.Volume}
}

// price is the wire form of a price without its symbol.
type price struct {
	At     time.Time `json:"at"`
	Trade  int64     `json:"trade"`
	Price  float64   `json:"price"`
	Volume float64   `json:"volume"`
}

// enquired is one question about an instrument, with what its answer must be.
type enquired struct {
	path, contract string
	fits           func(status int, raw []byte) bool
	// symbol is whose latest price is asked for, where only a session can tell
	// what the answer must be; see past.
	symbol string
}

// contractOf is the contract of an answer with that status.
func (q enquired) contractOf(status int) string {
	if status >= http.StatusBadRequest {
		return "http/error"
	}
	return q.contract
}

// questions are all questions of an enquiry: of every instrument first over
// all its prices, then over the middle half of the session.
func (e Enquiry) questions() []enquired {
	if len(e.Prices) == 0 {
		return nil
	}
	first, last := e.Prices[0].At, e.Prices[len(e.Prices)-1].At
	quarter := (last.Sub(first) / 4).Truncate(time.Microsecond)
	var all []enquired
	for _, s := range []span{{}, {first.Add(quarter), last.Add(-quarter)}} {
		for _, symbol := range e.Symbols {
			all = append(all, e.latest(symbol), e.between(symbol, s), e.average(symbol, s), e.bars(symbol))
		}
	}
	return all
}

// span is a stretch of time whose end does not belong to it; the zero value is
// all time.
type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool {
	return s.from.IsZero() || !at.Before(s.from) && at.Before(s.to)
}

func (s span) query(symbol string) string {
	values := url.Values{"symbol": {symbol}}
	if !s.from.IsZero() {
		values.Set("from", s.from.UTC().Format(time.RFC3339Nano))
		values.Set("to", s.to.UTC().Format(time.RFC3339Nano))
	}
	return "?" + values.Encode()
}

// traded are the prices of an instrument in a span, oldest first.
func (e Enquiry) traded(symbol string, s span) []price {
	var found []price
	for _, t := range e.Prices {
		if t.Symbol == symbol && s.holds(t.At) {
			found = append(found, price{t.At, t.Trade, t.Price, t.Volume})
		}
	}
	return found
}

func (e Enquiry) latest(symbol string) enquired {
	all := e.traded(symbol, span{})
	return enquired{
		path: "/api/prices/latest" + span{}.query(symbol), contract: "http/prices_latest",
		fits: func(status int, raw []byte) bool {
			var got struct {
				Symbol string `json:"symbol"`
				price
			}
			if len(all) == 0 {
				return status == http.StatusNotFound
			}
			return understood(status, raw, &got) && got.Symbol == symbol && got.price.is(all[len(all)-1])
		},
	}
}

func (e Enquiry) between(symbol string, s span) enquired {
	want := e.traded(symbol, s)
	return enquired{
		path: "/api/prices" + s.query(symbol), contract: "http/prices",
		fits: func(status int, raw []byte) bool {
			var got struct {
				Symbol string  `json:"symbol"`
				Prices []price `json:"prices"`
			}
			if !understood(status, raw, &got) || got.Symbol != symbol || len(got.Prices) != len(want) {
				return false
			}
			for i := range want {
				if !got.Prices[i].is(want[i]) {
					return false
				}
			}
			return true
		},
	}
}

func (p price) is(want price) bool {
	return p.At.Equal(want.At) && p.Trade == want.Trade && p.Price == want.Price && p.Volume == want.Volume
}

func (e Enquiry) average(symbol string, s span) enquired {
	want := e.traded(symbol, s)
	var value, volume float64
	for _, p := range want {
		value += p.Price * p.Volume
		volume += p.Volume
	}
	return enquired{
		path: "/api/prices/vwap" + s.query(symbol), contract: "http/prices_vwap",
		fits: func(status int, raw []byte) bool {
			var got struct {
				Symbol string  `json:"symbol"`
				VWAP   float64 `json:"vwap"`
				Volume float64 `json:"volume"`
				Trades int     `json:"trades"`
			}
			if len(want) == 0 {
				return status == http.StatusNotFound
			}
			return understood(status, raw, &got) && got.Symbol == symbol && got.Trades == len(want) &&
				nearly(got.Volume, volume) && nearly(got.VWAP, value/volume)
		},
	}
}

// nearly allows for the order in which a server adds up: one part in a billion.
func nearly(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Abs(want) }

func (e Enquiry) bars(symbol string) enquired {
	var want []bar
	for _, b := range e.Bars {
		if b.Symbol == symbol {
			want = append(want, wireBar(b))
		}
	}
	return enquired{
		path: "/api/bars" + span{}.query(symbol), contract: "http/bars",
		fits: func(status int, raw []byte) bool {
			var got struct {
				Symbol string `json:"symbol"`
				Bars   []bar  `json:"bars"`
			}
			if !understood(status, raw, &got) || got.Symbol != symbol || len(got.Bars) != len(want) {
				return false
			}
			for i := range want {
				if got.Bars[i] != want[i] {
					return false
				}
			}
			return true
		},
	}
}

func understood(status int, raw []byte, into any) bool {
	return status == http.StatusOK && json.Unmarshal(raw, into) == nil
}
