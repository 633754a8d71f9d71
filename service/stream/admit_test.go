package stream_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/stream"
)

func withTicket(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer open sesame" }

func TestWhoMayNotListenIsToldWhyAndTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{Authenticate: withTicket, MaxClients: 1})
		for range 3 {
			c, answer := d.try(t, nil)
			require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode, "a page is told the code of a connection only")
			require.Equal(t, 0, d.Connections())
			code, before := c.closed()
			require.Equal(t, stream.CloseUnauthenticated, code)
			require.Equal(t, 0, before)
		}
		c, _ := d.try(t, http.Header{"Authorization": {"Bearer open sesame"}})
		c.expect("connection_established")
	})
}

func TestAPageOfAnotherSiteIsRefusedBeforeItsTicketIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{Authenticate: func(*http.Request) bool {
			t.Error("a ticket was spent")
			return false
		}})
		_, answer := d.try(t, http.Header{"Origin": {"https://evil.example"}})
		require.Equal(t, http.StatusForbidden, answer.StatusCode)
	})
}

func TestWhoMayNotListenAndStaysIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{Authenticate: withTicket})
		var lines []*client
		for range 300 { // more than may take their time
			c, _ := d.try(t, nil)
			lines = append(lines, c)
			go func() { _ = c.WriteMessage(websocket.TextMessage, []byte("and another thing")) }()
		}
		wait(t, 2*time.Second)
		for _, c := range lines {
			_, err := c.NetConn().Write([]byte("and another"))
			require.Error(t, err)
		}
	})
}

func TestATicketHoldsOnceAndForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tickets stream.Tickets
		ticket, expires, err := tickets.Issue()
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Until(expires))
		require.False(t, tickets.Redeem("another"))
		require.False(t, tickets.Redeem(""))
		require.True(t, tickets.Redeem(ticket))
		require.False(t, tickets.Redeem(ticket), "twice")

		late, _, err := tickets.Issue()
		require.NoError(t, err)
		inTime, _, err := tickets.Issue()
		require.NoError(t, err)
		require.NotEqual(t, late, inTime)
		wait(t, 30*time.Second-time.Millisecond)
		require.True(t, tickets.Redeem(inTime))
		wait(t, time.Millisecond)
		require.False(t, tickets.Redeem(late))
	})
}

func TestOnlySoManyTicketsAreOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tickets stream.Tickets
		var last string
		for range stream.MostTickets {
			var err error
			last, _, err = tickets.Issue()
			require.NoError(t, err)
		}
		_, _, err := tickets.Issue()
		require.ErrorIs(t, err, stream.ErrTooManyTickets)
		require.True(t, tickets.Redeem(last))
		_, _, err = tickets.Issue()
		require.NoError(t, err)
		wait(t, 30*time.Second)
		_, _, err = tickets.Issue()
		require.NoError(t, err, "those that were never used make room")
	})
}
