package drive

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/measure"
)

// documentedQuestion is one question: the path as the document writes it, and as
// it is asked.
type documentedQuestion struct {
	documented, path string
	method           string // GET if empty
	header           http.Header
	body             string
	// form and status are what the answer has to be, unless they are empty.
	form   string
	status int
	// moved counts how often what the question is about had changed since.
	moved int
}

// mostMoves is how often in a row something may change between two questions.
const mostMoves = 5

// healthForm is the form in which answers about health may be asked for.
const healthForm = "application/health+json"

// everyQuestion are the questions about a market of that instrument, right and
// wrong ones.
func everyQuestion(symbol string) []documentedQuestion {
	of := "?symbol=" + url.QueryEscape(symbol)
	var all []documentedQuestion
	for documented, asked := range map[string][]string{
		"/api/health":                     {"/api/health"},
		"/api/health/live":                {"/api/health/live"},
		"/api/health/ready":               {"/api/health/ready"},
		"/api/health/database":            {"/api/health/database"},
		"/api/health/partitions":          {"/api/health/partitions"},
		"/api/health/performance":         {"/api/health/performance"},
		"/api/health/queries/{name}/plan": {"/api/health/queries/daily%20bars/plan", "/api/health/queries/nonsense/plan"},
		"/api/history":                    {"/api/history?measure=pool.utilisation", "/api/history", "/api/history?measure=nonsense", "/api/history?measure=pool.acquired&step=0.5s"},
		"/api/history/measures":           {"/api/history/measures", "/api/history/measures?nonsense=1"},
		"/api/alerts":                     {"/api/alerts", "/api/alerts?state=firing", "/api/alerts?state=nonsense"},
		"/api/alerts/history":             {"/api/alerts/history", "/api/alerts/history?limit=-1"},
		"/api/alerts/rules":               {"/api/alerts/rules"},
		"/api/alerts/silences":            {"/api/alerts/silences"},
		"/api/instruments":                {"/api/instruments", "/api/instruments?deleted=nonsense"},
		"/api/prices/latest":              {"/api/prices/latest" + of, "/api/prices/latest?symbol=NONSENSE", "/api/prices/latest"},
		"/api/prices":                     {"/api/prices" + of, "/api/prices" + of + "&limit=x"},
		"/api/prices/vwap":                {"/api/prices/vwap" + of, "/api/prices/vwap?symbol=NONSENSE"},
		"/api/bars":                       {"/api/bars" + of, "/api/bars"},
		"/api/openapi.yaml":               {"/api/openapi.yaml"},
		"/api/asyncapi.yaml":              {"/api/asyncapi.yaml"},
		"/ws":                             {"/ws"},
	} {
		for _, path := range asked {
			all = append(all, documentedQuestion{documented: documented, path: path})
		}
	}
	return all
}

// everyWrong are the wrong ways to ask for something to be done: in no JSON, with
// a field that nobody knows, with more than anybody needs, and from a page of
// another site.
func everyWrong(documented, method string) []documentedQuestion {
	path := strings.NewReplacer("{rule}", "nonsense", "{id}", "nonsense").Replace(documented)
	q := documentedQuestion{documented: documented, path: path, method: method, header: http.Header{"Content-Type": {"application/json"}}}
	var all []documentedQuestion
	for _, body := range []string{"{", `{"nonsense":1}`, `{"author":"` + strings.Repeat("x", 2<<20) + `"}`} {
		q.body = body
		all = append(all, q)
	}
	q.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	q.status = http.StatusForbidden
	return append(all, q)
}

// everyManner asks once more, right ways: in the form of health, and for what has
// changed since.
func everyManner(document *contracts.Document, q documentedQuestion, answered http.Header) []documentedQuestion {
	var all []documentedQuestion
	if slices.Contains(document.Keys("paths", q.documented, "get", "responses", "200", "content"), healthForm) {
		asked := q
		asked.header, asked.form = http.Header{"Accept": {healthForm}}, healthForm
		all = append(all, asked)
	}
	if tag := answered.Get("ETag"); tag != "" {
		asked := q
		asked.header, asked.status = http.Header{"If-None-Match": {tag}}, http.StatusNotModified
		all = append(all, asked)
	}
	return all
}

// askEverything asks every question, in all manners, and compares the answers
// with the document.
func (m *Market) askEverything(ctx context.Context, document *contracts.Document, symbol string) (measure.Value, error) {
	questions := everyQuestion(symbol)
	for _, path := range document.Keys("paths") {
		known := func(q documentedQuestion) bool { return q.documented == path }
		ways := document.Keys("paths", path)
		if slices.Contains(ways, "get") && !slices.ContainsFunc(questions, known) {
			return measure.Value{}, fmt.Errorf("the service's document has the question %s, and nobody asks it here", path)
		}
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			if slices.Contains(ways, strings.ToLower(method)) {
				questions = append(questions, everyWrong(path, method)...)
			}
		}
	}
	var asked int64
	var wrong []string
	for ; len(questions) > 0; asked++ {
		q := questions[0]
		questions = questions[1:]
		header, said, err := m.askAsDocumented(ctx, document, q)
		if err != nil {
			return measure.Value{}, err
		}
		if tag := header.Get("ETag"); q.status == http.StatusNotModified && tag != q.header.Get("If-None-Match") && q.moved < mostMoves {
			q.header, q.moved = http.Header{"If-None-Match": {tag}}, q.moved+1
			questions = slices.Insert(questions, 0, q)
			continue
		}
		if said != "" {
			wrong = append(wrong, fmt.Sprintf("%s %s: %s", cmp.Or(q.method, http.MethodGet), q.path, said))
		}
		if q.header != nil {
			continue
		}
		for _, again := range everyManner(document, q, header) {
			questions = slices.Insert(questions, 0, again) // at once, while it is still the same
		}
	}
	return counted(wrong, int(asked), "all as documented"), nil
}

// askAsDocumented returns what is wrong about the answer, if anything.
func (m *Market) askAsDocumented(ctx context.Context, document *contracts.Document, q documentedQuestion) (header http.Header, wrong string, err error) {
	method := cmp.Or(q.method, http.MethodGet)
	request, err := http.NewRequestWithContext(ctx, method, m.base+q.path, strings.NewReader(q.body))
	if err != nil {
		return nil, "", fmt.Errorf("asking %s: %w", q.path, err)
	}
	maps.Copy(request.Header, q.header)
	response, err := m.http.Do(request)
	if err != nil {
		return nil, "", fmt.Errorf("asking %s: %w", q.path, withoutURL(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, "", fmt.Errorf("reading the answer of %s: %w", q.path, err)
	}
	place := []string{"paths", q.documented, strings.ToLower(method), "responses", strconv.Itoa(response.StatusCode)}
	if document.At(place...) == nil || q.status != 0 && q.status != response.StatusCode {
		return response.Header, "answers " + response.Status, nil
	}
	forms := document.Keys(append(place, "content")...)
	if len(forms) == 0 {
		if len(raw) > 0 {
			return response.Header, "answers more than nothing", nil
		}
		return response.Header, "", nil
	}
	form, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(forms, form) || q.form != "" && q.form != form {
		return response.Header, fmt.Sprintf("answers in the form %q", form), nil
	}
	if !strings.HasSuffix(form, "json") {
		return response.Header, "", nil
	}
	if err := document.Check(raw, append(place, "content", form, "schema")...); err != nil {
		return response.Header, err.Error(), nil
	}
	return response.Header, "", nil
}
