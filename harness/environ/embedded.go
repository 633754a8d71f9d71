package environ

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// embeddedVersion is the pinned version of the downloaded binaries.
const embeddedVersion = embeddedpostgres.V17

// mavenCentral is where the binaries come from when the options do not say.
const mavenCentral = "https://repo1.maven.org/maven2"

// embedded is a private cluster from binaries that are downloaded once.
type embedded struct{ o Options }

func (embedded) name() string { return Embedded }

func (e embedded) probe(ctx context.Context) (string, error) {
	if _, err := clusterUser(); err != nil {
		return "", err
	}
	cache, err := e.cache()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(cache, archiveName())); err == nil {
		return fmt.Sprintf("PostgreSQL %s from %s", embeddedVersion, cache), nil
	}
	size, err := e.size(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("PostgreSQL %s, a download of %s from %s", embeddedVersion, megabytes(size), e.repository()), nil
}

func (e embedded) start(ctx context.Context, k *keeper) (*server, error) {
	return e.startFrom(ctx, k, "")
}

// startFrom starts a cluster with the binaries that another one has unpacked,
// while they are there; unpacking takes longer than all the rest.
func (e embedded) startFrom(ctx context.Context, k *keeper, unpacked string) (*server, error) {
	var home string
	s, err := startCluster(ctx, e.o, k, func(ctx context.Context, c *cluster) (string, error) {
		home = filepath.Join(c.dir, "postgres")
		if unpacked == "" || linkAll(unpacked, home) != nil {
			return e.unpack(ctx, c)
		}
		return filepath.Join(home, "bin"), giveAll(c.owner, home)
	})
	if err != nil {
		return nil, err
	}
	s.another = func(ctx context.Context, k *keeper) (*server, error) { return e.startFrom(ctx, k, home) }
	return s, nil
}

// linkAll makes a second directory of the same files, or none.
func linkAll(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, relative), 0o755) //nolint:gosec // below a directory that only its owner enters
		}
		return os.Link(path, filepath.Join(to, relative)) // of a symbolic link, too
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return nil
}

// unpack brings the binaries below the cluster's directory, where its owner
// can run them, and downloads them first if that was never done.
func (e embedded) unpack(ctx context.Context, c *cluster) (string, error) {
	cache, err := e.cache()
	if err != nil {
		return "", err
	}
	relay, err := startRelay(ctx, e.repository())
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(cache, archiveName())); err != nil {
		size, err := e.size(ctx)
		if err != nil {
			return "", errors.Join(err, relay.close())
		}
		e.o.say("postgres: downloading PostgreSQL %s, %s, from %s to %s", embeddedVersion, megabytes(size), e.repository(), cache)
	}
	fetchErr := e.fetch(c, cache, relay.url)
	closeErr := relay.close()
	bin := filepath.Join(c.dir, "postgres", "bin")
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", errors.Join(e.broken(fetchErr), os.RemoveAll(filepath.Join(cache, archiveName())))
	}
	return bin, errors.Join(closeErr, giveAll(c.owner, filepath.Join(c.dir, "postgres")))
}

// fetch has the library download and unpack. The library has no call for that
// alone, and its server cannot run as root; so it is given a data directory
// that is none, and its start ends, with an error, once all is unpacked.
func (e embedded) fetch(c *cluster, cache, repository string) error {
	none := filepath.Join(c.dir, "none")
	if err := os.Mkdir(none, 0o700); err != nil {
		return fmt.Errorf("unpacking Postgres: %w", err)
	}
	major, _, _ := strings.Cut(string(embeddedVersion), ".")
	if err := os.WriteFile(filepath.Join(none, "PG_VERSION"), []byte(major), 0o600); err != nil {
		return fmt.Errorf("unpacking Postgres: %w", err)
	}
	port, err := freePort(context.Background())
	if err != nil {
		return err
	}
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedVersion).
		BinaryRepositoryURL(repository).
		CachePath(cache).
		RuntimePath(filepath.Join(c.dir, "runtime")).
		BinariesPath(filepath.Join(c.dir, "postgres")).
		DataPath(none).
		Port(uint32(port)).
		Logger(newTail(nil)))
	before := libraryLogs()
	if err = library.Start(); err == nil {
		err = library.Stop() // not reached: there is nothing to serve
	}
	for path := range libraryLogs() {
		if !before[path] {
			_ = os.Remove(path) // the library forgets its log
		}
	}
	return errors.Join(err, os.RemoveAll(none), os.RemoveAll(filepath.Join(c.dir, "runtime")))
}

// libraryLogs are the logs that the library leaves in the temporary directory.
func libraryLogs() map[string]bool {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), "embedded_postgres_log*")) // the pattern is well formed
	logs := make(map[string]bool, len(found))
	for _, path := range found {
		logs[path] = true
	}
	return logs
}

// size asks the repository how large the archive is, in bytes; -1 is unknown.
func (e embedded) size(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	name := strings.TrimSuffix(archiveName(), ".txz")
	artifact := strings.TrimSuffix(name, "-"+string(embeddedVersion))
	where := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s.jar", e.repository(), artifact, embeddedVersion, name)
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, where, nil)
	if err != nil {
		return 0, e.noRepository("its address cannot be read")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, e.noRepository("it does not answer")
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		return 0, e.noRepository("it answers " + response.Status)
	}
	return response.ContentLength, nil
}

func (e embedded) noRepository(why string) error {
	return unusable{
		why:    fmt.Sprintf("PostgreSQL %s cannot be downloaded from %s: %s", embeddedVersion, e.repository(), why),
		wayOut: "set SIGNOFF_EMBEDDED_REPOSITORY to a Maven repository that this machine reaches",
	}
}

// broken says what went wrong with an archive; it is not kept, so that the
// next run downloads it again.
func (e embedded) broken(err error) error {
	what := "the download broke off"
	switch text := fmt.Sprint(err); {
	case strings.Contains(text, "checksum"):
		what = "its checksum is not the one that the repository states"
	case strings.Contains(text, "extract"), strings.Contains(text, "fetching"):
		what = "the archive is damaged"
	}
	return unusable{
		why:    fmt.Sprintf("PostgreSQL %s could not be had from %s: %s", embeddedVersion, e.repository(), what),
		wayOut: "try again, or choose another provider",
	}
}

func (e embedded) repository() string {
	if e.o.EmbeddedRepository == "" {
		return mavenCentral
	}
	return strings.TrimSuffix(e.o.EmbeddedRepository, "/")
}

func (e embedded) cache() (string, error) {
	if e.o.CacheDir != "" {
		return e.o.CacheDir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", unusable{why: "there is no cache directory for downloaded binaries", wayOut: "set HOME or XDG_CACHE_HOME"}
	}
	return filepath.Join(dir, "signoff"), nil
}

// archiveName is the library's name for the archive in the cache.
func archiveName() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	return fmt.Sprintf("embedded-postgres-binaries-%s-%s-%s.txz", runtime.GOOS, arch, embeddedVersion)
}

func megabytes(size int64) string {
	if size < 0 {
		return "a size it does not tell"
	}
	return fmt.Sprintf("%.1f MB", float64(size)/1e6)
}

// giveAll makes the owner own a directory and all below it.
func giveAll(who *owner, dir string) error {
	if who == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return who.give(path)
	})
}
