package stream

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originCheck admits programs, which send no Origin, pages of the host they
// connect to, and pages of the listed origins.
func originCheck(origins []string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		origin := r.Header.Get("Origin")
		if origin == "" || slices.Contains(origins, origin) {
			return true
		}
		page, err := url.Parse(origin)
		return err == nil && page.Host != "" && strings.EqualFold(page.Host, r.Host)
	}
}

// refuseHandshake answers a handshake that the upgrader would not take, with
// a code of ours instead of the library's text.
func refuseHandshake(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	switch status {
	case http.StatusForbidden:
		refuse(w, status, "origin_refused", "Pages of this origin may not connect.")
	case http.StatusInternalServerError:
		refuse(w, status, "internal_error", "The connection could not be taken over.")
	default:
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "websocket_required", "This address speaks WebSocket version 13 only.")
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(map[string]errorData{"error": {Code: code, Message: message}})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
