package drive_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
)

// clerk answers what its document says about the alerts, or otherwise, and
// knows nothing else.
type clerk struct {
	forgetful bool // never knows that nothing has changed
	restless  int  // how often something changes before it is asked again
	stubborn  bool // answers in one form alone
	careless  bool // lets pages of other sites write
	mistaken  bool // answers out of shape

	changes int
}

func (c *clerk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.restless > 0 && r.Header.Get("If-None-Match") != "" {
		c.restless--
		c.changes++
	}
	tag := fmt.Sprintf(`"%d"`, c.changes)
	status, form, body := http.StatusOK, "application/json", `{"alerts":0}`
	switch {
	case r.URL.Path != "/api/alerts":
		status = http.StatusNotFound
	case r.Method == http.MethodPost && r.Header.Get("Sec-Fetch-Site") == "cross-site" && !c.careless:
		status = http.StatusForbidden
	case r.Method == http.MethodPost:
		status = http.StatusBadRequest
	case r.Header.Get("If-None-Match") == tag && !c.forgetful:
		status, body = http.StatusNotModified, ""
	case r.Header.Get("Accept") == "application/health+json" && !c.stubborn:
		form = "application/health+json"
	}
	if c.mistaken {
		body = `{"alerts":"none"}`
	}
	w.Header().Set("Content-Type", form)
	if status < http.StatusBadRequest {
		w.Header().Set("ETag", tag)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const clerksDocument = `
openapi: 3.1.0
paths:
  /api/alerts:
    get:
      responses:
        "200": {content: {application/json: {schema: {$ref: "#/components/schemas/Alerts"}}, application/health+json: {schema: {$ref: "#/components/schemas/Alerts"}}}}
        "304": {}
    post:
      responses:
        "400": {content: {application/json: {schema: {type: object}}}}
        "403": {content: {application/json: {schema: {type: object}}}}
components: {schemas: {Alerts: {type: object, properties: {alerts: {type: integer}}}}}
`

func TestWhoeverBreaksTheirDocumentIsNamed(t *testing.T) {
	tests := map[string]struct {
		clerk *clerk
		wrong string // what is said about the alerts; empty is nothing
	}{
		"as documented":                  {&clerk{}, ""},
		"something changes now and then": {&clerk{restless: 2}, ""},
		"something else each time":       {&clerk{restless: 100}, `GET /api/alerts: answers 200 OK`},
		"nothing is ever the same":       {&clerk{forgetful: true}, `GET /api/alerts: answers 200 OK`},
		"the form of health is unknown":  {&clerk{stubborn: true}, `GET /api/alerts: answers in the form "application/json"`},
		"other sites may write":          {&clerk{careless: true}, `POST /api/alerts: answers 400 Bad Request`},
		"out of shape":                   {&clerk{mistaken: true}, `GET /api/alerts: `},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := contracts.ParseDocument([]byte(clerksDocument))
			require.NoError(t, err)
			seen, err := marketOf(t, test.clerk).AskEverything(t.Context(), document, "AAPL")
			require.NoError(t, err)
			require.Contains(t, seen.Amount.Says, "GET /api/prices/latest?symbol=AAPL: answers 404 Not Found", "no document has it")
			if test.wrong == "" {
				require.NotContains(t, seen.Amount.Says, "GET /api/alerts:")
				require.NotContains(t, seen.Amount.Says, "POST /api/alerts:")
				return
			}
			require.Contains(t, seen.Amount.Says, test.wrong)
		})
	}
}

func TestAQuestionThatNobodyAsksIsNoticed(t *testing.T) {
	document, err := contracts.ParseDocument([]byte(`{"openapi":"3.1.0","paths":{"/api/weather":{"get":{"responses":{}}}}}`))
	require.NoError(t, err)
	_, err = marketOf(t, &clerk{}).AskEverything(t.Context(), document, "AAPL")
	require.ErrorContains(t, err, "/api/weather, and nobody asks it here")
}
