package stream_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/stream"
)

// FuzzWhatAClientSays: whatever it is, it is answered by messages of the
// contract or by a close code of the document, and the service goes on.
func FuzzWhatAClientSays(f *testing.F) {
	for _, said := range []string{
		``, `hello`, `{"type":"ping"}`, `{"type":"subscribe","data":{"channel":"performance_alert","since":1}}`, "{\"type\":\"\xff\"}",
		`{"type":"subscribe","data":{"channel":"market_data","since":-1}}`, `{"type":"unsubscribe","data":{"channel":"heartbeat"}}`,
		`{"type":"subscribe","data":{"channel":"performance_alert","since":1e99}}`, strings.Repeat("[", 4096), strings.Repeat("x", 4097),
	} {
		f.Add(said, false)
	}
	f.Add(`{"type":"ping"}`, true)
	document := readDocument(f)
	f.Fuzz(func(t *testing.T, said string, binary bool) {
		d := stream.NewManager(stream.Config{})
		for _, message := range past(1, 3) {
			d.Relay(message.Channel, message.Seq, message.At, message.Data)
		}
		server := httptest.NewServer(d)
		defer server.Close()
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
		require.NoError(t, err)
		c := &client{conn, t, document}
		kind := websocket.TextMessage
		if binary {
			kind = websocket.BinaryMessage
		}
		require.NoError(t, c.WriteMessage(kind, []byte(said)))
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		for {
			_, message, err := c.ReadMessage()
			if err != nil {
				require.True(t, websocket.IsCloseError(err, codes()...), "%v", err)
				break
			}
			c.check(message)
		}
		_ = c.Close()
		require.Eventually(t, func() bool { return d.Connections() == 0 }, 5*time.Second, time.Millisecond)
	})
}

func codes() []int {
	var all []int
	for _, code := range closeCodes() {
		all = append(all, code)
	}
	return all
}
