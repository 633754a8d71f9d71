package drive_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// strict is a service that says one thing to whoever sends a message.
type strict struct {
	close    int    // closes with it; 0 cuts the line off
	refuse   int    // the handshake, with this status
	document string // of what it says on a line
}

func (s strict) serve(t *testing.T) *drive.Market {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/asyncapi.yaml", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s.document) })
	mux.HandleFunc("POST /api/ticks", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		if s.refuse != 0 && r.Header.Get("Origin") != "" {
			w.WriteHeader(s.refuse)
			return
		}
		conn, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
		if s.close != 0 {
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(s.close, ""))
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	m := drive.NewMarket(server.URL, 4)
	t.Cleanup(m.Close)
	return m
}

// explains is a document with one close code.
const explains = `{"asyncapi":"3.0.0","channels":{"live":{"x-close-codes":[{"code":1009,"meaning":"Too large."}]}}}`

func TestWhoMisbehavesIsToldWhatTheTableSays(t *testing.T) {
	large := func(told string) []string { return []string{"sends a message of 5,000 bytes", told} }
	elsewhere := func(told string) []string { return []string{"comes from a page of another site", told} }
	tests := map[string]struct {
		service     strict
		row         []string
		untold      float64
		says        string
		unexplained measure.Share
	}{
		"what it should be":        {strict{close: 1009}, large("closed with 1009"), 0, "each was told", measure.Share{Hits: 0, Of: 1}},
		"another code":             {strict{close: 1008}, large("closed with 1009"), 1, `was told "closed with 1008"`, measure.Share{Hits: 0, Of: 1}},
		"no code":                  {strict{}, large("closed with 1009"), 1, `was told "cut off"`, measure.Share{Hits: 0, Of: 1}},
		"one that nobody explains": {strict{close: 1008}, large("closed with 1008"), 0, "each was told", measure.Share{Hits: 1, Of: 1}},
		"refused":                  {strict{refuse: 403}, elsewhere("refused with 403"), 0, "each was told", measure.Share{}},
		"let in":                   {strict{}, elsewhere("refused with 403"), 1, `was told "nothing"`, measure.Share{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.service.document = explains
			m := test.service.serve(t)
			seen, err := m.Misbehave(t.Context(), drive.Misbehaviour{Table: [][]string{test.row}, Beside: 2, Prices: prices(5), For: 3 * time.Second})
			require.NoError(t, err)
			require.InDelta(t, test.untold, seen["misbehaviours not told"].Amount.Value, 0)
			require.Contains(t, seen["misbehaviours not told"].Amount.Says, test.says)
			require.Equal(t, &test.unexplained, seen["close codes that no document explains"].Share)
			require.Equal(t, &measure.Share{Hits: 0, Of: 10}, seen["prices delivered"].Share, "it delivers none")
			require.Equal(t, &measure.Share{Hits: 0, Of: 2}, seen["other clients disconnected"].Share)
		})
	}
}

func TestAMisbehaviourThatNobodyKnowsIsRefused(t *testing.T) {
	m := strict{document: explains}.serve(t)
	_, err := m.Misbehave(t.Context(), drive.Misbehaviour{Table: [][]string{{"sings", "closed with 1000"}}, Prices: prices(1), For: time.Millisecond})
	require.ErrorContains(t, err, `no client can be had that "sings"`)
}
