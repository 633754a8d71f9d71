package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Attempt is something that was tried and must not succeed.
type Attempt struct {
	What string
	// Taken says that it did.
	Taken bool
}

// attempts are what was tried, in order.
type attempts []Attempt

// count yields how many succeeded wrongly, counted of those tried.
func (a attempts) count(name string) measure.Value {
	var taken int64
	for _, one := range a {
		if one.Taken {
			taken++
		}
	}
	return count(name, taken, int64(len(a)))
}

// impossibleTicks are ticks that cannot have happened, by what is wrong with
// them; a sound one is altered.
func impossibleTicks(now time.Time) map[string]func(*instant) {
	return map[string]func(*instant){
		"a price of zero":        func(t *instant) { t.Price = 0 },
		"a negative price":       func(t *instant) { t.Price = -1 },
		"a negative volume":      func(t *instant) { t.Volume = -1 },
		"a negative trade":       func(t *instant) { t.Trade = -1 },
		"a tick of next week":    func(t *instant) { t.At = now.AddDate(0, 0, 7) },
		"a tick of the next day": func(t *instant) { t.At = now.Add(25 * time.Hour) },
	}
}

// impossibleBars are the same for daily bars.
func impossibleBars(now time.Time) map[string]func(*bar) {
	return map[string]func(*bar){
		"a high below the low":   func(b *bar) { b.High, b.Low = b.Low, b.High },
		"an open above the high": func(b *bar) { b.Open = b.High + 1 },
		"a close below the low":  func(b *bar) { b.Close = b.Low / 2 },
		"a low of zero":          func(b *bar) { b.Low = 0 },
		"a negative bar volume":  func(b *bar) { b.Volume = -1 },
		"a bar of next week":     func(b *bar) { b.Day = now.AddDate(0, 0, 7).Format(time.DateOnly) },
	}
}

func soundTick(symbol string, now time.Time) instant {
	return instant{Symbol: symbol, At: now.UTC().Truncate(time.Microsecond), Trade: 9_000_000_000, Price: 100, Volume: 10}
}

func soundBar(now time.Time) bar {
	return bar{Day: now.UTC().AddDate(0, 0, -1).Format(time.DateOnly), Open: 101, High: 103, Low: 100, Close: 102, Volume: 10}
}

// OfferImpossible offers rows that cannot be true to the service, for a listed
// instrument, and returns what was tried. It yields "impossible rows taken",
// counted of those offered. A service that does not answer is an error.
func (m *Market) OfferImpossible(ctx context.Context, symbol string) (measure.Set, []Attempt, error) {
	now := time.Now()
	var tried attempts
	for what, spoil := range impossibleTicks(now) {
		t := soundTick(symbol, now)
		spoil(&t)
		if err := m.attempt(ctx, &tried, what, "/api/ticks", ticks{Ticks: []instant{t}}); err != nil {
			return nil, tried, err
		}
	}
	for what, spoil := range impossibleBars(now) {
		b := soundBar(now)
		spoil(&b)
		if err := m.attempt(ctx, &tried, what, "/api/bars", dailyBars{[]dailyBar{{symbol, b}}}); err != nil {
			return nil, tried, err
		}
	}
	return measure.Set{"impossible rows taken": tried.count("impossible rows taken")}, tried, nil
}

type dailyBar struct {
	Symbol string `json:"symbol"`
	bar
}

type dailyBars struct {
	Bars []dailyBar `json:"bars"`
}

// attempt posts what must be refused.
func (m *Market) attempt(ctx context.Context, tried *attempts, what, path string, body any) error {
	err := m.post(ctx, path, body, nil)
	var r refusal
	if err != nil && (!errors.As(err, &r) || r.status >= http.StatusInternalServerError) {
		return fmt.Errorf("offering %s: %w", what, err)
	}
	*tried = append(*tried, Attempt{What: what, Taken: err == nil})
	return nil
}

