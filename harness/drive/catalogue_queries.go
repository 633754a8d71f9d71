package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/environ"
)

// ServiceQuery is one statement that a service puts to its database, as its
// catalogue tells it.
type ServiceQuery struct {
	Name       string   `json:"name"` // "latest price"
	Says       string   `json:"says"` // what it is for
	SQL        string   `json:"sql"`  // as it is executed
	Parameters []string `json:"parameters"`
	Writes     bool     `json:"writes"` // it changes what is stored
	// Settings are those of the sessions that it is executed in.
	Settings map[string]string `json:"-"`
}

// ErrNoCatalogue says that a program does not tell which queries it has: it is
// older than the verb.
var ErrNoCatalogue = errors.New("this marketd has no catalogue of its queries (the verb is newer than the program)")

// ServiceQueries asks the program for the catalogue of its queries. A program
// that has none is ErrNoCatalogue.
func ServiceQueries(ctx context.Context, program string) ([]ServiceQuery, error) {
	said, err := environ.Command(ctx, program, "", "queries", "--json")
	if err != nil {
		if strings.Contains(err.Error(), `unknown command "queries"`) {
			return nil, ErrNoCatalogue
		}
		return nil, fmt.Errorf("reading which queries there are: %w", err)
	}
	queries, err := readCatalogueOf(said)
	if err != nil {
		return nil, fmt.Errorf("reading which queries there are: %w", err)
	}
	return queries, nil
}

func readCatalogueOf(said string) ([]ServiceQuery, error) {
	var catalogue struct {
		Settings map[string]string `json:"settings"`
		Queries  []ServiceQuery    `json:"queries"`
	}
	if err := json.Unmarshal([]byte(said), &catalogue); err != nil {
		return nil, fmt.Errorf("the catalogue is not JSON as agreed: %w", err)
	}
	if len(catalogue.Queries) == 0 {
		return nil, errors.New("the catalogue is empty")
	}
	known := map[string]bool{}
	for i, q := range catalogue.Queries {
		switch {
		case q.Name == "" || strings.TrimSpace(q.SQL) == "":
			return nil, fmt.Errorf("queries[%d] of the catalogue has no name or no sql", i)
		case known[q.Name]:
			return nil, fmt.Errorf("queries[%d] of the catalogue is called %q, like one before", i, q.Name)
		}
		known[q.Name] = true
		catalogue.Queries[i].Settings = catalogue.Settings
	}
	return catalogue.Queries, nil
}
