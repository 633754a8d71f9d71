package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// examined calls signoff doctor on a machine without a container daemon and
// with a repository that does not answer.
func examined(t *testing.T, environment map[string]string, args ...string) (code int, out, complaint string) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix:///nonexistent")
	var stdout, stderr bytes.Buffer
	p := program{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: func(name string) string {
		if name == "SIGNOFF_EMBEDDED_REPOSITORY" {
			return "http://127.0.0.1:1/maven"
		}
		return environment[name]
	}}
	code = run(t.Context(), p, append([]string{"doctor"}, args...))
	return code, stdout.String(), stderr.String()
}

func TestTheDoctorNamesEveryProviderAndTheWayToIt(t *testing.T) {
	// What else this machine has decides the exit code, not these lines.
	_, out, _ := examined(t, nil)
	for _, want := range []string{
		"  external ", "no address is given", "→ pass --postgres postgres://user@host/database, or set DATABASE_URL",
		"  container ", "no container daemon answers at unix:///nonexistent", "→ start Docker, or set DOCKER_HOST",
		"  local ", "  embedded ", "marketd", "container daemon", "processor", "memory", "clock", "one fsync",
	} {
		require.Contains(t, out, want)
	}
	for line := range strings.Lines(out) {
		require.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "no blanks at the end of a line")
	}
}

func TestTheDoctorsExitCodeTellsWhetherARunWouldFindAPostgres(t *testing.T) {
	tests := map[string]struct {
		environment map[string]string
		args        []string
		complaint   string
	}{
		"a provider that cannot be used": {
			args: []string{"--postgres", "container"}, complaint: "no Postgres can be used as asked; the ways out are above",
		},
		"an address where nobody is": {
			args: []string{"--postgres", "postgres://me:hunter2@127.0.0.1:1/x"}, complaint: "the ways out are above",
		},
		"a choice that is none":       {args: []string{"--postgres", "docker"}, complaint: "none of auto, container, local, embedded"},
		"a DATABASE_URL that is none": {environment: map[string]string{"DATABASE_URL": "postgres://me:hun/ter2@h"}, complaint: "DATABASE_URL: reading the Postgres address"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, complaint := examined(t, test.environment, test.args...)
			require.Equal(t, exitBroken, code)
			require.Contains(t, complaint, test.complaint)
			require.NotContains(t, out, "A run would use")
			require.NotRegexp(t, "hunter2|ter2", out+complaint)
		})
	}
}
