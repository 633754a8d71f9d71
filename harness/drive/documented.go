package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Documented is a time in which all that a service says is compared with the
// documents in which it says what it says.
type Documented struct {
	For    time.Duration
	Prices []market.Tick
	// Trouble is brought about and ended meanwhile, so that an alert is told.
	Trouble Alarm
}

// The kinds of messages that a client hears who waits and asks.
func kindsOfMessages() []string {
	return []string{
		"connection_established", "health_status", "market_data", "heartbeat", "database_performance", "partition_status",
		"performance_alert", "pong", "subscribed", "unsubscribed", "error",
	}
}

// CompareWithDocuments listens while the market trades and a trouble comes and
// goes, talks, and asks every question that the service's own document knows,
// some of them wrongly. It yields "messages that break the service's own
// document", counted of all, "answers that break the service's own document", and "kinds of messages never heard", counted of all kinds.
func (m *Market) CompareWithDocuments(ctx context.Context, d Documented) (measure.Set, error) {
	messages, err := m.document(ctx, "/api/asyncapi.yaml")
	if err != nil {
		return nil, err
	}
	answers, err := m.document(ctx, "/api/openapi.yaml")
	if err != nil {
		return nil, err
	}
	said, err := m.hearEverything(ctx, d)
	if err != nil {
		return nil, err
	}
	broken, kinds := measure.Share{}, map[string]bool{}
	for _, h := range said {
		kinds[h.Type] = true
		broken.Of++
		if !documented(messages, h) {
			broken.Hits++
		}
	}
	never := measure.Share{}
	for _, kind := range kindsOfMessages() {
		never.Of++
		if !kinds[kind] {
			never.Hits++
		}
	}
	wrong, err := m.askEverything(ctx, answers, d.Prices[0].Symbol)
	return measure.Set{
		"messages that break the service's own document": {Share: &broken},
		"kinds of messages never heard":                  {Share: &never},
		"answers that break the service's own document":  wrong,
	}, errors.Join(err, ctx.Err())
}

func (m *Market) document(ctx context.Context, path string) (*contracts.Document, error) {
	status, text, err := m.fetch(ctx, path)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, refused(status, text)
	}
	document, err := contracts.ParseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("reading what the service serves at %s: %w", path, err)
	}
	return document, nil
}

// documented reports whether the document has a message of that name which
// looks like this.
func documented(document *contracts.Document, h heard) bool {
	return slices.ContainsFunc(document.Keys("components", "messages"), func(key string) bool {
		return document.At("components", "messages", key, "name") == h.Type && document.Check(h.raw, "components", "messages", key, "payload") == nil
	})
}

// hearEverything has one client listen to the end, and another one talk.
func (m *Market) hearEverything(ctx context.Context, d Documented) ([]heard, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	trading := m.begin(ctx, d.Prices, d.For)
	still, cancel := trading.open(ctx)
	defer cancel()
	told := make(chan error, 1)
	go func() { told <- m.trouble(ctx, d.Trouble) }()
	talker, err := m.call(ctx)
	if err != nil {
		return nil, errors.Join(err, <-told)
	}
	defer talker.hangUp()
	all, _ := talker.hold(ctx, conversation()) // a kind of answer that never came is never heard
	rest, _ := c.until(still, anything)
	<-trading.over
	return append(all, rest...), errors.Join(trading.err, <-told)
}

// conversation has every answer that the service gives on a line.
func conversation() []turn {
	return []turn{
		{"", "connection_established"},
		{`{"type":"ping"}`, "pong"},
		{`{"type":"nonsense"}`, "error"},
		{"", figuresChannel},
		{`{"type":"subscribe","data":{"channel":"heartbeat"}}`, "subscribed"},
		{`{"type":"subscribe","data":{"channel":"` + figuresChannel + `","since":0}}`, "subscribed"},
		{"", figuresChannel},
		{`{"type":"unsubscribe","data":{"channel":"heartbeat"}}`, "unsubscribed"},
		{`{"type":"subscribe","data":{"channel":"market_data","since":1}}`, "error"},
	}
}

// trouble brings a trouble about, and ends it when the alert had time to be told.
func (m *Market) trouble(ctx context.Context, t Alarm) error {
	c, err := m.call(ctx)
	if err != nil {
		return err
	}
	defer c.hangUp()
	if err := t.Begin(ctx); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	_, _ = c.until(waiting, alertsChannel) // one that is never told is never heard
	return t.End(context.WithoutCancel(ctx))
}