// ForceImpossible writes such rows past the service, straight into the tables,
// and takes back what was let in. It yields "impossible rows let in", counted of
// those written.
func (o Operator) ForceImpossible(ctx context.Context) (measure.Set, []Attempt, error) {
	now := time.Now()
	var tried attempts
	err := connected(ctx, o.DSN, "writing impossible rows", func(conn *pgx.Conn) error {
		for what, spoil := range impossibleTicks(now) {
			t := soundTick("", now)
			spoil(&t)
			if err := forced(ctx, conn, &tried, what, insertTick, t.At, t.Trade, t.Price, t.Volume); err != nil {
				return err
			}
		}
		for what, spoil := range impossibleBars(now) {
			b := soundBar(now)
			spoil(&b)
			if err := forced(ctx, conn, &tried, what, insertBar, b.Day, b.Open, b.High, b.Low, b.Close, b.Volume); err != nil {
				return err
			}
		}
		for _, never := range []string{"NaN", "Infinity"} {
			for _, columns := range []string{"'" + never + "', 1", "1, '" + never + "'"} {
				sql := `INSERT INTO ticks (instrument_id, at, trade, price, volume) SELECT min(id), now(), 9000000000, ` + columns + ` FROM instruments`
				if err := forced(ctx, conn, &tried, "price and volume of "+columns, sql); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return measure.Set{"impossible rows let in": tried.count("impossible rows let in")}, tried, err
}

const (
	insertTick = `INSERT INTO ticks (instrument_id, at, trade, price, volume) SELECT min(id), $1, $2, $3, $4 FROM instruments`
	insertBar  = `INSERT INTO bars (instrument_id, day, open, high, low, close, volume)
		SELECT min(id), $1::text::date, $2, $3, $4, $5, $6 FROM instruments`
)

// forced carries a statement out and takes it back. Only a broken constraint is
// a refusal; any other error is ours.
func forced(ctx context.Context, conn *pgx.Conn, tried *attempts, what, sql string, args ...any) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil {
		// Constraints that are checked at the end of a transaction count too.
		_, err = tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`)
	}
	var server *pgconn.PgError
	refused := errors.As(err, &server) && (strings.HasPrefix(server.Code, "23") || server.Code == "0A000" || server.Code == "2BP01")
	if err != nil && !refused {
		return finding(fmt.Sprintf("%s: %v", what, plain(err)))
	}
	if err == nil && tag.RowsAffected() == 0 && !tag.Select() && !strings.HasPrefix(tag.String(), "TRUNCATE") {
		return finding(what + ": there was nothing to do it to")
	}
	*tried = append(*tried, Attempt{What: what, Taken: err == nil})
	return nil
}

// DestroyHistory tries to remove instruments that have a history, past the
// service, and takes back what went through. It yields "removals of history that
// went through", counted of those tried, and "history rows lost", counted of all
// rows.
func (o Operator) DestroyHistory(ctx context.Context) (measure.Set, []Attempt, error) {
	before, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, nil, err
	}
	if before.Rows == 0 {
		return nil, nil, errors.New("trying to remove history: there is none")
	}
	var tried attempts
	err = connected(ctx, o.DSN, "trying to remove history", func(conn *pgx.Conn) error {
		for _, try := range [][2]string{
			{"deleting an instrument with trades", `DELETE FROM instruments WHERE id = (SELECT min(instrument_id) FROM ticks)`},
			{"deleting every instrument", `DELETE FROM instruments`},
			{"emptying the instruments", `TRUNCATE instruments`},
			{"giving an instrument with trades another number", `UPDATE instruments SET id = DEFAULT WHERE id = (SELECT min(instrument_id) FROM ticks)`},
		} {
			if err := forced(ctx, conn, &tried, try[0], try[1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, tried, err
	}
	after, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, tried, err
	}
	return measure.Set{
		"removals of history that went through": tried.count("removals of history that went through"),
		"history rows lost":                     count("history rows lost", before.rowsOf(before.Differ(after), after), before.Rows),
	}, tried, nil
}

// Repeat stores the same prices twice in one batch each, and then once more with
// other figures under the same identities. It yields "rows changed by
// repetition", counted of all rows stored after the first time, and "repetitions
// not told", counted of the prices of both repetitions that the service did not
// call duplicates.
func (m *Market) Repeat(ctx context.Context, o Operator, prices []market.Tick) (measure.Set, error) {
	var body ticks
	for _, p := range prices {
		body.Ticks = append(body.Ticks, wire(p))
	}
	if err := m.post(ctx, "/api/ticks", body, nil); err != nil {
		return nil, fmt.Errorf("storing %d prices: %w", len(prices), err)
	}
	before, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, err
	}
	altered := ticks{Ticks: slices.Clone(body.Ticks)}
	for i := range altered.Ticks {
		altered.Ticks[i].Price *= 2
		altered.Ticks[i].Volume *= 2
	}
	untold := measure.Share{}
	for _, again := range []ticks{body, altered} {
		var said struct {
			Stored     int64 `json:"stored"`
			Duplicates int64 `json:"duplicates"`
		}
		if err := m.post(ctx, "/api/ticks", again, &said); err != nil {
			return nil, fmt.Errorf("storing %d prices again: %w", len(prices), err)
		}
		untold.Of += int64(len(prices))
		untold.Hits += int64(len(prices)) - said.Duplicates
	}
	after, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, err
	}
	return measure.Set{
		"rows changed by repetition": count("rows changed by repetition", before.rowsOf(before.Differ(after), after), before.Rows),
		"repetitions not told":       {Name: "repetitions not told", Share: &untold},
	}, nil
}

// remove deletes an instrument by its symbol.
func (m *Market) remove(ctx context.Context, symbol string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, m.base+"/api/instruments?"+url.Values{"symbol": {symbol}}.Encode(), http.NoBody)
	if err != nil {
		return fmt.Errorf("deleting %s: %w", symbol, err)
	}
	return m.do(req, nil)
}
