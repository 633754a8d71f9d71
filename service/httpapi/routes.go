// Package httpapi is the HTTP surface of the market-data service. It decodes
// strictly, answers with JSON even when it refuses, and speaks of errors in
// fixed codes. It refuses to know SQL: what a driver says goes to the log only.
package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/probe"
	"github.com/signoff-dev/signoff/service/stream"
)

// Dependencies is what the surface stands on.
type Dependencies struct {
	// Store keeps the market. Required.
	Store *market.Store
	// Monitor watches the database. Required.
	Monitor *monitor.Service
	// Stream serves the WebSocket clients and hears of every new tick.
	// Required.
	Stream *stream.Manager
	// Alerts holds the alerts. Nil leaves their routes out.
	Alerts *alert.Service
	// Performance measures what the extension brought. Nil leaves its route out.
	Performance *probe.Service
	// History keeps how the figures were. Nil leaves its routes out.
	History *history.Keeper
	// Log receives what callers must not see. Nil discards it.
	Log *slog.Logger
	// Token, unless empty, is asked of every mutating request as
	// "Authorization: Bearer TOKEN".
	Token string
	// Private asks for the token of every other request too, but for whether
	// the service lives and is ready.
	Private bool
	// Tickets admit sockets, see Admits. Nil leaves their route out.
	Tickets *stream.Tickets
	// Version of the service, as shown by the health endpoints.
	Version string
	// Started is when the service began to serve.
	Started time.Time
}

// New returns the whole surface. Every route is on this screen.
func New(deps Dependencies) http.Handler {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	m := &marketRoutes{store: deps.Store, stream: deps.Stream, log: deps.Log}
	writing := requireToken(deps.Token)

	mux := http.NewServeMux()
	mux.Handle("POST /api/instruments", writing(m.registerInstruments))
	mux.HandleFunc("GET /api/instruments", m.listInstruments)
	mux.Handle("DELETE /api/instruments", writing(m.deleteInstrument))
	mux.Handle("POST /api/instruments/restore", writing(m.restoreInstrument))
	mux.Handle("POST /api/ticks", writing(m.storeTicks))
	mux.Handle("POST /api/bars", writing(m.storeBars))
	mux.HandleFunc("GET /api/prices/latest", m.latest)
	mux.HandleFunc("GET /api/prices", m.prices)
	mux.HandleFunc("GET /api/prices/vwap", m.vwap)
	mux.HandleFunc("GET /api/bars", m.bars)
	healthRoutes(mux, deps) // GET /api/health, /live, /ready, /database
	if deps.Performance != nil {
		mux.HandleFunc("GET /api/health/performance", performanceHandler{deps.Performance, deps.Monitor}.metrics)
	}
	if deps.Alerts != nil {
		a := &alertRoutes{alerts: deps.Alerts, log: deps.Log}
		mux.HandleFunc("GET /api/alerts", a.active)
		mux.HandleFunc("GET /api/alerts/history", a.history)
		mux.HandleFunc("GET /api/alerts/rules", a.rules)
		mux.Handle("POST /api/alerts/{rule}/acknowledge", writing(a.acknowledge))
		mux.HandleFunc("GET /api/alerts/silences", a.silences)
		mux.Handle("POST /api/alerts/silences", writing(a.silence))
		mux.Handle("DELETE /api/alerts/silences/{id}", writing(a.endSilence))
	}
	historyRoutes(mux, deps) // GET /api/history, /measures
	mux.HandleFunc("GET /api/openapi.yaml", document(openapi))
	mux.HandleFunc("GET /api/asyncapi.yaml", document(stream.Document()))
	if deps.Tickets != nil {
		mux.Handle("POST /api/ws/tickets", writing((&ticketRoutes{deps.Tickets, deps.Log}).issue))
	}
	mux.Handle("GET /ws", deps.Stream)

	surface := answerUnmatched(mux)
	if deps.Private {
		surface = keepPrivate(mux, deps.Token, surface)
	}
	return recoverPanics(deps.Log, refuseCrossSite(limitTime(surface)))
}
