package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/stream"
)

const dayLayout = time.DateOnly

type marketRoutes struct {
	store  *market.Store
	stream *stream.Manager
	log    *slog.Logger
}

// counts answers every kind of write.
type counts struct {
	Stored     int `json:"stored"`
	Duplicates int `json:"duplicates"`
}

// The fields of a request that has no sensible default are pointers, so that
// a missing one is refused rather than taken for zero.

type ticksBody struct {
	Ticks []tickBody `json:"ticks"`
}

type tickBody struct {
	Symbol string    `json:"symbol"`
	At     time.Time `json:"at"`
	Trade  *int64    `json:"trade"`
	Price  *float64  `json:"price"`
	Volume *float64  `json:"volume"`
}

type barsBody struct {
	Bars []barBody `json:"bars"`
}

type barBody struct {
	Symbol string   `json:"symbol"`
	Day    string   `json:"day"`
	Open   *float64 `json:"open"`
	High   *float64 `json:"high"`
	Low    *float64 `json:"low"`
	Close  *float64 `json:"close"`
	Volume *float64 `json:"volume"`
}

func (m *marketRoutes) storeTicks(w http.ResponseWriter, r *http.Request) {
	var body ticksBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, m.log, err)
		return
	}
	ticks, err := body.ticks()
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	fresh, stored, err := m.store.StoreTicks(r.Context(), ticks)
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	live := make([]stream.Tick, len(fresh))
	for i, t := range fresh {
		live[i] = stream.Tick{Symbol: t.Symbol, Price: t.Price, Volume: t.Volume, Trade: t.Trade, At: t.At}
	}
	m.stream.PublishTicks(live)
	writeJSON(w, http.StatusCreated, counts(stored))
}

func (b ticksBody) ticks() ([]market.Tick, error) {
	ticks := make([]market.Tick, len(b.Ticks))
	for i, t := range b.Ticks {
		path := func(field string) string { return fmt.Sprintf("ticks[%d].%s", i, field) }
		switch {
		case t.Trade == nil:
			return nil, missing(path("trade"))
		case t.Price == nil:
			return nil, missing(path("price"))
		case t.Volume == nil:
			return nil, missing(path("volume"))
		}
		ticks[i] = market.Tick{Symbol: t.Symbol, At: t.At, Trade: *t.Trade, Price: *t.Price, Volume: *t.Volume}
	}
	return ticks, nil
}

func (m *marketRoutes) storeBars(w http.ResponseWriter, r *http.Request) {
	var body barsBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, m.log, err)
		return
	}
	bars, err := body.bars()
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	stored, err := m.store.StoreBars(r.Context(), bars)
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	writeJSON(w, http.StatusCreated, counts(stored))
}

func (b barsBody) bars() ([]market.Bar, error) {
	bars := make([]market.Bar, len(b.Bars))
	for i, row := range b.Bars {
		path := func(field string) string { return fmt.Sprintf("bars[%d].%s", i, field) }
		day, err := time.Parse(dayLayout, row.Day)
		if err != nil {
			return nil, &market.Invalid{Field: path("day"), Problem: "must be a day such as 2016-01-04"}
		}
		amounts := []struct {
			field string
			value *float64
		}{{"open", row.Open}, {"high", row.High}, {"low", row.Low}, {"close", row.Close}, {"volume", row.Volume}}
		for _, a := range amounts {
			if a.value == nil {
				return nil, missing(path(a.field))
			}
		}
		bars[i] = market.Bar{
			Symbol: row.Symbol, Day: day,
			Open: *row.Open, High: *row.High, Low: *row.Low, Close: *row.Close, Volume: *row.Volume,
		}
	}
	return bars, nil
}

func missing(field string) error { return &market.Invalid{Field: field, Problem: "is missing"} }

// latestAnswer is also the shape of a market_data message.
type latestAnswer struct {
	Symbol string    `json:"symbol"`
	Price  float64   `json:"price"`
	Volume float64   `json:"volume"`
	Trade  int64     `json:"trade"`
	At     time.Time `json:"at"`
}

func (m *marketRoutes) latest(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), time.RFC3339Nano, "symbol", "deleted")
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	t, err := m.store.Latest(r.Context(), q.symbol, q.deleted)
	if err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	writeJSON(w, http.StatusOK, latestAnswer{t.Symbol, t.Price, t.Volume, t.Trade, t.At})
}

type pricesAnswer struct {
	Symbol string        `json:"symbol"`
	Prices []priceAnswer `json:"prices"`
}

type priceAnswer struct {
	At     time.Time `json:"at"`
	Trade  int64     `json:"trade"`
	Price  float64   `json:"price"`
	Volume float64   `json:"volume"`
}

func (m *marketRoutes) prices(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), time.RFC3339Nano, "symbol", "from", "to", "limit", "deleted")
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	ticks, err := m.store.Range(r.Context(), q.symbol, q.deleted, q.span, q.limit)
	if err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	answer := pricesAnswer{Symbol: q.symbol, Prices: make([]priceAnswer, len(ticks))}
	for i, t := range ticks {
		answer.Prices[i] = priceAnswer{t.At, t.Trade, t.Price, t.Volume}
	}
	writeJSON(w, http.StatusOK, answer)
}

type vwapAnswer struct {
	Symbol string  `json:"symbol"`
	VWAP   float64 `json:"vwap"`
	Volume float64 `json:"volume"`
	Trades int64   `json:"trades"`
}

func (m *marketRoutes) vwap(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), time.RFC3339Nano, "symbol", "from", "to", "deleted")
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	v, err := m.store.VWAP(r.Context(), q.symbol, q.deleted, q.span)
	if err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	writeJSON(w, http.StatusOK, vwapAnswer{q.symbol, v.Price, v.Volume, v.Trades})
}

type barsAnswer struct {
	Symbol string      `json:"symbol"`
	Bars   []barAnswer `json:"bars"`
}

type barAnswer struct {
	Day    string  `json:"day"`
	Open   float64 `json:"open"`
	High   float64 `json:"high"`
	Low    float64 `json:"low"`
	Close  float64 `json:"close"`
	Volume float64 `json:"volume"`
}

func (m *marketRoutes) bars(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), dayLayout, "symbol", "from", "to", "deleted")
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	bars, err := m.store.Bars(r.Context(), q.symbol, q.deleted, q.span)
	if err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	answer := barsAnswer{Symbol: q.symbol, Bars: make([]barAnswer, len(bars))}
	for i, b := range bars {
		answer.Bars[i] = barAnswer{b.Day.Format(dayLayout), b.Open, b.High, b.Low, b.Close, b.Volume}
	}
	writeJSON(w, http.StatusOK, answer)
}
