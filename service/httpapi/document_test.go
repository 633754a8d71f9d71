package httpapi_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
)

func readOpenAPI(t testing.TB) *contracts.Document {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	document, err := contracts.ParseDocument(text)
	require.NoError(t, err)
	return document
}

// operations lists what the document describes, as patterns of a mux.
func operations(document *contracts.Document) []string {
	var all []string
	for _, path := range document.Keys("paths") {
		for _, method := range document.Keys("paths", path) {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	return all
}

// place is where the document describes an operation.
func place(pattern string, further ...string) []string {
	method, path, _ := strings.Cut(pattern, " ")
	return append([]string{"paths", path, strings.ToLower(method)}, further...)
}

// documented holds every request that a handler takes, and every answer that
// it gives, against the document.
func documented(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	document := readOpenAPI(t)
	known := http.NewServeMux()
	for _, pattern := range operations(document) {
		known.Handle(pattern, http.NotFoundHandler())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &asked), r.Body}
		_, pattern := known.Handler(r)
		answer := &watchedAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)

		status := strconv.Itoa(answer.status)
		at := place(pattern, "responses", status)
		if pattern == "" {
			at = []string{"components", "responses", map[string]string{"404": "NothingHere", "405": "MethodNotAllowed", "403": "CrossSite"}[status]}
		}
		told := r.Method + " " + r.URL.Path + " is answered with " + status
		if !assert.NotNil(t, document.At(at...), "%s, which the document does not know", told) {
			return
		}
		requireHeaders(t, document, answer.Header(), at)
		media := document.Keys(append(at, "content")...)
		if kind := contentType(answer); kind == "" {
			assert.Empty(t, media, told)
		} else if assert.Contains(t, media, kind, told) && strings.HasSuffix(kind, "json") {
			assert.NoError(t, document.Check(answer.body.Bytes(), append(at, "content", kind, "schema")...), told)
		}
		if answer.status/100 != 2 {
			return
		}
		for name := range r.URL.Query() {
			assert.Contains(t, parameters(document, pattern), name, told)
		}
		if body := place(pattern, "requestBody", "content", "application/json", "schema"); document.At(body...) != nil {
			assert.NoError(t, document.Check(asked.Bytes(), body...), "%s, though %s", told, asked.String())
		}
	})
}

func requireHeaders(t testing.TB, document *contracts.Document, got http.Header, at []string) {
	t.Helper()
	for _, name := range document.Keys(append(at, "headers")...) {
		if assert.Len(t, got.Values(name), 1, "%s of %v", name, at) {
			encoded := []byte(strconv.Quote(got.Get(name)))
			assert.NoError(t, document.Check(encoded, append(at, "headers", name, "schema")...))
		}
	}
}

// contentType is empty without a body.
func contentType(answer *watchedAnswer) string {
	if answer.body.Len() == 0 {
		return ""
	}
	return answer.Header().Get("Content-Type")
}

// watchedAnswer remembers what was answered.
type watchedAnswer struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

func (w *watchedAnswer) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedAnswer) Write(text []byte) (int, error) {
	w.body.Write(text)
	return w.ResponseWriter.Write(text)
}

func (w *watchedAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status = http.StatusSwitchingProtocols
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	require.ElementsMatch(t, readSource(t, ".").routes, operations(readOpenAPI(t)))
}

func TestTheDocumentHasEveryCodeThatCanBeAnsweredAndNoOther(t *testing.T) {
	codes := slices.Concat(readSource(t, ".").codes, readSource(t, "../stream").codes)
	slices.Sort(codes)
	codes = slices.Compact(codes)
	document := readOpenAPI(t)
	require.ElementsMatch(t, codes, document.At("components", "schemas", "Error", "properties", "error", "properties", "code", "enum"))

	var answered []any
	for _, name := range document.Keys("components", "responses") {
		both, ok := document.At("components", "responses", name, "content", "application/json", "schema", "allOf").([]any)
		require.True(t, ok, name)
		narrowed, err := contracts.ParseDocument(encode(t, both[1]))
		require.NoError(t, err)
		some, ok := narrowed.At("properties", "error", "properties", "code", "enum").([]any)
		require.True(t, ok, name)
		answered = append(answered, some...)
	}
	require.Subset(t, answered, codes)
	require.Subset(t, codes, answered)
}

func TestTheDocumentKeepsTheContracts(t *testing.T) {
	require.NoError(t, readOpenAPI(t).Promises("http"))
}

func TestEverythingInTheDocumentIsUsed(t *testing.T) {
	document := readOpenAPI(t)
	used := document.References()
	for _, kind := range []string{"headers", "parameters", "responses", "schemas"} {
		for _, name := range document.Keys("components", kind) {
			if name == "NothingHere" || name == "MethodNotAllowed" { // answer what no operation matches
				continue
			}
			require.Contains(t, used, "#/components/"+kind+"/"+name)
		}
	}
	ids := map[any]string{}
	for _, pattern := range operations(document) {
		id := document.At(place(pattern, "operationId")...)
		require.NotEmpty(t, id, pattern)
		require.Empty(t, ids[id], "%s has the name of %s", pattern, ids[id])
		ids[id] = pattern
	}
}

