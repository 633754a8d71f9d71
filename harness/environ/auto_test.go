package environ_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

func TestAutoFallsThroughAndSaysSoInOneLine(t *testing.T) {
	needLocal(t)
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	o := options(t, "")
	o.DatabaseURL = "postgres://me:hunter2@127.0.0.1:1/postgres"
	var said []string
	o.Progress = func(line string) { said = append(said, line) }
	p := start(t, o)
	require.Equal(t, environ.Local, p.Facts().Provider)
	require.Len(t, said, 4, said)
	require.Equal(t, "postgres: external passed over: no Postgres answers at 127.0.0.1:1", said[0])
	require.Equal(t, "postgres: container passed over: no container daemon answers at unix:///nonexistent", said[1])
	require.Regexp(t, `^postgres: making a private cluster in `, said[2])
	require.Regexp(t, `^postgres: using local, PostgreSQL 1\d\.\d+ \(a private cluster .*; external: no Postgres .*; container: no container daemon`, said[3])
	require.Contains(t, said[3], p.Facts().Why)
	require.NotContains(t, strings.Join(said, "\n"), "hunter2")
}

func TestWhereNothingWorksTheErrorNamesTheFourAndTheWayToEach(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	o := options(t, "")
	o.TempDir = "/proc" // where not even root can make a directory
	o.EmbeddedRepository = "http://127.0.0.1:1/maven"
	o.CacheDir = t.TempDir()
	_, err := environ.Start(t.Context(), o)
	for _, want := range []string{
		"no provider works here", "external", "--postgres postgres://", "container", "start Docker", "local", "embedded", "SIGNOFF_EMBEDDED_REPOSITORY",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestTheSurveyMarksWhatWouldBeChosen(t *testing.T) {
	needLocal(t)
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	tests := map[string]string{
		"":                environ.Local,
		environ.Local:     environ.Local,
		environ.Container: "",
		"postgres://me:hunter2@127.0.0.1:1/absent": "",
	}
	for choice, want := range tests {
		options, err := environ.Survey(t.Context(), environ.Options{Choice: choice, EmbeddedRepository: "http://127.0.0.1:1", CacheDir: t.TempDir()})
		require.NoError(t, err)
		require.Len(t, options, 4)
		chosen := ""
		for _, o := range options {
			require.NotEmpty(t, o.Why)
			require.Equal(t, o.Usable, o.WayOut == "", o.Name)
			if o.Chosen {
				chosen += o.Name
			}
		}
		require.Equal(t, want, chosen, choice)
	}
	_, err := environ.Survey(t.Context(), environ.Options{Choice: "docker"})
	require.ErrorContains(t, err, "none of auto")
}

// A registry that begins and never ends: the pull is bounded, shown, and auto
// goes on with local. It runs in a process of its own because testcontainers
// looks for its daemon once in each.
func TestAPullThatStallsIsBoundedAndShown(t *testing.T) {
	t.Parallel()
	needLocal(t)
	host := stallingDaemon(t)
	cmd := exec.CommandContext(t.Context(), self(t), "pull") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+host)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "postgres: pulling example.org/postgres:17, at most 3s")
	require.Contains(t, string(out), "postgres: pulling example.org/postgres:17: 43 of 110 MB")
	require.Contains(t, string(out), "postgres: container passed over: image example.org/postgres:17 could not be pulled within 3s")
	require.Contains(t, string(out), "postgres: using local")
}

// pull plays a run whose image is to be pulled first.
func pull() error {
	p, err := environ.Start(context.Background(), environ.Options{
		Image: "example.org/postgres:17", PullTimeout: 3 * time.Second,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	return p.Stop(context.Background())
}

// stallingDaemon plays a container daemon that has no image and pulls slowly.
func stallingDaemon(t testing.TB) (host string) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	mux := http.NewServeMux()
	answer := func(status int, body any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Api-Version", "1.41")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		}
	}
	mux.HandleFunc("/_ping", answer(http.StatusOK, "OK"))
	mux.HandleFunc("/v1.41/info", answer(http.StatusOK, map[string]any{"ServerVersion": "20.10"}))
	mux.HandleFunc("/v1.41/distribution/", answer(http.StatusOK, map[string]any{}))
	mux.HandleFunc("/v1.41/images/create", func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(`{"status":"Downloading","id":"a","progressDetail":{"current":43000000,"total":110000000}}` + "\n"))
			w.(http.Flusher).Flush()
			<-tick.C
		}
	})
	mux.HandleFunc("/", answer(http.StatusNotFound, map[string]string{"message": "no such image"}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "unix://" + socket
}
