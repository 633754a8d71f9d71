package stream

import (
	"crypto/rand"
	"errors"
	"maps"
	"sync"
	"time"
)

const (
	// TicketTime is how long a ticket holds.
	TicketTime = 30 * time.Second
	// MostTickets is how many may be out at a time.
	MostTickets = 1000
)

// ErrTooManyTickets tells that MostTickets are out, none of them used or over.
var ErrTooManyTickets = errors.New("too many tickets are out")

// Tickets let a page connect that cannot send a header with its handshake: it
// asks for a ticket with the token and shows it in the address, where a token
// would be written into logs. Each holds once. The zero value is ready.
type Tickets struct {
	mu  sync.Mutex
	out map[string]time.Time // until when each holds
}

// Issue makes a ticket and says until when it holds.
func (t *Tickets) Issue() (ticket string, expires time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if len(t.out) >= MostTickets {
		maps.DeleteFunc(t.out, func(_ string, until time.Time) bool { return !now.Before(until) })
	}
	if len(t.out) >= MostTickets {
		return "", time.Time{}, ErrTooManyTickets
	}
	if t.out == nil {
		t.out = map[string]time.Time{}
	}
	ticket, expires = rand.Text(), now.Add(TicketTime)
	t.out[ticket] = expires
	return ticket, expires, nil
}

// Redeem says whether the ticket holds, and takes it.
func (t *Tickets) Redeem(ticket string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, out := t.out[ticket]
	delete(t.out, ticket)
	return out && time.Now().Before(until)
}
