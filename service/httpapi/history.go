package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/monitor"
)

// historyRoutes registers how the figures of the database were, unless nobody
// keeps that.
func historyRoutes(mux *http.ServeMux, deps Dependencies) {
	if deps.History == nil {
		return
	}
	h := historyHandler{deps.History, deps.Log}
	mux.HandleFunc("GET /api/history", h.past)
	mux.HandleFunc("GET /api/history/measures", h.measures)
}

type historyHandler struct {
	keeper *history.Keeper
	log    *slog.Logger
}

// historyAnswer is the body of GET /api/history. Durations are in milliseconds.
type historyAnswer struct {
	From         time.Time     `json:"from"`
	To           time.Time     `json:"to"`
	StepMS       int64         `json:"step_ms"`
	ResolutionMS int64         `json:"resolution_ms"`
	Source       string        `json:"source"`
	Oldest       *time.Time    `json:"oldest"`
	Measures     []pastMeasure `json:"measures"`
}

type pastMeasure struct {
	Measure string          `json:"measure"`
	Unit    string          `json:"unit"`
	Points  []history.Point `json:"points"`
}

type measuresAnswer struct {
	Measures []measureAnswer `json:"measures"`
}

type measureAnswer struct {
	Measure string `json:"measure"`
	Unit    string `json:"unit"`
	Says    string `json:"says"`
}

func (h historyHandler) past(w http.ResponseWriter, r *http.Request) {
	question, err := parseQuestion(r.URL.Query())
	if err != nil {
		refuse(w, r, h.log, err)
		return
	}
	told, err := h.keeper.Ask(r.Context(), question)
	if err != nil {
		refuse(w, r, h.log, pastProblem(err))
		return
	}
	answer := historyAnswer{
		From: told.From, To: told.To, StepMS: told.Step.Milliseconds(), ResolutionMS: told.Resolution.Milliseconds(),
		Source: "database", Oldest: told.Oldest, Measures: make([]pastMeasure, len(question.Measures)),
	}
	if told.Memory {
		answer.Source = "memory"
	}
	units := map[string]string{}
	for _, m := range monitor.Measures() {
		units[m.Name] = m.Unit
	}
	for i, name := range question.Measures {
		answer.Measures[i] = pastMeasure{name, units[name], told.Points[i]}
	}
	writeJSON(w, http.StatusOK, answer)
}

func (h historyHandler) measures(w http.ResponseWriter, r *http.Request) {
	if _, err := parseFilters(r.URL.Query()); err != nil {
		refuse(w, r, h.log, err)
		return
	}
	answer := measuresAnswer{}
	for _, m := range monitor.Measures() {
		answer.Measures = append(answer.Measures, measureAnswer{m.Name, m.Unit, m.Says})
	}
	writeJSON(w, http.StatusOK, answer)
}

// parseQuestion reads the known parameters, of which measure may be given
// several times, and refuses any other.
func parseQuestion(values url.Values) (history.Question, error) {
	q := history.Question{Measures: values["measure"]}
	for name, given := range values {
		var err error
		switch {
		case name == "measure":
		case name != "from" && name != "to" && name != "step":
			return q, &problem{http.StatusBadRequest, "unknown_field", name + ": is not known", name}
		case len(given) != 1:
			return q, givenTwice(name)
		case name == "step":
			q.Step, err = time.ParseDuration(given[0])
			if err != nil || q.Step <= 0 {
				return q, &history.Invalid{Field: name, Problem: "must be whole seconds, minutes or hours, such as 10s, 5m or 1h"}
			}
		case name == "from":
			q.From, err = pastTime(name, given[0])
		default:
			q.To, err = pastTime(name, given[0])
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}

func pastTime(name, value string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || at.Year() < 1 {
		return at, &history.Invalid{Field: name, Problem: "must be a time such as " + example(time.RFC3339Nano)}
	}
	return at, nil
}

// pastProblem puts what only a question about the history can meet into words.
func pastProblem(err error) error {
	switch {
	case errors.Is(err, history.ErrBusy):
		return &problem{http.StatusServiceUnavailable, "busy", "others are asking about the history; asking again is safe", ""}
	case unavailable(err):
		return &problem{http.StatusServiceUnavailable, "database_unavailable", "the database does not answer; asking again is safe", ""}
	}
	return err
}
