package drive_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// version1 has a version 1 client follow 60 prices in a little over a second.
func version1(t *testing.T, e *exchange) measure.Set {
	t.Helper()
	seen, err := e.serve(t).FollowAsVersionOne(t.Context(), prices(60), 1200*time.Millisecond)
	require.NoError(t, err)
	return seen
}

func TestAClientOfVersionOneIsHeardOutToTheEnd(t *testing.T) {
	t.Parallel()
	seen := version1(t, &exchange{})
	require.Zero(t, seen["version 1 messages that changed"].Share.Hits)
	require.GreaterOrEqual(t, seen["version 1 messages that changed"].Share.Of, int64(35), "prices of two thirds of the session")
	require.Equal(t, &measure.Share{Hits: 0, Of: 8}, seen["version 1 answers that never came"].Share)
	require.Equal(t, &measure.Share{Hits: 0, Of: 1}, seen["version 1 clients disconnected"].Share)
	require.EqualValues(t, 1, seen["heartbeats received"].Share.Hits)
	require.Zero(t, seen["prices after unsubscribing"].Share.Hits)
	require.GreaterOrEqual(t, seen["prices after unsubscribing"].Share.Of, int64(10))
}

func TestALieToAClientOfVersionOneIsNoticed(t *testing.T) {
	tests := map[string]struct {
		exchange *exchange
		measure  string
		hits     int64
	}{
		"a price changes late in the session": {
			&exchange{tamper: only("market_data", 30, replace(`"data":`, `"seq":30,"data":`))}, "version 1 messages that changed", 1,
		},
		"a heartbeat carries more than it did": {
			&exchange{tamper: only("heartbeat", 1, replace(`\{\}`, `{"load":1}`))}, "version 1 messages that changed", 1,
		},
		"the second ping is never answered": {
			&exchange{tamper: only("pong", 2, never)}, "version 1 answers that never came", 1,
		},
		"prices keep coming to those who left": {
			&exchange{stubborn: true}, "prices after unsubscribing", 10,
		},
		"the line is cut late in the session": {
			&exchange{tamper: only("market_data", 30, hangUp)}, "version 1 clients disconnected", 1,
		},
		"the heart never beats": {
			&exchange{tamper: only("heartbeat", 1, never)}, "heartbeats received", 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := version1(t, test.exchange)[test.measure].Share
			if test.measure == "prices after unsubscribing" {
				require.GreaterOrEqual(t, seen.Hits, test.hits)
				return
			}
			require.Equal(t, test.hits, seen.Hits)
			require.Positive(t, seen.Of)
		})
	}
}

func TestAClientThatWantsPricesAloneGetsEachOnce(t *testing.T) {
	tests := map[string]struct {
		lie                      func(string, int, []byte) [][]byte
		others, delivered, wrong int64
	}{
		"as it should be":                     {nil, 0, 20, 0},
		"a price never comes":                 {only("market_data", 10, never), 0, 19, 0},
		"one comes twice in place of another": {only("market_data", 20, replace(`"trade":[0-9]*`, `"trade":1`)), 0, 19, 1},
		"something else comes last": {
			only("market_data", 20, func(f []byte) [][]byte { return [][]byte{f, []byte(`{"type":"heartbeat","data":{}}`)} }), 1, 20, 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := (&exchange{tamper: test.lie}).serve(t)
			seen, err := m.Subscribe(t.Context(), "market_data", prices(20), 100*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, test.others, seen["messages from other channels"].Share.Hits)
			require.Equal(t, &measure.Share{Hits: test.delivered, Of: 20}, seen["prices delivered"].Share)
			require.Equal(t, test.wrong, seen["prices delivered wrong"].Share.Hits)
		})
	}
}

func TestALineThatCannotBeOpenedIsToldWithoutAddresses(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	m := drive.NewMarket(closed.URL, 1)
	_, err := m.Seat(t.Context(), 1, 0)
	require.EqualError(t, err, "seating trader 1 of 1: opening a line to the market: the service answered 404 and opened none")
	closed.Close()
	_, err = m.Follow(t.Context(), time.Second)
	require.EqualError(t, err, "opening a line to the market: connection refused")
}
