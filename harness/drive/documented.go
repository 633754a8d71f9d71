package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
// document" and "answers that break the service's own document", counted of all,
// and "kinds of messages never heard", counted of all kinds.
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
		"answers that break the service's own document":  {Share: &wrong},
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

// documentedQuestion is one question: the path as the document writes it, and as it is asked.
type documentedQuestion struct {
	documented, path string
	header           http.Header
}

// everyQuestion are the questions about a market of that instrument, right and
// wrong ones.
func everyQuestion(symbol string) []documentedQuestion {
	of := "?symbol=" + url.QueryEscape(symbol)
	var all []documentedQuestion
	for documented, asked := range map[string][]string{
		"/api/health":                     {"/api/health"},
		"/api/health/live":                {"/api/health/live"},
		"/api/health/ready":               {"/api/health/ready"},
		"/api/health/database":            {"/api/health/database"},
		"/api/health/partitions":          {"/api/health/partitions"},
		"/api/health/performance":         {"/api/health/performance"},
		"/api/health/queries/{name}/plan": {"/api/health/queries/daily%20bars/plan", "/api/health/queries/nonsense/plan"},
		"/api/history":                    {"/api/history?measure=pool.utilisation", "/api/history", "/api/history?measure=nonsense", "/api/history?measure=pool.acquired&step=0.5s"},
		"/api/history/measures":           {"/api/history/measures", "/api/history/measures?nonsense=1"},
		"/api/alerts":                     {"/api/alerts", "/api/alerts?state=firing", "/api/alerts?state=nonsense"},
		"/api/alerts/history":             {"/api/alerts/history", "/api/alerts/history?limit=-1"},
		"/api/alerts/rules":               {"/api/alerts/rules"},
		"/api/alerts/silences":            {"/api/alerts/silences"},
		"/api/instruments":                {"/api/instruments", "/api/instruments?deleted=nonsense"},
		"/api/prices/latest":              {"/api/prices/latest" + of, "/api/prices/latest?symbol=NONSENSE", "/api/prices/latest"},
		"/api/prices":                     {"/api/prices" + of, "/api/prices" + of + "&limit=x"},
		"/api/prices/vwap":                {"/api/prices/vwap" + of, "/api/prices/vwap?symbol=NONSENSE"},
		"/api/bars":                       {"/api/bars" + of, "/api/bars"},
		"/api/openapi.yaml":               {"/api/openapi.yaml"},
		"/api/asyncapi.yaml":              {"/api/asyncapi.yaml"},
		"/ws":                             {"/ws"},
	} {
		for _, path := range asked {
			all = append(all, documentedQuestion{documented: documented, path: path})
		}
	}
	return all
}

// askEverything asks every question, once more for what has changed since, and
// compares the answers with the document.
func (m *Market) askEverything(ctx context.Context, document *contracts.Document, symbol string) (wrong measure.Share, err error) {
	questions := everyQuestion(symbol)
	for _, path := range document.Keys("paths") {
		known := func(q documentedQuestion) bool { return q.documented == path }
		if slices.Contains(document.Keys("paths", path), "get") && !slices.ContainsFunc(questions, known) {
			return wrong, fmt.Errorf("the service's document has the question %s, and nobody asks it here", path)
		}
	}
	for len(questions) > 0 {
		q := questions[0]
		questions = questions[1:]
		header, fits, err := m.askAsDocumented(ctx, document, q)
		if err != nil {
			return wrong, err
		}
		wrong.Of++
		if !fits {
			wrong.Hits++
		}
		if tag := header.Get("ETag"); tag != "" && q.header == nil {
			questions = append(questions, documentedQuestion{q.documented, q.path, http.Header{"If-None-Match": {tag}}})
		}
	}
	return wrong, nil
}

func (m *Market) askAsDocumented(ctx context.Context, document *contracts.Document, q documentedQuestion) (header http.Header, fits bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+q.path, http.NoBody)
	if err != nil {
		return nil, false, fmt.Errorf("asking %s: %w", q.path, err)
	}
	for key, values := range q.header {
		request.Header[key] = values
	}
	response, err := m.http.Do(request)
	if err != nil {
		return nil, false, fmt.Errorf("asking %s: %w", q.path, withoutURL(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, false, fmt.Errorf("reading the answer of %s: %w", q.path, err)
	}
	place := []string{"paths", q.documented, "get", "responses", strconv.Itoa(response.StatusCode)}
	if document.At(place...) == nil {
		return response.Header, false, nil
	}
	forms := document.Keys(append(place, "content")...)
	if len(forms) == 0 {
		return response.Header, len(raw) == 0, nil
	}
	form, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(forms, form) {
		return response.Header, false, nil
	}
	if !strings.HasSuffix(form, "json") {
		return response.Header, len(raw) > 0, nil
	}
	return response.Header, document.Check(raw, append(place, "content", form, "schema")...) == nil, nil
}
