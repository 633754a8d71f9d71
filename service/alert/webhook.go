package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// hookTime bounds one delivery.
	hookTime = 5 * time.Second
	// hookQueue is how many notices may wait for a receiver; one more drops
	// the oldest.
	hookQueue = 256
	// firstRetry doubles with every failure up to lastRetry.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Webhook delivers notices to one address, in order, each at least once: one
// that was not taken is sent again, after a while that grows.
type Webhook struct {
	address *url.URL
	source  string
	// of is whose alerts it tells: empty for those of all replicas.
	of     string
	log    *slog.Logger
	client http.Client
	retry  time.Duration

	mu    sync.Mutex
	queue []Notice
	more  chan struct{}
}

// NewWebhook makes a webhook for an http or https address. Source is the
// address of this service, as receivers see it. A nil log discards.
func NewWebhook(address, source string, log *slog.Logger) (*Webhook, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, errors.New("must be an address such as https://alerts.example/hook")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Webhook{
		address: parsed, source: source, log: log, retry: firstRetry, more: make(chan struct{}, 1),
		client: http.Client{Timeout: hookTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// key names the address in what is saved; the address itself may be a secret.
func (h *Webhook) key() string {
	sum := sha256.Sum256([]byte(h.address.String()))
	return hex.EncodeToString(sum[:8])
}

// beside makes another webhook to the same address, with a queue of its own,
// for the alerts that are of this replica alone.
func (h *Webhook) beside() *Webhook {
	return &Webhook{
		address: h.address, source: h.source, of: h.source, log: h.log, retry: h.retry, more: make(chan struct{}, 1),
		client: http.Client{Timeout: h.client.Timeout, CheckRedirect: h.client.CheckRedirect},
	}
}

// Enqueue takes notices to deliver. It never waits. One that waits already is
// not taken again.
func (h *Webhook) Enqueue(notices []Notice) {
	h.mu.Lock()
	for _, n := range notices {
		if slices.ContainsFunc(h.queue, func(waiting Notice) bool { return waiting.Key == n.Key }) {
			continue
		}
		if len(h.queue) == hookQueue {
			h.log.Warn("webhook does not keep up, the oldest notice is dropped", "host", h.address.Host, "key", h.queue[0].Key)
			h.queue = slices.Delete(h.queue, 0, 1)
		}
		h.queue = append(h.queue, n)
	}
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// Waiting lists what was not delivered yet.
func (h *Webhook) Waiting() []Notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.queue)
}

// Forget drops what was not delivered yet.
func (h *Webhook) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue = nil
}

// Run delivers until ctx ends. What then waits can be had from Waiting.
func (h *Webhook) Run(ctx context.Context) error {
	defer h.client.CloseIdleConnections()
	failures := 0
	for {
		waiting := h.Waiting()
		if len(waiting) == 0 {
			select {
			case <-h.more:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		err := h.deliver(ctx, waiting[0])
		var refusal refused
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
			h.done(waiting[0].Key)
			continue
		case errors.As(err, &refusal):
			h.log.Error("webhook refuses a notice, it is dropped", "host", h.address.Host, "key", waiting[0].Key, "status", int(refusal))
			h.done(waiting[0].Key)
			continue
		}
		if failures == 0 {
			h.log.Warn("webhook does not take a notice, it is tried again", "host", h.address.Host, "key", waiting[0].Key, "error", plainHook(err))
		}
		failures++
		select {
		case <-time.After(h.pause(failures)):
		case <-ctx.Done():
			return nil
		}
	}
}

// pause is between half and all of what doubles with every failure.
func (h *Webhook) pause(failures int) time.Duration {
	most := min(h.retry<<min(failures-1, 16), lastRetry)
	return most/2 + rand.N(most/2+1)
}

func (h *Webhook) done(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queue = slices.DeleteFunc(h.queue, func(n Notice) bool { return n.Key == key })
}

// refused is the status of a receiver that will never take the notice.
type refused int

func (r refused) Error() string { return fmt.Sprintf("the receiver answered %d", int(r)) }

// plainHook drops the address, which may be a secret, from what the client says.
func plainHook(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return err.Error()
}

func (h *Webhook) deliver(ctx context.Context, n Notice) error {
	body, err := json.Marshal(h.message(n))
	if err != nil {
		return fmt.Errorf("encoding a notice: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", n.Key)
	answer, err := h.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	switch code := answer.StatusCode; {
	case code < 300:
		return nil
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		return refused(code)
	default:
		return fmt.Errorf("the receiver answered %d", code)
	}
}
