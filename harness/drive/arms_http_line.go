package drive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/signoff-dev/signoff/harness/load"
)

// request is a request as it goes over the wire, written beforehand.
type request struct {
	method, path string
	raw          []byte
}

// newRequest writes a request for address, with body as JSON unless it is nil.
func newRequest(method, address string, body any) (request, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return request{}, fmt.Errorf("encoding a request: %w", err)
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, content)
	if err != nil {
		return request{}, fmt.Errorf("writing a request: %w", withoutURL(err))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	var written bytes.Buffer
	if err := req.Write(&written); err != nil {
		return request{}, fmt.Errorf("writing a request to %s: %w", req.URL.Path, err)
	}
	return request{method: method, path: req.URL.Path, raw: written.Bytes()}, nil
}

// line is one connection to a service on which requests follow each other. It
// does as little as can be done between two of them: what the harness needs for
// itself would dilute every difference between two services.
type line struct {
	conn    net.Conn
	answers *bufio.Reader
	release func() bool
}

// openLine connects to the service at base, which is any address on it. The
// line is of no more use once ctx is done.
func openLine(ctx context.Context, base string) (*line, error) {
	address, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("the address of the service is not readable")
	}
	conn, err := load.Dial(ctx, "tcp", address.Host)
	if err != nil {
		return nil, fmt.Errorf("connecting to the service: %w", lineError(err))
	}
	l := &line{conn: conn, answers: bufio.NewReaderSize(conn, 64<<10)}
	l.release = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return l, nil
}

func (l *line) close() {
	l.release()
	_ = l.conn.Close()
}

// ask sends a request and reads its answer to the end. Whatever does not
// succeed is an error: it has no time that could be compared.
func (l *line) ask(q request) error {
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("asking %s: %w", q.path, lineError(err))
	}
	if _, err := l.conn.Write(q.raw); err != nil {
		return fmt.Errorf("asking %s: %w", q.path, lineError(err))
	}
	answer, err := http.ReadResponse(l.answers, &http.Request{Method: q.method})
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", q.path, lineError(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		raw, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		return refused(answer.StatusCode, raw)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", q.path, lineError(err))
	}
	return nil
}
