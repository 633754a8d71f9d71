package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/stream"
)

// ticketRoutes hand out tickets to those who cannot send a header with the
// handshake of a socket: pages in a browser.
type ticketRoutes struct {
	tickets *stream.Tickets
	log     *slog.Logger
}

type ticketAnswer struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (t *ticketRoutes) issue(w http.ResponseWriter, r *http.Request) {
	ticket, expires, err := t.tickets.Issue()
	if err != nil {
		w.Header().Set("Retry-After", "1")
		refuse(w, r, t.log, &problem{
			Status: http.StatusTooManyRequests, Code: "too_many_tickets", Message: "too many tickets wait to be used; try again in a moment",
		})
		return
	}
	writeJSON(w, http.StatusCreated, ticketAnswer{ticket, expires.UTC()})
}

// Admits says of the handshake of a socket whether it has the token or brings
// a ticket, which is used up by that.
func Admits(token string, tickets *stream.Tickets) func(*http.Request) bool {
	holds := holdsToken(token)
	return func(r *http.Request) bool {
		return holds(r) || tickets.Redeem(r.URL.Query().Get("ticket"))
	}
}
