package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signoff-dev/signoff/service/market"
)

const (
	defaultLimit = 1000
	maxLimit     = 10000
)

// query is what the reading routes are asked.
type query struct {
	symbol  string
	span    market.Span
	limit   int
	deleted market.Deleted
}

// parseQuery reads the known parameters, times in the given layout, and
// refuses any other.
func parseQuery(values url.Values, layout string, known ...string) (query, error) {
	q := query{limit: defaultLimit}
	allowed := make(map[string]bool, len(known))
	for _, name := range known {
		allowed[name] = true
	}
	for name, given := range values {
		if !allowed[name] {
			return query{}, &problem{http.StatusBadRequest, "unknown_field", name + ": is not known", name}
		}
		if len(given) != 1 {
			return query{}, givenTwice(name)
		}
		if err := q.set(name, given[0], layout); err != nil {
			return query{}, err
		}
	}
	if q.symbol == "" && allowed["symbol"] {
		return query{}, missing("symbol")
	}
	if !q.span.From.IsZero() && !q.span.To.IsZero() && !q.span.From.Before(q.span.To) {
		return query{}, &market.Invalid{Field: "to", Problem: "must be after from"}
	}
	return q, nil
}

func givenTwice(name string) error {
	return &problem{http.StatusBadRequest, "duplicate_field", name + ": is given twice", name}
}

func (q *query) set(name, value, layout string) (err error) {
	switch name {
	case "symbol":
		q.symbol = value
	case "limit":
		q.limit, err = strconv.Atoi(value)
		if err != nil || q.limit < 1 || q.limit > maxLimit {
			return &market.Invalid{Field: name, Problem: fmt.Sprintf("must be a whole number from 1 to %d", maxLimit)}
		}
	case "deleted":
		// Of one instrument there is nothing else that could be shown.
		if value != "include" {
			return &market.Invalid{Field: name, Problem: "must be include, or left out"}
		}
		q.deleted = market.IncludeDeleted
	case "from", "to":
		at, err := time.Parse(layout, value)
		if err != nil || at.Year() < 1 {
			return &market.Invalid{Field: name, Problem: "must be a time such as " + example(layout)}
		}
		if name == "from" {
			q.span.From = at
		} else {
			q.span.To = at
		}
	}
	return nil
}

func example(layout string) string {
	return time.Date(2016, 1, 4, 14, 30, 0, 0, time.UTC).Format(layout)
}
