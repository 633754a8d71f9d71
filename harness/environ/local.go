package environ

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// versionLine is what "postgres --version" prints.
var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)(\.\d+)?`)

// local is a private cluster from the binaries of this machine.
type local struct{ o Options }

func (local) name() string { return Local }

func (l local) probe(ctx context.Context) (string, error) {
	b, err := findBinaries(ctx)
	if err != nil {
		return "", err
	}
	if _, err := clusterUser(); err != nil {
		return "", err
	}
	return fmt.Sprintf("a private cluster of PostgreSQL %s from %s", b.version, b.dir), nil
}

func (l local) start(ctx context.Context, k *keeper) (*server, error) {
	b, err := findBinaries(ctx)
	if err != nil {
		return nil, err
	}
	return startCluster(ctx, l.o, k, func(context.Context, *cluster) (string, error) { return b.dir, nil })
}

// binaries is a directory with initdb and postgres of one version.
type binaries struct {
	dir     string
	major   int
	version string
}

// findBinaries returns the newest supported binaries on PATH or in the places
// where packages put them.
func findBinaries(ctx context.Context) (binaries, error) {
	var found []binaries
	var unsupported []string
	for _, dir := range binaryDirectories() {
		b, err := readBinaries(ctx, dir)
		switch {
		case err != nil:
		case b.major < oldestServer || b.major > newestServer:
			unsupported = append(unsupported, b.version+" in "+dir)
		default:
			found = append(found, b)
		}
	}
	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b binaries) int { return a.major - b.major }), nil
	}
	why := "no initdb and postgres on PATH or in the usual places"
	if len(unsupported) > 0 {
		why = fmt.Sprintf("only unsupported versions: %s; %d to %d are supported",
			strings.Join(unsupported, ", "), oldestServer, newestServer)
	}
	return binaries{}, unusable{why: why, wayOut: "install it (apt-get install postgresql, brew install postgresql@17)"}
}

func binaryDirectories() []string {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if resolved, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin",
		"/usr/local/bin", "/usr/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, err := filepath.Glob(pattern)
		if err == nil {
			dirs = append(dirs, matches...)
		}
	}
	return dirs
}

func readBinaries(ctx context.Context, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, err
	}
	m := versionLine.FindStringSubmatch(string(out))
	if m == nil {
		return binaries{}, errors.New("not a Postgres")
	}
	major, err := strconv.Atoi(m[1])
	return binaries{dir: dir, major: major, version: m[1] + m[2]}, err
}
