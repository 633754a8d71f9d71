package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Misbehaviour is what some clients do while others behave and the market
// trades.
type Misbehaviour struct {
	// Table has a row for each client, of the columns MisbehaviourColumns.
	Table [][]string
	// Beside is how many clients behave.
	Beside int
	// Prices are traded meanwhile, For a time.
	Prices []market.Tick
	For    time.Duration
	// Private is a service that talks only to those who have the token.
	Private *Market
	Token   string
}

// MisbehaviourColumns are the columns of a table of misbehaviours, in their order.
func MisbehaviourColumns() []string { return []string{"behaviour", "told"} }

// misbehaviours are the things that a client may do, each with what it was told
// in the end.
func misbehaviours() map[string]func(*rascal) (told string, err error) {
	says := func(kind int, message []byte) func(*rascal) (string, error) {
		return func(r *rascal) (string, error) { return r.say(kind, message) }
	}
	return map[string]func(*rascal) (string, error){
		"reads half of what it is sent":      (*rascal).readHalf,
		"asks as fast as it can":             (*rascal).flood,
		"sends a message of 5,000 bytes":     says(websocket.TextMessage, fmt.Appendf(nil, `{"type":"ping","data":%q}`, strings.Repeat("x", 5000-25))),
		"sends a binary message":             says(websocket.BinaryMessage, []byte(`{"type":"ping"}`)),
		"sends text that is not UTF-8":       says(websocket.TextMessage, []byte("{\"type\":\"\xff\"}")),
		"comes from a page of another site":  (*rascal).comeFromElsewhere,
		"has no token for a private service": (*rascal).comeWithoutToken,
		"answers no ping":                    (*rascal).playDead,
		"sends what is no message":           (*rascal).stammer,
		"says good-bye":                      (*rascal).leave,
		"shows a ticket a second time":       (*rascal).showTicketTwice,
		"asks a private service in passing":  (*rascal).askInPassing,
	}
}

// Misbehave has each client of the table misbehave. It yields "misbehaviours
// not told": those that were told something else than the table says, or
// nothing; "close codes that no document explains", counted of those in the
// table; "other clients disconnected", counted of those who behave; "prices
// delivered" to them in per cent of those due, and "prices delivered wrong", as
// Market.Trade counts them.
func (m *Market) Misbehave(ctx context.Context, b Misbehaviour) (measure.Set, error) {
	unexplained, err := b.unexplained(ctx, m)
	if err != nil {
		return nil, err
	}
	var others []*caller
	defer func() {
		for _, c := range others {
			c.hangUp()
		}
	}()
	for range b.Beside {
		c, err := m.call(ctx)
		if err != nil {
			return nil, err
		}
		others = append(others, c)
	}
	trading := m.begin(ctx, b.Prices, b.For)
	still, cancel := trading.open(ctx)
	defer cancel()
	heardBy := make([][]heard, len(others))
	var listening sync.WaitGroup
	for i, c := range others {
		listening.Go(func() { heardBy[i], _ = c.until(still, anything) })
	}
	untold, err := b.play(ctx, m, trading.began.Add(b.For))
	listening.Wait()
	<-trading.over
	var gone, wrong measure.Share
	delivered := measure.Share{Of: int64(len(b.Prices) * len(others))}
	for i, c := range others {
		gone.Of++
		if c.gone() {
			gone.Hits++
		}
		sheet := trading.tape.sheet()
		for _, h := range heardBy[i] {
			if d, isPrice := trading.tape.read(h.raw); isPrice {
				sheet.enter(d)
			}
		}
		delivered.Hits += sheet.count
		wrong.Hits += sheet.wrong
		wrong.Of += sheet.heard
	}
	return measure.Set{
		"misbehaviours not told":                untold,
		"close codes that no document explains": {Share: &unexplained},
		"other clients disconnected":            {Share: &gone},
		"prices delivered":                      {Unit: "%", Share: &delivered},
		"prices delivered wrong":                {Share: &wrong},
	}, errors.Join(err, trading.err, ctx.Err())
}

// unexplained counts the close codes of the table that the service's own
// document does not have.
func (b Misbehaviour) unexplained(ctx context.Context, m *Market) (missing measure.Share, err error) {
	document, err := m.document(ctx, "/api/asyncapi.yaml")
	if err != nil {
		return missing, err
	}
	channels, explained := document.Keys("channels"), map[string]bool{}
	for _, channel := range channels {
		codes, _ := document.At("channels", channel, "x-close-codes").([]any)
		for _, code := range codes {
			if fields, ok := code.(map[string]any); ok {
				explained[fmt.Sprintf("closed with %v", fields["code"])] = fields["meaning"] != nil
			}
		}
	}
	for _, row := range b.Table {
		if strings.HasPrefix(row[1], "closed with") {
			missing.Of++
			if !explained[row[1]] {
				missing.Hits++
			}
		}
	}
	return missing, nil
}

