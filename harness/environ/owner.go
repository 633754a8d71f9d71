package environ

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the unprivileged user that runs a cluster when we are root: the
// server refuses to run as root. A nil owner is ourselves.
type owner struct{ uid, gid int }

// clusterUser returns whom to run a cluster as.
func clusterUser() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return &owner{uid: uid, gid: gid}, nil
		}
	}
	return nil, unusable{
		why:    "we are root, Postgres refuses to run as root, and there is no user postgres or nobody to run it as",
		wayOut: "add one (useradd --system postgres), or run signoff as another user",
	}
}

// credential is what a process of the owner is started with.
func (w *owner) credential() *syscall.Credential {
	if w == nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(w.uid), Gid: uint32(w.gid)} //nolint:gosec // ids fit
}

// give makes the owner own the files.
func (w *owner) give(paths ...string) error {
	if w == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Lchown(path, w.uid, w.gid); err != nil {
			return fmt.Errorf("giving %s to user %d: %w", path, w.uid, err)
		}
	}
	return nil
}

// privateDirectory is the path of a directory to be made, below one that the
// owner can reach: root's TMPDIR often is one that only root can enter.
func privateDirectory(temp string, who *owner) (string, error) {
	if temp == "" {
		temp = os.TempDir()
	}
	name := "signoff-" + randomHex(6)
	for _, parent := range []string{temp, "/tmp", "/var/tmp"} {
		path, err := filepath.Abs(parent)
		if err != nil {
			return "", fmt.Errorf("making a cluster: %w", err)
		}
		if who == nil || reachable(path) {
			return filepath.Join(path, name), nil
		}
	}
	return "", unusable{
		why:    fmt.Sprintf("%s cannot be entered by the user that runs Postgres", temp),
		wayOut: "set TMPDIR to a directory that everyone may enter",
	}
}

// reachable reports whether everyone may enter the directory and all above it.
func reachable(path string) bool {
	for {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
		path = filepath.Dir(path)
	}
}
