package environ_test

import (
	"context"
	"os/exec"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// needContainer skips a test on a machine where containers cannot be used.
func needContainer(t testing.TB) {
	options, err := environ.Survey(t.Context(), environ.Options{Choice: environ.Container})
	require.NoError(t, err)
	for _, o := range options {
		if o.Name == environ.Container && !o.Usable {
			t.Skipf("no container: %s", o.Why)
		}
	}
}

func TestContainerProvidesADurableServerAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	needContainer(t)
	p := start(t, options(t, environ.Container))
	checkServer(t, p, environ.Container)
	require.NotEmpty(t, p.Facts().Image)
	require.Regexp(t, `sha256:[0-9a-f]{64}`, p.Facts().ImageDigest)
	require.NoError(t, p.Stop(context.Background()))
	_, err := pgx.Connect(t.Context(), p.DSN(""))
	require.Error(t, err, "the server must be gone")
	require.Empty(t, containers(t), "the container must be gone")
}

func TestContainerKeepsToTheImageThatWasNamed(t *testing.T) {
	t.Parallel()
	needContainer(t)
	o := options(t, environ.Container)
	o.Image = "registry.invalid/no-such-image:1"
	_, err := environ.Start(t.Context(), o)
	require.ErrorContains(t, err, "image registry.invalid/no-such-image:1 is not here and cannot be pulled")
}

// containers are the names of the containers that these tests made.
func containers(t testing.TB) string {
	out, err := exec.Command("docker", "ps", "--all", "--format", "{{.Names}}", "--filter", "name=signoff-"+runID(t)).Output() //nolint:gosec // a number
	require.NoError(t, err)
	return string(out)
}
