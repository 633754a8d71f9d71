package httpapi_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

// get asks with headers, in pairs.
func (h *house) get(path string, headers ...string) (status int, header http.Header, body string) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+path, http.NoBody)
	require.NoError(h.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(h.t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(h.t, err)
	require.NoError(h.t, answer.Body.Close())
	return answer.StatusCode, answer.Header, string(text)
}

func TestHealthIsAnsweredWithTheTypeThatWasAskedFor(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.until(monitor.Pass)
	const plain, health = "application/json", "application/health+json"
	for accept, want := range map[string]string{
		"": plain, "*/*": plain, plain: plain, "text/html, application/xhtml+xml": plain, "rubbish;;q": plain,
		health: health, "Application/Health+JSON; q=0.5": health, health + ", " + plain + ";q=0.9": health,
		health + ";q=0.1, " + plain: plain, health + ";q=0": plain, health + ";q=high": plain,
	} {
		for _, path := range []string{"/api/health", "/api/health/live", "/api/health/ready", "/api/health/database", "/api/health/partitions"} {
			_, header, _ := h.get(path, "Accept", accept)
			require.Equal(t, want, header.Get("Content-Type"), "%s of %s", accept, path)
		}
	}
}

func TestV1AnswersHaveTheHeadersThatTheyHad(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.until(monitor.Pass)
	for _, path := range []string{"/api/health", "/api/health/live", "/api/health/ready"} {
		_, header, _ := h.get(path)
		header.Del("Date")
		header.Del("Content-Length")
		require.Equal(t, http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}, header, path)
	}
}

func TestAScreenIsToldThatNothingNewWasSeen(t *testing.T) {
	h := build(t, testdb.Migrated(t))
	h.until(monitor.Pass)
	var seen bool
	for range 50 { // a look may come in between
		_, first, _ := h.get("/api/health/database")
		tag := first.Get("ETag")
		require.Regexp(t, `^W/"[0-9a-f]+-pass-[0-9a-f]+"$`, tag)
		require.Equal(t, "no-cache", first.Get("Cache-Control"))
		require.Equal(t, "Accept", first.Get("Vary"))
		status, second, text := h.get("/api/health/database", "If-None-Match", `"other", `+tag)
		if status == http.StatusNotModified {
			require.Equal(t, tag, second.Get("ETag"))
			require.Empty(t, text)
			seen = true
			break
		}
	}
	require.True(t, seen)
	status, _, _ := h.get("/api/health/database", "If-None-Match", `W/"1-pass-1"`)
	require.Equal(t, http.StatusOK, status)
	status, _, text := h.get("/api/health/partitions", "If-None-Match", "*")
	require.Equal(t, http.StatusServiceUnavailable, status, "nobody looks at partitions here, and a failure is always told")
	require.NotEmpty(t, text)
}
