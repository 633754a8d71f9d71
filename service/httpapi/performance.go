package httpapi

import (
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/probe"
)

// PerformanceMetricsResponse is the body of GET /api/health/performance.
type PerformanceMetricsResponse = probe.Answer

type performanceHandler struct {
	probe   *probe.Service
	monitor *monitor.Service
}

// metrics answers from memory, also while the database is gone; its figures
// then grow old, and say so.
func (h performanceHandler) metrics(w http.ResponseWriter, r *http.Request) {
	answer := h.probe.Answer()
	if h.monitor.Snapshot().Status == monitor.Fail {
		answer.Status, answer.Reasons = string(monitor.Fail), append(answer.Reasons, "database_unavailable")
	}
	var last time.Time
	if answer.Round.At != nil {
		last = *answer.Round.At
	}
	writeSeen(w, r, moment{last, monitor.Status(answer.Status), answer.Reasons}, answer)
}
