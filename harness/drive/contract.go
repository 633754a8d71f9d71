package drive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// ofVersionOne reports whether a message type belongs to version 1. A client of
// version 1 ignores every other type.
func ofVersionOne(kind string) bool {
	switch kind {
	case "connection_established", "market_data", "health_status", "heartbeat", "pong", "subscribed", "unsubscribed":
		return true
	}
	return false
}

// turn is what a version 1 client says, if anything, and the message for which
// it then waits.
type turn struct{ say, answer string }

func greeting() []turn {
	return []turn{
		{"", "connection_established"},
		{`{"type":"ping"}`, "pong"},
		{"", "market_data"},
		{`{"type":"subscribe","data":{"channel":"market_data"}}`, "subscribed"},
		{`{"type":"subscribe","data":{"channel":"heartbeat"}}`, "subscribed"},
		{"", "market_data"},
	}
}

func farewell() []turn {
	return []turn{
		{`{"type":"unsubscribe","data":{"channel":"market_data"}}`, "unsubscribed"},
		{`{"type":"ping"}`, "pong"},
	}
}

// hold takes the turns of a conversation and returns all that was heard in it
// with the number of answers that never came.
func (c *caller) hold(ctx context.Context, turns []turn) (all []heard, missing int64) {
	for _, t := range turns {
		if t.say != "" && c.say(t.say) != nil {
			missing++
			continue // the line is gone
		}
		got, came := c.answer(ctx, t.answer)
		all = append(all, got...)
		if !came {
			missing++
		}
	}
	return all, missing
}

// FollowAsVersionOne holds the conversation of a version 1 client while the
// market trades prices: it connects, pings, subscribes to prices and
// heartbeats, listens, leaves the prices for the last third of the session and
// listens until the market is still. It yields
//
//   - "version 1 messages that changed", counted of all messages of version 1
//     in the session, each compared with its golden file;
//   - "version 1 answers that never came", counted of the turns;
//   - "version 1 clients disconnected";
//   - "prices after unsubscribing", counted of the prices due after it;
//   - "heartbeats received", counted of all messages.
func (m *Market) FollowAsVersionOne(ctx context.Context, prices []market.Tick, lasts time.Duration) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	trading := m.begin(ctx, prices, lasts)
	still, cancel := trading.open(ctx)
	defer cancel()
	leaving, cancel := context.WithDeadline(still, trading.began.Add(lasts*2/3))
	defer cancel()

	var answers, gone measure.Share
	all, missing := c.hold(ctx, greeting())
	got, _ := c.until(leaving, anything)
	all = append(all, got...)
	got, unanswered := c.hold(ctx, farewell())
	all = append(all, got...)
	got, _ = c.until(still, anything)
	all = append(all, got...)
	answers = measure.Share{Hits: missing + unanswered, Of: int64(len(greeting()) + len(farewell()))}
	gone.Of = 1
	if c.gone() {
		gone.Hits = 1
	}
	<-trading.over
	changed, after, beats := trading.judge(all)
	return measure.Set{
		"version 1 messages that changed":   {Share: &changed},
		"version 1 answers that never came": {Share: &answers},
		"version 1 clients disconnected":    {Share: &gone},
		"prices after unsubscribing":        {Share: &after},
		"heartbeats received":               {Share: &beats},
	}, errors.Join(trading.err, ctx.Err())
}

// judge counts what a version 1 client heard in the session.
func (h *hours) judge(all []heard) (changed, after, beats measure.Share) {
	left := false
	for _, said := range all {
		beats.Of++
		if said.Type != "" && !ofVersionOne(said.Type) {
			continue
		}
		changed.Of++
		if contracts.Golden("ws/"+said.Type, said.raw) != nil {
			changed.Hits++
		}
		switch {
		case said.Type == "heartbeat":
			beats.Hits++
		case said.Type == "unsubscribed" && !left:
			left = true
			after.Of = h.dueAfter(said.at)
		case said.Type == "market_data" && left:
			after.Hits++
		}
	}
	after.Of = max(after.Of, after.Hits)
	return changed, after, beats
}

// Subscribe listens to one channel while the market trades. It yields
// "messages from other channels", counted of all messages after the
// subscription, "prices delivered" in per cent of those due, and "prices
// delivered wrong" as Market.Trade counts them.
func (m *Market) Subscribe(ctx context.Context, channel string, prices []market.Tick, lasts time.Duration) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	if err := c.say(fmt.Sprintf(`{"type":"subscribe","data":{"channel":%q}}`, channel)); err != nil {
		return nil, err
	}
	if _, came := c.answer(ctx, "subscribed"); !came {
		return nil, errors.New("the subscription was never confirmed")
	}
	trading := m.begin(ctx, prices, lasts)
	still, cancel := trading.open(ctx)
	defer cancel()
	all, _ := c.until(still, anything)
	<-trading.over
	sheet, others := trading.tape.sheet(), measure.Share{Of: int64(len(all))}
	for _, h := range all {
		if d, isPrice := trading.tape.read(h.raw); isPrice {
			sheet.enter(d)
		}
		if h.Type != channel {
			others.Hits++
		}
	}
	return measure.Set{
		"messages from other channels": {Share: &others},
		"prices delivered":             {Unit: "%", Share: &measure.Share{Hits: sheet.count, Of: int64(len(prices))}},
		"prices delivered wrong":       {Share: &measure.Share{Hits: sheet.wrong, Of: sheet.heard}},
	}, errors.Join(trading.err, ctx.Err())
}

// nonsense is what no client should say.
func nonsense(i int) string {
	said := []string{
		`{`, `[]`, `"hello"`, ``, `{"type":7}`, `{"type":"no_such_type"}`, `{"type":"subscribe"}`,
		`{"type":"subscribe","data":{"channel":"no_such_channel"}}`,
		`{"type":"subscribe","data":{"channel":"database_performance","since":-1}}`,
		`{"type":"subscribe","data":{"channel":"database_performance","since":1.5}}`,
		`{"type":"subscribe","data":{"channel":"database_performance","since":"1"}}`,
		`{"type":"subscribe","data":{"channel":"database_performance","since":9007199254740993}}`,
		`{"type":"subscribe","data":{"channel":"market_data","since":1}}`,
	}
	return said[i%len(said)]
}

// TalkNonsense hears the first figures, sends messages that make no sense, and
// then a ping. It yields
// "nonsense without a clear answer", counted of what was sent: the answer must
// be an error message that fits its schema; and "clients disconnected".
func (m *Market) TalkNonsense(ctx context.Context, times int) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	if _, came := c.answer(ctx, figuresChannel); !came {
		return nil, fmt.Errorf("waiting for the first figures: %w", errNotTold)
	}
	unclear, gone := measure.Share{Of: int64(times)}, measure.Share{Of: 1}
	for i := range times {
		if c.say(nonsense(i)) != nil {
			unclear.Hits++
			continue // the line is gone
		}
		got, came := c.answer(ctx, "error")
		if !came || contracts.Check("ws/error", got[len(got)-1].raw) != nil {
			unclear.Hits++
		}
	}
	if c.say(`{"type":"ping"}`) != nil {
		gone.Hits = 1
	} else if _, came := c.answer(ctx, "pong"); !came {
		gone.Hits = 1
	}
	return measure.Set{
		"nonsense without a clear answer": {Share: &unclear},
		"clients disconnected":            {Share: &gone},
	}, ctx.Err()
}
