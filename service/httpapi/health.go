package httpapi

import (
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// healthRoutes registers the health endpoints. All of them answer from the
// monitor's last snapshot, so that a stopped or blocked database still gets
// an answer at once. The first three are v1: their bytes are frozen.
func healthRoutes(mux *http.ServeMux, deps Dependencies) {
	h := healthHandler{monitor: deps.Monitor, version: deps.Version, started: deps.Started}
	mux.HandleFunc("GET /api/health", h.overall)
	mux.HandleFunc("GET /api/health/live", h.live)
	mux.HandleFunc("GET /api/health/ready", h.ready)
	mux.HandleFunc("GET /api/health/database", h.database)
}

// healthTime is RFC 3339 in UTC with microseconds, as on the socket.
const healthTime = "2006-01-02T15:04:05.000000Z"

type healthHandler struct {
	monitor *monitor.Service
	version string
	started time.Time
}

// The v1 answers. The order of the fields is part of the contract.

type overallAnswer struct {
	Status        string         `json:"status"`
	Timestamp     string         `json:"timestamp"`
	Version       string         `json:"version"`
	UptimeSeconds float64        `json:"uptime_seconds"`
	Services      serviceAnswers `json:"services"`
}

type serviceAnswers struct {
	Database  string `json:"database"`
	Websocket string `json:"websocket"`
}

type liveAnswer struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
}

type readyAnswer struct {
	Status    string       `json:"status"`
	Timestamp string       `json:"timestamp"`
	Checks    checkAnswers `json:"checks"`
}

type checkAnswers struct {
	Database string `json:"database"`
}

// DatabaseHealthResponse is the body of GET /api/health/database.
type DatabaseHealthResponse = monitor.Snapshot

func (h healthHandler) overall(w http.ResponseWriter, _ *http.Request) {
	status := h.monitor.Snapshot().Status
	writeJSON(w, statusCode(status), overallAnswer{
		Status: status.Word(), Timestamp: stamp(), Version: h.version,
		UptimeSeconds: time.Since(h.started).Round(time.Millisecond).Seconds(),
		Services:      serviceAnswers{Database: status.Word(), Websocket: "healthy"},
	})
}

// live says that the process answers, and asks nobody else.
func (h healthHandler) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, liveAnswer{Status: "alive", Timestamp: stamp()})
}

func (h healthHandler) ready(w http.ResponseWriter, _ *http.Request) {
	answer := readyAnswer{Status: "ready", Timestamp: stamp(), Checks: checkAnswers{Database: "ok"}}
	status := h.monitor.Snapshot().Status
	if status == monitor.Fail {
		answer.Status, answer.Checks.Database = "not_ready", "unavailable"
	}
	writeJSON(w, statusCode(status), answer)
}

func (h healthHandler) database(w http.ResponseWriter, _ *http.Request) {
	snapshot := h.monitor.Snapshot()
	writeJSON(w, statusCode(snapshot.Status), snapshot)
}

func statusCode(status monitor.Status) int {
	if status == monitor.Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func stamp() string { return time.Now().UTC().Format(healthTime) }
