package environ_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// repository plays a Maven repository whose one artifact holds the Postgres
// binaries of this machine.
type repository struct {
	*httptest.Server
	downloads atomic.Int64
}

func newRepository(t testing.TB, jar []byte, checksum string) *repository {
	r := &repository{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch {
		case !strings.HasPrefix(request.URL.Path, "/maven/io/zonky/test/postgres/embedded-postgres-binaries-"):
			http.NotFound(w, request)
		case strings.HasSuffix(request.URL.Path, "-17.5.0.jar.sha256"):
			_, _ = w.Write([]byte(checksum))
		case strings.HasSuffix(request.URL.Path, "-17.5.0.jar"):
			if request.Method == http.MethodGet {
				r.downloads.Add(1)
			}
			http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(jar))
		default:
			http.NotFound(w, request)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// ownBinaries packs the machine's Postgres as the artifact does: a jar that
// holds a .txz of bin/ and lib/.
func ownBinaries(t testing.TB) []byte {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		matches, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(matches) == 0 {
			t.Skip("no local Postgres to serve")
		}
		initdb = matches[len(matches)-1]
	}
	initdb, err = filepath.EvalSymlinks(initdb)
	require.NoError(t, err)
	txz := filepath.Join(t.TempDir(), "binaries.txz")
	home := filepath.Dir(filepath.Dir(initdb))
	libraries, err := filepath.Glob(filepath.Join(home, "lib", "*.so"))
	require.NoError(t, err)
	args := []string{"--create", "--dereference", "--use-compress-program=xz -0", "--file", txz,
		"--directory", home, "--exclude=llvmjit*", "bin/initdb", "bin/postgres", "bin/pg_ctl"}
	for _, library := range libraries {
		args = append(args, "lib/"+filepath.Base(library))
	}
	tar := exec.Command("tar", args...) //nolint:gosec // paths of this machine
	if out, err := tar.CombinedOutput(); err != nil {
		t.Skipf("no tar with xz: %s", out)
	}
	packed, err := os.ReadFile(txz)
	require.NoError(t, err)
	return jarOf(t, packed)
}

func jarOf(t testing.TB, txz []byte) []byte {
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	file, err := archive.Create("postgres-linux-x86_64.txz")
	require.NoError(t, err)
	_, err = file.Write(txz)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	return jar.Bytes()
}

func checksum(jar []byte) string {
	sum := sha256.Sum256(jar)
	return hex.EncodeToString(sum[:])
}

func embeddedOptions(t testing.TB, r *repository) (environ.Options, *[]string) {
	var said []string
	o := options(t, environ.Embedded)
	o.EmbeddedRepository = r.URL + "/maven/"
	o.CacheDir = t.TempDir()
	o.TempDir = sharedTemp(t)
	o.Progress = func(line string) { said = append(said, line); t.Log(line) }
	return o, &said
}

func TestEmbeddedDownloadsOnceAndProvidesADurableServer(t *testing.T) {
	t.Parallel()
	jar := ownBinaries(t)
	r := newRepository(t, jar, checksum(jar))
	o, said := embeddedOptions(t, r)

	p := start(t, o)
	checkServer(t, p, environ.Embedded)
	require.NoError(t, p.Stop(context.Background()))
	require.Contains(t, strings.Join(*said, "\n"), "MB, from "+r.URL+"/maven to "+o.CacheDir)

	p = start(t, o)
	require.NoError(t, p.Stop(context.Background()))
	require.EqualValues(t, 1, r.downloads.Load(), "the second start must use the cache")
	left, err := os.ReadDir(o.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEmbeddedRefusesWhatItCannotTrust(t *testing.T) {
	t.Parallel()
	needLocal(t)
	damaged := jarOf(t, []byte("no archive"))
	tests := map[string]struct {
		jar      []byte
		checksum string
		want     string
	}{
		"a wrong checksum":  {damaged, checksum([]byte("another")), "its checksum is not the one that the repository states"},
		"a damaged archive": {damaged, checksum(damaged), "the archive is damaged"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, _ := embeddedOptions(t, newRepository(t, test.jar, test.checksum))
			_, err := environ.Start(t.Context(), o)
			require.ErrorContains(t, err, test.want)
			for _, dir := range []string{o.CacheDir, o.TempDir} {
				left, err := os.ReadDir(dir)
				require.NoError(t, err)
				require.Empty(t, left, "nothing half-written may stay")
			}
		})
	}
}

func TestEmbeddedSaysWhenItsRepositoryIsNoUse(t *testing.T) {
	t.Parallel()
	o := options(t, environ.Embedded)
	o.CacheDir = t.TempDir()
	for name, repository := range map[string]string{
		"nobody there":    "http://127.0.0.1:1/maven",
		"no address":      "http://[half",
		"nothing at that": newRepository(t, nil, "").URL + "/elsewhere",
	} {
		t.Run(name, func(t *testing.T) {
			o.EmbeddedRepository = repository
			_, err := environ.Start(t.Context(), o)
			require.ErrorContains(t, err, "SIGNOFF_EMBEDDED_REPOSITORY")
		})
	}
}
