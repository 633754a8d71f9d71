package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/stream"
)

// newPrivate is a service that shows nothing without the token.
func newPrivate(t *testing.T) (url string) {
	t.Helper()
	tickets := &stream.Tickets{}
	sockets := stream.NewManager(stream.Config{Authenticate: httpapi.Admits("open sesame", tickets)})
	server := httptest.NewServer(documented(t, httpapi.New(httpapi.Dependencies{
		Store: market.New(market.Config{}), Monitor: monitor.New(monitor.Config{}), Stream: sockets,
		Alerts: alert.New(alert.Config{Board: alert.NewBoard(alert.Defaults()), Monitor: broken{}}),
		Token:  "open sesame", Tickets: tickets, Private: true, Started: time.Now(),
	})))
	t.Cleanup(server.Close)
	return server.URL
}

func send(t *testing.T, method, url, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode, string(text)
}

func TestAPrivateServiceShowsNothingWithoutTheToken(t *testing.T) {
	url := newPrivate(t)
	open := []string{"GET /api/health/live", "GET /api/health/ready", "GET /ws"}
	for _, pattern := range operations(readOpenAPI(t)) {
		method, path, _ := strings.Cut(pattern, " ")
		if slices.Contains(open, pattern) || strings.Contains(path, "/history") && !strings.Contains(path, "alerts") || strings.Contains(path, "performance") {
			continue // those of parts that this service does not have
		}
		for _, token := range []string{"", "open barley"} {
			status, body := send(t, method, url+path, token)
			require.Equal(t, http.StatusUnauthorized, status, pattern)
			require.Contains(t, body, `"code":"unauthorized"`)
		}
	}
	for _, pattern := range open[:2] {
		status, _ := send(t, http.MethodGet, url+strings.TrimPrefix(pattern, "GET "), "")
		require.NotEqual(t, http.StatusUnauthorized, status, pattern)
	}
	status, _ := send(t, http.MethodGet, url+"/api/alerts/rules", "open sesame")
	require.Equal(t, http.StatusOK, status)
	status, _ = send(t, http.MethodGet, url+"/api/weather", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestASocketOfAPrivateServiceNeedsTheTokenOrATicketOnce(t *testing.T) {
	url := newPrivate(t)
	status, body := send(t, http.MethodPost, url+"/api/ws/tickets", "open sesame")
	require.Equal(t, http.StatusCreated, status)
	require.NoError(t, contracts.Check("http/ws_ticket", []byte(body)))
	var given struct{ Ticket string }
	require.NoError(t, json.Unmarshal([]byte(body), &given))

	// first is what the socket says first.
	first := func(query string, header http.Header) string {
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/ws"+query, header)
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, message, err := conn.ReadMessage()
		if websocket.IsCloseError(err, stream.CloseUnauthenticated) {
			return "4401"
		}
		require.NoError(t, err)
		return string(message)
	}
	require.Equal(t, "4401", first("", nil))
	require.Equal(t, "4401", first("?ticket=", nil))
	require.Equal(t, "4401", first("?ticket=another", nil))
	require.Equal(t, "4401", first("", http.Header{"Authorization": {"Bearer open barley"}}))
	require.Contains(t, first("", http.Header{"Authorization": {"Bearer open sesame"}}), "connection_established")
	require.Contains(t, first("?ticket="+given.Ticket, nil), "connection_established")
	require.Equal(t, "4401", first("?ticket="+given.Ticket, nil), "a second time")
}

func TestMoreTicketsThanMayBeOutAreRefused(t *testing.T) {
	url := newPrivate(t)
	for range stream.MostTickets {
		status, _ := send(t, http.MethodPost, url+"/api/ws/tickets", "open sesame")
		require.Equal(t, http.StatusCreated, status)
	}
	status, body := send(t, http.MethodPost, url+"/api/ws/tickets", "open sesame")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.NoError(t, contracts.Check("http/error", []byte(body)))
}

func TestTheServiceServesTheDocumentOfItsStream(t *testing.T) {
	url := newSurface(t, "").url
	status, body := send(t, http.MethodGet, url+"/api/asyncapi.yaml", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, string(stream.Document()), body)
}