func TestAParameterIsKnownToTheServiceIfItIsInTheDocument(t *testing.T) {
	house, alarm := newSurface(t, ""), newAlarm(t, "")
	document := readOpenAPI(t)
	for _, pattern := range operations(document) {
		method, path, _ := strings.Cut(pattern, " ")
		if document.At(place(pattern, "responses", "400")...) == nil || method == http.MethodPost {
			continue
		}
		url := house.url + path
		if strings.HasPrefix(path, "/api/alerts") {
			url = alarm.url + path
		}
		names := parameters(document, pattern)
		for _, name := range append(names, "weather") {
			request, err := http.NewRequestWithContext(t.Context(), method, url+"?"+name+"=@", http.NoBody)
			require.NoError(t, err)
			answer, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, !slices.Contains(names, name), strings.Contains(string(text), `"unknown_field"`), "%s of %s: %s", name, pattern, text)
		}
	}
}

// parameters names what an operation takes after the question mark.
func parameters(document *contracts.Document, pattern string) []string {
	var names []string
	all, _ := document.At(place(pattern, "parameters")...).([]any)
	for _, one := range all {
		reference, _ := one.(map[string]any)["$ref"].(string)
		at := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
		if name, ok := document.At(append(at, "name")...).(string); ok && document.At(append(at, "in")...) == "query" {
			names = append(names, name)
		}
	}
	return names
}

func TestTheServiceServesItsDocumentAndSaysWhenItIsStillTheSame(t *testing.T) {
	s := newSurface(t, "open sesame")
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	get := func(known string) (status int, header http.Header, body string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/openapi.yaml", http.NoBody)
		require.NoError(t, err)
		if known != "" {
			request.Header.Set("If-None-Match", known)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode, answer.Header, string(text)
	}
	status, header, text := get("")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "application/yaml", header.Get("Content-Type"))
	require.Equal(t, "no-cache", header.Get("Cache-Control"))
	require.Equal(t, string(want), text)
	tag := header.Get("ETag")
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		status, header, text := get(known)
		require.Equal(t, http.StatusNotModified, status, known)
		require.Equal(t, tag, header.Get("ETag"))
		require.Empty(t, text)
	}
	status, _, _ = get(`"other"`)
	require.Equal(t, http.StatusOK, status)
}

// TestMoreRefusalsAreAsTheDocumentSays asks for those that no other test does.
func TestMoreRefusalsAreAsTheDocumentSays(t *testing.T) {
	s := newSurface(t, "")
	s.ask("POST", "/api/instruments", `{"instruments":[{"symbol":"GONE"}]}`)
	s.ask("DELETE", "/api/instruments?symbol=GONE", "")
	for _, write := range [][2]string{
		{"/api/instruments", `{"instruments":[{"symbol":"GONE"}]}`},
		{"/api/ticks", strings.Replace(oneTick, "AAPL", "GONE", 1)}, {"/api/bars", strings.Replace(oneBar, "AAPL", "GONE", 1)},
	} {
		require.Contains(t, s.ask("POST", write[0], write[1]), "409 ")
	}
	for _, path := range []string{"/api/instruments/restore", "/api/bars", "/api/instruments"} {
		require.Contains(t, s.ask("POST", path, strings.Repeat(" ", 9<<20)), "413 ")
		require.Contains(t, s.ask("POST", path, "hello"), "400 ")
	}
	require.Contains(t, s.ask("POST", "/api/bars", oneBar), "422 ")
	require.Contains(t, s.ask("GET", "/ws", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Origin", "https://evil.example"), "403 ")
	s.pool.Close()
	for _, question := range []string{"instruments", "prices?symbol=A", "prices/latest?symbol=A", "prices/vwap?symbol=A", "bars?symbol=A"} {
		require.Contains(t, s.ask("GET", "/api/"+question, ""), "503 ")
	}
	require.Contains(t, s.ask("POST", "/api/instruments/restore", `{"symbol":"A"}`), "503 ")
	require.Contains(t, s.ask("DELETE", "/api/instruments?symbol=A", ""), "503 ")
}

// TestTheWatcherOfAnswersSeesWhatTheDocumentDoesNotHave keeps the other tests
// honest: a watcher that saw nothing would let everything pass.
func TestTheWatcherOfAnswersSeesWhatTheDocumentDoesNotHave(t *testing.T) {
	for name, wrong := range map[string]http.HandlerFunc{
		"a status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"a field": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_, _ = io.WriteString(w, `{"status":"alive","timestamp":"2026-01-05T14:30:00Z","more":1}`)
		},
		"a missing header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"alive","timestamp":"2026-01-05T14:30:00Z"}`)
		},
		"another type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, `{"status":"alive","timestamp":"2026-01-05T14:30:00Z"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			judged := &silentTest{TB: t}
			documented(judged, wrong).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/health/live", http.NoBody))
			require.True(t, judged.failed)
		})
	}
}

// silentTest notes that a test would have failed.
type silentTest struct {
	testing.TB

	failed bool
}

func (s *silentTest) Errorf(string, ...any) { s.failed = true }
