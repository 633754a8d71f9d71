package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// RequestTime bounds how long one request may take, its database work
// included.
const RequestTime = 10 * time.Second

// holdsToken says whether a request carries the token.
func holdsToken(token string) func(*http.Request) bool {
	want := sha256.Sum256([]byte(token))
	return func(r *http.Request) bool {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		return ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
}

// requireToken lets a request pass that carries the token. An empty token
// lets every request pass.
func requireToken(token string) func(http.HandlerFunc) http.Handler {
	holds := holdsToken(token)
	return func(next http.HandlerFunc) http.Handler {
		if token == "" {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !holds(r) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				writeJSON(w, http.StatusUnauthorized, map[string]*problem{"error": {
					Code: "unauthorized", Message: "this needs the header Authorization: Bearer TOKEN",
				}})
				return
			}
			next(w, r)
		})
	}
}

// keepPrivate asks every request for the token but those that ask whether the
// service lives, and the handshakes of sockets, which the stream looks at itself.
func keepPrivate(mux *http.ServeMux, token string, next http.Handler) http.Handler {
	guarded := requireToken(token)(next.ServeHTTP)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, pattern := mux.Handler(r); pattern {
		case "GET /api/health/live", "GET /api/health/ready", "GET /ws", "": // "" is answered as unknown
			next.ServeHTTP(w, r)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

// recoverPanics turns a panic into a fixed error; the stack goes to the log.
func recoverPanics(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			log.ErrorContext(r.Context(), "request panicked", "method", r.Method, "path", r.URL.Path,
				"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			writeJSON(w, http.StatusInternalServerError, map[string]*problem{"error": {
				Code: "internal_error", Message: "the request could not be carried out; the service's log says why",
			}})
		}()
		next.ServeHTTP(w, r)
	})
}

// refuseCrossSite keeps pages of other sites from writing through a visitor's
// browser.
func refuseCrossSite(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusForbidden, map[string]*problem{"error": {
			Code: "cross_site", Message: "a page of another site may not write here",
		}})
	}))
	return protection.Handler(next)
}

// limitTime gives every request but a socket its time.
func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), RequestTime)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// answerUnmatched answers in JSON where the mux would answer in plain text:
// for a path it does not know, and for a method the path does not take.
func answerUnmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &unsent{header: http.Header{}}
		handler.ServeHTTP(answer, r)
		if answer.status == http.StatusMethodNotAllowed {
			allowed := answer.header.Get("Allow")
			w.Header().Set("Allow", allowed)
			writeJSON(w, http.StatusMethodNotAllowed, map[string]*problem{"error": {
				Code: "method_not_allowed", Message: "this path takes " + allowed,
			}})
			return
		}
		writeJSON(w, http.StatusNotFound, map[string]*problem{"error": {
			Code: "not_found", Message: "there is nothing at this path",
		}})
	})
}

// unsent is an answer that is looked at instead of sent.
type unsent struct {
	header http.Header
	status int
}

func (u *unsent) Header() http.Header { return u.header }

func (u *unsent) WriteHeader(status int) { u.status = status }

func (u *unsent) Write(b []byte) (int, error) { return len(b), nil }
