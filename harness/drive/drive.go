// Package drive does what the people around a service do: traders watch,
// markets trade, monitors ask for health, operators upgrade and roll back. It
// acts over the wire and returns what it saw as measures.
//
// Loss is a measurement: a price that never arrived is counted. Inability is
// an error: a service that cannot be reached proves nothing. The wire types
// are written again here on purpose, because a type shared with the service
// would hide a change of the contract.
//
// The package refuses to know limits, verdicts and Gherkin.
package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// patience is how long a single answer may take before the driver gives up on
// it. It is far beyond every target, so that lateness is measured, not cut off.
const patience = 15 * time.Second

// maxAnswer bounds the size of an answer that a driver reads.
const maxAnswer = 32 << 20

// Market is a running market-data service, seen from outside.
type Market struct {
	base    string
	http    *http.Client
	monitor time.Duration // how long a monitor waits for an answer
}

// NewMarket returns a client of the service at base, such as
// "http://127.0.0.1:8080". It opens at most connections of them at a time.
func NewMarket(base string, connections int) *Market {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: patience}).DialContext,
		MaxIdleConns:        connections,
		MaxIdleConnsPerHost: connections,
		MaxConnsPerHost:     connections,
	}
	return &Market{
		base:    strings.TrimRight(base, "/"),
		http:    &http.Client{Transport: transport, Timeout: patience},
		monitor: monitorPatience,
	}
}

// Close gives the connections back.
func (m *Market) Close() { m.http.CloseIdleConnections() }

// refusal is an answer that says that the request was not carried out.
type refusal struct {
	status int
	code   string
	detail string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the service refused (%d %s): %s", r.status, r.code, r.detail)
}

// post sends body as JSON and decodes the answer into answer, unless it is nil.
func (m *Market) post(ctx context.Context, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding the request to %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.base+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("asking %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	return m.do(req, answer)
}

func (m *Market) do(req *http.Request, answer any) error {
	status, raw, err := m.read(req)
	if err != nil {
		return err
	}
	if status >= http.StatusBadRequest {
		return refused(status, raw)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", req.URL.Path, err)
	}
	return nil
}

func (m *Market) read(req *http.Request) (int, []byte, error) {
	resp, err := m.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", req.URL.Path, withoutURL(err))
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer of %s: %w", req.URL.Path, err)
	}
	return resp.StatusCode, raw, nil
}

// fetch gets path and returns the status and the bytes as they came.
func (m *Market) fetch(ctx context.Context, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, http.NoBody)
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", path, err)
	}
	return m.read(req)
}

func refused(status int, raw []byte) error {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"error"`
	}
	if err := json.Unmarshal(raw, &said); err != nil || said.Error.Code == "" {
		return refusal{status: status, code: "unknown", detail: "an answer in another format"}
	}
	detail := said.Error.Message
	if said.Error.Field != "" {
		detail = said.Error.Field + ": " + detail
	}
	return refusal{status: status, code: said.Error.Code, detail: detail}
}

// withoutURL takes the address out of an error of the HTTP client: it differs
// in every run and says nothing.
func withoutURL(err error) error {
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && strings.Contains(err.Error(), "http://") {
		return wrapped.Unwrap()
	}
	return err
}
