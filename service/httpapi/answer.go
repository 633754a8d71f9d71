package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/history"
	"github.com/signoff-dev/signoff/service/market"
)

// problem is an error as a caller sees it. Code never changes its meaning.
type problem struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Message }

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
		encoded = []byte(`{"error":{"code":"internal_error","message":"the answer could not be written"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n')) // the caller has gone: nobody is left to tell
}

// refuse answers with the problem that err stands for. What no caller may see
// goes to the log.
func refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := problemOf(err)
	// The busy are counted, see the health of the database: a line for each
	// would be a load of its own.
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, market.ErrBusy) {
		log.ErrorContext(r.Context(), "request failed",
			"method", r.Method, "path", r.URL.Path, "code", p.Code, "error", err.Error())
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.Status, map[string]*problem{"error": p})
}

func problemOf(err error) *problem {
	var p *problem
	var invalid *market.Invalid
	var wrong *alert.Invalid
	var question *history.Invalid
	var unknown *market.UnknownInstrument
	var deleted *market.DeletedInstrument
	var old *market.OldSchema
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &invalid):
		return &problem{http.StatusBadRequest, "invalid_field", invalid.Error(), invalid.Field}
	case errors.As(err, &wrong):
		return &problem{http.StatusBadRequest, "invalid_field", wrong.Error(), wrong.Field}
	case errors.As(err, &question):
		return &problem{http.StatusBadRequest, "invalid_field", question.Error(), question.Field}
	case errors.Is(err, alert.ErrNoRule):
		return &problem{http.StatusNotFound, "not_found", alert.ErrNoRule.Error(), "rule"}
	case errors.Is(err, alert.ErrNoSilence):
		return &problem{http.StatusNotFound, "not_found", alert.ErrNoSilence.Error(), "id"}
	case errors.Is(err, alert.ErrNotActive):
		return &problem{http.StatusConflict, "alert_not_active", alert.ErrNotActive.Error(), "rule"}
	case errors.As(err, &unknown):
		return &problem{http.StatusUnprocessableEntity, "unknown_instrument",
			unknown.Error() + " (register it with POST /api/instruments)", unknown.Field}
	case errors.As(err, &deleted):
		return &problem{http.StatusConflict, "instrument_deleted",
			deleted.Error() + " (restore it with POST /api/instruments/restore)", deleted.Field}
	case errors.As(err, &old):
		return &problem{http.StatusConflict, "schema_version",
			old.Error() + " (an operator can migrate it with marketd migrate up)", old.Field}
	case errors.Is(err, market.ErrNoPrices):
		return &problem{http.StatusNotFound, "no_prices", "the instrument has no prices there", "symbol"}
	case errors.Is(err, market.ErrBusy):
		return &problem{http.StatusServiceUnavailable, "busy",
			"every connection to the database is in use; nothing was stored, sending the same again is safe", ""}
	case errors.Is(err, market.ErrChanging), errors.Is(err, alert.ErrUnavailable), unavailable(err):
		return &problem{http.StatusServiceUnavailable, "database_unavailable",
			"the database does not answer; nothing is known to be stored, sending the same again is safe", ""}
	}
	return &problem{http.StatusInternalServerError, "internal_error",
		"the request could not be carried out; the service's log says why", ""}
}

// unavailable reports whether the database could not be asked or did not
// answer in time, rather than refused.
func unavailable(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// Connection exceptions, out of resources, operator intervention,
		// and a lock that was not to be had in time.
		switch class := refused.Code[:min(2, len(refused.Code))]; class {
		case "08", "53", "57":
			return true
		}
		return refused.Code == "55P03" || refused.Code == "25006"
	}
	return errors.As(err, &connecting) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, puddle.ErrClosedPool) ||
		errors.Is(err, io.ErrUnexpectedEOF) || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}