// play has all misbehave at once and compares what they were told.
func (b Misbehaviour) play(ctx context.Context, m *Market, until time.Time) (measure.Value, error) {
	known := misbehaviours()
	said, failed := make([]string, len(b.Table)), make([]error, len(b.Table))
	var playing sync.WaitGroup
	for i, row := range b.Table {
		act, ok := known[row[0]]
		if !ok {
			return measure.Value{}, fmt.Errorf("no client can be had that %q; there are %q", row[0], slices.Sorted(maps.Keys(known)))
		}
		playing.Go(func() {
			r := &rascal{ctx: ctx, market: m, misbehaviour: b, until: until}
			told, err := act(r)
			if err != nil {
				failed[i] = fmt.Errorf("a client that %s: %w", row[0], err)
			}
			if told != row[1] {
				said[i] = fmt.Sprintf("one that %s was told %q", row[0], told)
			}
		})
	}
	playing.Wait()
	said = slices.DeleteFunc(said, func(text string) bool { return text == "" })
	return counted(said, len(b.Table), "each was told"), errors.Join(failed...)
}

// rascal is a client that misbehaves, until the time is over.
type rascal struct {
	ctx          context.Context //nolint:containedctx // it lives as long as one call
	market       *Market
	misbehaviour Misbehaviour
	until        time.Time
}

// nothing is what somebody was told whose line is as it was.
const nothing = "nothing"

// knock opens a line with a header of the client's own. A service that refuses
// has told why.
func (r *rascal) knock(m *Market, header http.Header, narrowed bool) (*websocket.Conn, string, error) {
	return r.knockWith(m, "", header, narrowed)
}

// knockWith knocks with a ticket too, as it stands in an address.
func (r *rascal) knockWith(m *Market, ticket string, header http.Header, narrowed bool) (*websocket.Conn, string, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	if narrowed {
		dialer.NetDialContext = (&net.Dialer{Control: narrow}).DialContext
	}
	conn, answer, err := dialer.DialContext(r.ctx, "ws"+strings.TrimPrefix(m.base, "http")+"/ws"+ticket, header)
	if answer != nil {
		_ = answer.Body.Close()
	}
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && answer != nil:
		return nil, fmt.Sprintf("refused with %d", answer.StatusCode), nil
	case err != nil:
		return nil, "", fmt.Errorf("opening a line to the market: %w", lineError(err))
	}
	_ = conn.SetReadDeadline(r.until)
	return conn, "", nil
}

// end reads until the line ends, with a pause before each message, and returns
// what was told.
func (r *rascal) end(conn *websocket.Conn, pace time.Duration) string {
	for {
		pause(r.ctx, pace)
		_, _, err := conn.ReadMessage()
		var closed *websocket.CloseError
		var network net.Error
		switch {
		case err == nil:
		case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
			return fmt.Sprintf("closed with %d", closed.Code)
		case errors.As(err, &network) && network.Timeout():
			return nothing
		default:
			return "cut off"
		}
	}
}

// readHalf reads half as many messages as prices are traded. It answers no
// ping: an answer that comes when the service has hung up would end the line
// before the farewell, which waits behind all that is still to be read.
func (r *rascal) readHalf() (string, error) {
	conn, told, err := r.knock(r.market, nil, true)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	conn.SetPingHandler(func(string) error { return nil })
	return r.end(conn, 2*r.misbehaviour.For/time.Duration(len(r.misbehaviour.Prices))), nil
}

func (r *rascal) flood() (string, error) {
	conn, told, err := r.knock(r.market, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(r.until)
	go func() { // ends with the line
		for conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)) == nil {
			continue
		}
	}()
	return r.end(conn, 0), nil
}

func (r *rascal) say(kind int, message []byte) (string, error) {
	conn, told, err := r.knock(r.market, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	if err := conn.WriteMessage(kind, message); err != nil {
		return "", fmt.Errorf("sending a message: %w", lineError(err))
	}
	return r.end(conn, 0), nil
}

// playDead reads and answers no ping.
func (r *rascal) playDead() (string, error) {
	conn, told, err := r.knock(r.market, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	conn.SetPingHandler(func(string) error { return nil })
	return r.end(conn, 0), nil
}
