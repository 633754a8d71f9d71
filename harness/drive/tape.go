package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// tape is what is due in a session: each price as it is offered and the moment
// it was due, by position.
type tape struct {
	first  int64 // trade number of the first price
	prices []market.Tick
	// expected holds for each price how the message that brings it looks, up
	// to the moment of the trade; see expect.
	expected [][]byte

	due     []atomic.Int64
	start   time.Time
	arrived atomic.Int64
	wake    chan struct{}
}

func newTape(prices []market.Tick) *tape {
	return &tape{
		first: prices[0].Trade, prices: prices, due: make([]atomic.Int64, len(prices)),
		start: time.Now(), wake: make(chan struct{}, 1),
	}
}

// await returns when n deliveries have arrived, or when settle has passed
// without any.
func (t *tape) await(ctx context.Context, n int64, settle time.Duration) {
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for t.arrived.Load() < n {
		select {
		case <-t.wake:
			quiet.Reset(settle)
		case <-quiet.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// delivery is a message that brought a price: its trade number, and whether
// symbol, price and volume are those that were offered under this number.
type delivery struct {
	trade int64
	right bool
}

// read returns what a message brought, and false if it was no price. A figure
// that has no number in it is read as zero, which no price is.
func (t *tape) read(raw []byte) (delivery, bool) {
	if d, known := t.recognise(raw); known {
		return d, true
	}
	var said struct {
		Type string `json:"type"`
		Data struct {
			Symbol string  `json:"symbol"`
			Price  float64 `json:"price"`
			Volume float64 `json:"volume"`
			Trade  int64   `json:"trade"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &said) != nil && !json.Valid(raw) || said.Type != "market_data" {
		return delivery{}, false
	}
	d := delivery{trade: said.Data.Trade}
	if i := d.trade - t.first; i >= 0 && i < int64(len(t.prices)) {
		offered := t.prices[i]
		d.right = said.Data.Symbol == offered.Symbol && said.Data.Price == offered.Price && said.Data.Volume == offered.Volume
	}
	return d, true
}

// recognise is read for the bytes that are expected, at a twentieth of the
// cost: ten thousand messages a second leave the processor to the service.
func (t *tape) recognise(raw []byte) (delivery, bool) {
	rest, fits := bytes.CutPrefix(raw, []byte(`{"type":"market_data","timestamp":"`))
	if !fits {
		return delivery{}, false
	}
	stamp, rest, _ := bytes.Cut(rest, []byte(`","data":`))
	_, number, _ := bytes.Cut(rest, []byte(`,"trade":`))
	number, _, _ = bytes.Cut(number, []byte(`,`))
	trade, err := strconv.ParseInt(string(number), 10, 64)
	i := trade - t.first
	if err != nil || i < 0 || i >= int64(len(t.expected)) {
		return delivery{}, false
	}
	end, fits := bytes.CutPrefix(rest, t.expected[i])
	at, closed := bytes.CutSuffix(end, []byte(`"}}`))
	return delivery{trade: trade, right: true}, fits && closed && timeLike(stamp) && timeLike(at)
}

// timeLike reports whether text holds nothing but what a time is written with.
func timeLike(text []byte) bool {
	for _, b := range text {
		if (b < '0' || b > '9') && b != '-' && b != ':' && b != '.' && b != 'T' && b != 'Z' {
			return false
		}
	}
	return true
}

// expect prepares the bytes that recognise looks for.
func (t *tape) expect() {
	t.expected = make([][]byte, len(t.prices))
	for i, p := range t.prices {
		data, err := json.Marshal(struct {
			Symbol string  `json:"symbol"`
			Price  float64 `json:"price"`
			Volume float64 `json:"volume"`
			Trade  int64   `json:"trade"`
		}{p.Symbol, p.Price, p.Volume, p.Trade})
		if err != nil {
			t.expected = nil // every message is read in full
			return
		}
		t.expected[i] = append(data[:len(data)-1], `,"at":"`...)
	}
}

// sheet is what one listener has seen of a tape.
type sheet struct {
	tape  *tape
	seen  []bool // by position on the tape
	count int64  // prices seen
	wrong int64  // deliveries that nobody offered in this form, or that came again
	heard int64  // deliveries
}

func (t *tape) sheet() sheet { return sheet{tape: t, seen: make([]bool, len(t.prices))} }

// enter notes a delivery. It returns the position on the tape, and false if
// the delivery brought no price for the first time.
func (s *sheet) enter(d delivery) (int64, bool) {
	s.heard++
	i := d.trade - s.tape.first
	if i < 0 || i >= int64(len(s.seen)) || s.seen[i] {
		s.wrong++
		return 0, false
	}
	if !d.right {
		s.wrong++
	}
	s.seen[i] = true
	s.count++
	return i, true
}
