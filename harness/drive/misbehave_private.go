package drive

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
)

func (r *rascal) comeFromElsewhere() (string, error) {
	conn, told, err := r.knock(r.market, http.Header{"Origin": {"https://elsewhere.example"}}, false)
	if conn == nil {
		return told, err
	}
	return nothing, conn.Close()
}

// comeWithoutToken also comes with the token: a service that lets nobody in
// keeps nothing private.
func (r *rascal) comeWithoutToken() (string, error) {
	conn, told, err := r.knock(r.misbehaviour.Private, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	told = r.end(conn, 0)
	invited, refused, err := r.knock(r.misbehaviour.Private, r.token(), false)
	if invited == nil {
		return told + ", and with the token " + refused, err
	}
	defer invited.Close()
	if _, _, err := invited.ReadMessage(); err != nil {
		return told + ", and not greeted with the token", nil
	}
	return told, nil
}

// showTicketTwice comes with a ticket, and again with the same one.
func (r *rascal) showTicketTwice() (string, error) {
	private := r.misbehaviour.Private
	var given struct{ Ticket string }
	if err := r.request(http.MethodPost, "/api/ws/tickets", r.token(), &given); err != nil {
		return "", err
	}
	ticket := "?" + url.Values{"ticket": {given.Ticket}}.Encode()
	guest, refused, err := r.knockWith(private, ticket, nil, false)
	if guest == nil {
		return "with a new ticket " + refused, err
	}
	defer guest.Close()
	if _, _, err := guest.ReadMessage(); err != nil {
		return "not greeted with a new ticket", nil
	}
	conn, told, err := r.knockWith(private, ticket, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	return r.end(conn, 0), nil
}

// askInPassing asks a private service without its token. With the token, and
// where it only says whether it lives, it has to answer.
func (r *rascal) askInPassing() (string, error) {
	for path, header := range map[string]http.Header{"/api/health/live": nil, "/api/health/database": r.token()} {
		if err := r.request(http.MethodGet, path, header, nil); err != nil {
			return "", err
		}
	}
	away := refusal{}
	switch err := r.request(http.MethodGet, "/api/health/database", nil, nil); {
	case errors.As(err, &away):
		return fmt.Sprintf("refused with %d", away.status), nil
	case err != nil:
		return "", err
	}
	return nothing, nil
}

func (r *rascal) request(method, path string, header http.Header, answer any) error {
	request, err := http.NewRequestWithContext(r.ctx, method, r.misbehaviour.Private.base+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking %s: %w", path, err)
	}
	maps.Copy(request.Header, header)
	return r.misbehaviour.Private.do(request, answer)
}

func (r *rascal) token() http.Header {
	return http.Header{"Authorization": {"Bearer " + r.misbehaviour.Token}}
}

// stammer sends a frame that is not masked, as those of clients must be.
func (r *rascal) stammer() (string, error) {
	conn, told, err := r.knock(r.market, nil, false)
	if conn == nil {
		return told, err
	}
	defer conn.Close()
	if _, err := conn.NetConn().Write([]byte{0x81, 2, 'h', 'i'}); err != nil {
		return "", fmt.Errorf("sending no message: %w", lineError(err))
	}
	return r.end(conn, 0), nil
}

func (r *rascal) leave() (string, error) {
	return r.say(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}
