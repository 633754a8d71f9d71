package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// healthRoutes registers the health endpoints. All of them answer from the
// monitor's last snapshot, so that a stopped or blocked database still gets
// an answer at once. The first three are v1: their bytes are frozen. Who asks
// for application/health+json is answered with that type.
func healthRoutes(mux *http.ServeMux, deps Dependencies) {
	h := healthHandler{monitor: deps.Monitor, log: deps.Log, version: deps.Version, started: deps.Started}
	mux.HandleFunc("GET /api/health", h.overall)
	mux.HandleFunc("GET /api/health/live", h.live)
	mux.HandleFunc("GET /api/health/ready", h.ready)
	mux.HandleFunc("GET /api/health/database", h.database)
	mux.HandleFunc("GET /api/health/partitions", h.partitions)
	// A plan shows SQL: it is for those who may write.
	mux.Handle("GET /api/health/queries/{name}/plan", requireToken(deps.Token)(h.plan))
}

// healthTime is RFC 3339 in UTC with microseconds, as on the socket.
const healthTime = "2006-01-02T15:04:05.000000Z"

type healthHandler struct {
	monitor *monitor.Service
	log     *slog.Logger
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

// PartitionStatusResponse is the body of GET /api/health/partitions.
type PartitionStatusResponse = monitor.PartitionStatus

func (h healthHandler) overall(w http.ResponseWriter, r *http.Request) {
	status := h.monitor.Snapshot().Status
	writeHealth(w, r, statusCode(status), overallAnswer{
		Status: status.Word(), Timestamp: stamp(), Version: h.version,
		UptimeSeconds: time.Since(h.started).Round(time.Millisecond).Seconds(),
		Services:      serviceAnswers{Database: status.Word(), Websocket: "healthy"},
	})
}

// live says that the process answers, and asks nobody else.
func (h healthHandler) live(w http.ResponseWriter, r *http.Request) {
	writeHealth(w, r, http.StatusOK, liveAnswer{Status: "alive", Timestamp: stamp()})
}

func (h healthHandler) ready(w http.ResponseWriter, r *http.Request) {
	answer := readyAnswer{Status: "ready", Timestamp: stamp(), Checks: checkAnswers{Database: "ok"}}
	status := h.monitor.Snapshot().Status
	if status == monitor.Fail {
		answer.Status, answer.Checks.Database = "not_ready", "unavailable"
	}
	writeHealth(w, r, statusCode(status), answer)
}

func (h healthHandler) database(w http.ResponseWriter, r *http.Request) {
	s := h.monitor.Snapshot()
	writeSeen(w, r, moment{s.CheckedAt, s.Status, s.Reasons}, s)
}

func (h healthHandler) partitions(w http.ResponseWriter, r *http.Request) {
	p := h.monitor.PartitionStatus()
	writeSeen(w, r, moment{p.CheckedAt, p.Status, p.Reasons}, p)
}

// plan is the one answer about health that asks the database, for a second at
// most.
func (h healthHandler) plan(w http.ResponseWriter, r *http.Request) {
	plan, err := h.monitor.Plan(r.Context(), r.PathValue("name"))
	switch {
	case errors.Is(err, monitor.ErrNoStatement):
		err = &problem{http.StatusNotFound, "not_found", err.Error() + " (marketd queries lists the names)", "name"}
	case errors.Is(err, monitor.ErrNotPlannable):
		h.log.WarnContext(r.Context(), "a statement cannot be planned", "error", err)
		err = &problem{
			http.StatusUnprocessableEntity, "not_plannable",
			"the server cannot plan this statement with the schema that it has; the service's log says why", "name",
		}
	}
	if err != nil {
		refuse(w, r, h.log, err)
		return
	}
	writeJSON(w, http.StatusOK, plan)
}

func statusCode(status monitor.Status) int {
	if status == monitor.Fail {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func stamp() string { return time.Now().UTC().Format(healthTime) }
