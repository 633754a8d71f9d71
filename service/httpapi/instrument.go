package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/service/market"
)

type instrumentsBody struct {
	Instruments []struct {
		Symbol string `json:"symbol"`
		Name   string `json:"name"`
	} `json:"instruments"`
}

func (m *marketRoutes) registerInstruments(w http.ResponseWriter, r *http.Request) {
	var body instrumentsBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, m.log, err)
		return
	}
	instruments := make([]market.Instrument, len(body.Instruments))
	for i, in := range body.Instruments {
		instruments[i] = market.Instrument{Symbol: in.Symbol, Name: in.Name}
	}
	stored, err := m.store.RegisterInstruments(r.Context(), instruments)
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	writeJSON(w, http.StatusCreated, counts(stored))
}

type listAnswer struct {
	Instruments []instrumentAnswer `json:"instruments"`
}

type instrumentAnswer struct {
	Symbol    string     `json:"symbol"`
	Name      string     `json:"name"`
	DeletedAt *time.Time `json:"deleted_at"`
}

func (m *marketRoutes) listInstruments(w http.ResponseWriter, r *http.Request) {
	deleted, err := parseDeleted(r)
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	instruments, err := m.store.Instruments(r.Context(), deleted)
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	answer := listAnswer{Instruments: make([]instrumentAnswer, len(instruments))}
	for i, in := range instruments {
		answer.Instruments[i] = instrumentAnswer{Symbol: in.Symbol, Name: in.Name}
		if !in.DeletedAt.IsZero() {
			answer.Instruments[i].DeletedAt = &in.DeletedAt
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

func parseDeleted(r *http.Request) (market.Deleted, error) {
	values := r.URL.Query()
	given := values["deleted"]
	delete(values, "deleted")
	if _, err := parseQuery(values, dayLayout); err != nil {
		return 0, err
	}
	switch {
	case len(given) == 0:
		return market.HideDeleted, nil
	case len(given) > 1:
		return 0, givenTwice("deleted")
	case given[0] == "include":
		return market.IncludeDeleted, nil
	case given[0] == "only":
		return market.OnlyDeleted, nil
	}
	return 0, &market.Invalid{Field: "deleted", Problem: "must be include or only, or left out"}
}

type deletedAnswer struct {
	Symbol    string    `json:"symbol"`
	DeletedAt time.Time `json:"deleted_at"`
}

func (m *marketRoutes) deleteInstrument(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), dayLayout, "symbol")
	if err != nil {
		refuse(w, r, m.log, err)
		return
	}
	at, err := m.store.Delete(r.Context(), q.symbol)
	if err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	writeJSON(w, http.StatusOK, deletedAnswer{q.symbol, at})
}

// restoreBody is also the answer.
type restoreBody struct {
	Symbol string `json:"symbol"`
}

func (m *marketRoutes) restoreInstrument(w http.ResponseWriter, r *http.Request) {
	var body restoreBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, m.log, err)
		return
	}
	if err := m.store.Restore(r.Context(), body.Symbol); err != nil {
		refuse(w, r, m.log, missed(err))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// missed makes an unknown instrument a thing that is not there, where it was
// asked for by its name; in a batch it is a wrong field.
func missed(err error) error {
	var unknown *market.UnknownInstrument
	if errors.As(err, &unknown) {
		return &problem{http.StatusNotFound, "unknown_instrument", unknown.Error(), unknown.Field}
	}
	return err
}
