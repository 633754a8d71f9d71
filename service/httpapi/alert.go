package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/signoff-dev/signoff/service/alert"
)

// alertRoutes answer questions from memory: alerts can be asked about also
// while the database is gone. What people say is written where all replicas
// read it.
type alertRoutes struct {
	alerts *alert.Service
	log    *slog.Logger
}

type alertsAnswer struct {
	AsOf   time.Time     `json:"as_of"`
	Alerts []alert.Alert `json:"alerts"`
}

func (a *alertRoutes) active(w http.ResponseWriter, r *http.Request) {
	f, err := parseFilters(r.URL.Query(), "rule", "severity", "state", "acknowledged", "silenced")
	if err != nil {
		refuse(w, r, a.log, err)
		return
	}
	alerts := slices.DeleteFunc(a.alerts.Alerts(), func(one alert.Alert) bool {
		return f.Rule != "" && f.Rule != one.Rule || f.Severity != "" && f.Severity != one.Severity ||
			f.State != "" && f.State != one.State ||
			f.acknowledged != nil && *f.acknowledged != (one.Acknowledged != nil) ||
			f.silenced != nil && *f.silenced != one.Silenced
	})
	writeJSON(w, http.StatusOK, alertsAnswer{time.Now().UTC(), alerts})
}

type eventsAnswer struct {
	Events []alert.Event `json:"events"`
}

func (a *alertRoutes) history(w http.ResponseWriter, r *http.Request) {
	f, err := parseFilters(r.URL.Query(), "rule", "severity", "state", "from", "to", "limit")
	if err != nil {
		refuse(w, r, a.log, err)
		return
	}
	writeJSON(w, http.StatusOK, eventsAnswer{a.alerts.History(f.Question)})
}

type rulesAnswer struct {
	Rules []alert.RuleState `json:"rules"`
}

func (a *alertRoutes) rules(w http.ResponseWriter, r *http.Request) {
	if _, err := parseFilters(r.URL.Query()); err != nil {
		refuse(w, r, a.log, err)
		return
	}
	writeJSON(w, http.StatusOK, rulesAnswer{a.alerts.Rules()})
}

type acknowledgeBody struct {
	Author  string `json:"author"`
	Comment string `json:"comment"`
}

func (a *alertRoutes) acknowledge(w http.ResponseWriter, r *http.Request) {
	var body acknowledgeBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, a.log, err)
		return
	}
	acknowledged, err := a.alerts.Acknowledge(r.Context(), time.Now(), r.PathValue("rule"), body.Author, body.Comment)
	if err != nil {
		refuse(w, r, a.log, err)
		return
	}
	writeJSON(w, http.StatusOK, acknowledged)
}

type silencesAnswer struct {
	Silences []alert.Silence `json:"silences"`
}

func (a *alertRoutes) silences(w http.ResponseWriter, r *http.Request) {
	if _, err := parseFilters(r.URL.Query()); err != nil {
		refuse(w, r, a.log, err)
		return
	}
	writeJSON(w, http.StatusOK, silencesAnswer{a.alerts.Silences(time.Now())})
}

type silenceBody struct {
	Rule      string     `json:"rule"`
	Author    string     `json:"author"`
	Reason    string     `json:"reason"`
	ExpiresAt *time.Time `json:"expires_at"`
	// Duration is instead of ExpiresAt, such as 90m.
	Duration *string `json:"duration"`
}

func (a *alertRoutes) silence(w http.ResponseWriter, r *http.Request) {
	var body silenceBody
	if err := decode(w, r, &body); err != nil {
		refuse(w, r, a.log, err)
		return
	}
	now := time.Now()
	expires, err := body.expiry(now)
	if err == nil {
		var made alert.Silence
		made, err = a.alerts.Silence(r.Context(), now, alert.Silence{Rule: body.Rule, Author: body.Author, Reason: body.Reason, ExpiresAt: expires})
		if err == nil {
			writeJSON(w, http.StatusCreated, made)
			return
		}
	}
	refuse(w, r, a.log, err)
}

func (b silenceBody) expiry(now time.Time) (time.Time, error) {
	switch {
	case b.ExpiresAt != nil && b.Duration != nil:
		return now, &alert.Invalid{Field: "duration", Problem: "state either this or expires_at"}
	case b.ExpiresAt != nil:
		return *b.ExpiresAt, nil
	case b.Duration == nil:
		return now, &alert.Invalid{Field: "expires_at", Problem: "is needed, or duration, such as 90m"}
	}
	lasts, err := time.ParseDuration(*b.Duration)
	if err != nil || lasts <= 0 {
		return now, &alert.Invalid{Field: "duration", Problem: "must be a duration such as 90m, at most 720h (30 days)"}
	}
	return now.Add(lasts), nil
}

func (a *alertRoutes) endSilence(w http.ResponseWriter, r *http.Request) {
	if err := a.alerts.EndSilence(r.Context(), time.Now(), r.PathValue("id")); err != nil {
		refuse(w, r, a.log, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// filters is what the reading routes of alerts are asked.
type filters struct {
	alert.Question

	acknowledged, silenced *bool
}

// parseFilters reads the known parameters and refuses any other.
func parseFilters(values url.Values, known ...string) (filters, error) {
	f := filters{Question: alert.Question{Limit: defaultLimit}}
	for name, given := range values {
		if !slices.Contains(known, name) {
			return f, &problem{http.StatusBadRequest, "unknown_field", name + ": is not known", name}
		}
		if len(given) != 1 {
			return f, givenTwice(name)
		}
		if err := f.set(name, given[0]); err != nil {
			return f, err
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, &alert.Invalid{Field: "to", Problem: "must be after from"}
	}
	return f, nil
}

func (f *filters) set(name, value string) (err error) {
	invalid := func(says string) error { return &alert.Invalid{Field: name, Problem: says} }
	switch name {
	case "rule":
		f.Rule = value
	case "severity":
		if f.Severity = alert.Severity(value); f.Severity != alert.Warning && f.Severity != alert.Critical {
			return invalid("must be warning or critical")
		}
	case "state":
		f.State = alert.Stage(value)
		if all := []alert.Stage{alert.Pending, alert.Firing, alert.Recovering, alert.OK, alert.NoData, alert.Failed}; !slices.Contains(all, f.State) {
			return invalid("must be pending, firing, recovering, ok, nodata or error")
		}
	case "acknowledged", "silenced":
		if value != "true" && value != "false" {
			return invalid("must be true or false")
		}
		is := value == "true"
		if name == "silenced" {
			f.silenced = &is
		} else {
			f.acknowledged = &is
		}
	case "limit":
		if f.Limit, err = strconv.Atoi(value); err != nil || f.Limit < 1 || f.Limit > maxLimit {
			return invalid(fmt.Sprintf("must be a whole number from 1 to %d", maxLimit))
		}
	case "from", "to":
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil || at.Year() < 1 {
			return invalid("must be a time such as " + example(time.RFC3339Nano))
		}
		if name == "from" {
			f.From = at
		} else {
			f.To = at
		}
	}
	return nil
}
