package drive_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// greeting is the first message of every line.
const greeting = `{"type":"connection_established","timestamp":"2026-01-05T14:30:00.123456Z","data":{"client_id":"K7P2Q9XWVE4M","channels":["market_data"]}}`

// fake is a service that does what a test needs it to do wrong.
type fake struct {
	status   int           // answer to a price; 0 is 201
	swallows int64         // every so many prices is not sent on; 0 sends all
	held     time.Duration // how long each price is held up
	posted   atomic.Int64
	lines    chan chan []byte
}

func (f *fake) serve(t *testing.T) *drive.Market {
	t.Helper()
	f.lines = make(chan chan []byte, 64)
	feed := make(chan []byte, 1024)
	go f.fanOut(feed)
	t.Cleanup(func() { close(feed) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/ticks", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Ticks []json.RawMessage `json:"ticks"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		if f.status != 0 {
			w.WriteHeader(f.status)
			_, _ = w.Write([]byte(`{"error":{"code":"no","message":"not today"}}`))
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"stored":1,"duplicates":0}`))
		if n := f.posted.Add(1); f.swallows == 0 || n%f.swallows != 0 {
			frame, _ := json.Marshal(map[string]any{"type": "market_data", "timestamp": time.Now(), "data": body.Ticks[0]})
			feed <- frame
		}
	})
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		line := make(chan []byte, 1024)
		f.lines <- line
		_ = conn.WriteMessage(websocket.TextMessage, []byte(greeting))
		for frame := range line {
			<-time.After(f.held)
			if conn.WriteMessage(websocket.TextMessage, frame) != nil {
				break
			}
		}
		_ = conn.Close()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	m := drive.NewMarket(server.URL, 8)
	t.Cleanup(m.Close)
	return m
}

func (f *fake) fanOut(feed <-chan []byte) {
	var lines []chan []byte
	for {
		select {
		case line := <-f.lines:
			lines = append(lines, line)
		case frame, open := <-feed:
			for len(f.lines) > 0 {
				lines = append(lines, <-f.lines)
			}
			for _, line := range lines {
				if open {
					line <- frame
				} else {
					close(line)
				}
			}
			if !open {
				return
			}
		}
	}
}

// trade has 20 prices traded in a tenth of a second before two traders.
func trade(t *testing.T, m *drive.Market) (drive.Outcome, error) {
	t.Helper()
	g, err := m.Seat(t.Context(), 2, 0)
	require.NoError(t, err)
	t.Cleanup(g.Leave)
	prices := market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Take(20)
	return m.Trade(t.Context(), g, drive.Session{
		Schedule: load.Constant(200, 100*time.Millisecond), Prices: prices, Settle: 200 * time.Millisecond, Window: 50 * time.Millisecond,
	})
}

func TestEveryTraderSeesEveryPriceOfASoundService(t *testing.T) {
	out, err := trade(t, (&fake{}).serve(t))
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 40, Of: 40}, out.Measures["prices delivered"].Share)
	require.EqualValues(t, 40, out.Measures["delivery lag"].Histogram.Count())
	require.Equal(t, &measure.Share{Hits: 0, Of: 20}, out.Measures["prices refused"].Share)
}

func TestASwallowedPriceIsNotDelivered(t *testing.T) {
	out, err := trade(t, (&fake{swallows: 4}).serve(t))
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 30, Of: 40}, out.Measures["prices delivered"].Share)
}

func TestAHeldUpPriceIsLateFromTheMomentItWasDue(t *testing.T) {
	const held = 30 * time.Millisecond
	out, err := trade(t, (&fake{held: held}).serve(t))
	require.NoError(t, err)
	lag := out.Measures["delivery lag"].Histogram
	require.GreaterOrEqual(t, lag.Min(), held)
	require.GreaterOrEqual(t, lag.Max(), 10*held, "a price waits for those before it, and that counts")
}

func TestAServiceThatTakesNothingIsNoMeasurement(t *testing.T) {
	_, err := trade(t, (&fake{status: http.StatusServiceUnavailable}).serve(t))
	require.ErrorContains(t, err, "none of 20 prices was acknowledged")
	require.ErrorContains(t, err, "503 no")
}

func TestAServiceThatIsNotThereIsAnError(t *testing.T) {
	m := drive.NewMarket("http://127.0.0.1:1", 1)
	_, err := m.Seat(t.Context(), 1, 0)
	require.ErrorContains(t, err, "seating trader 1 of 1")
	_, err = m.AskHealth(t.Context(), 1)
	require.Error(t, err)
}
