package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Save writes k to prefix.key, readable by nobody but its owner, and its
// public half to prefix.pub, and returns both paths. It never replaces a file:
// a key that was lost cannot be made again. If either cannot be written,
// neither is left behind.
func (k Key) Save(prefix string) (private, public string, err error) {
	private, public = prefix+".key", prefix+".pub"
	secret, err := k.PEM()
	if err != nil {
		return "", "", err
	}
	shown, err := k.Public().PEM()
	if err != nil {
		return "", "", err
	}
	for _, path := range []string{private, public} {
		if _, err := os.Lstat(path); err == nil {
			return "", "", fmt.Errorf("writing key %s: it exists, and a key is never replaced: choose another --out", path)
		}
	}
	if err := writeNew(private, secret, 0o600); err != nil {
		return "", "", err
	}
	if err := writeNew(public, shown, 0o644); err != nil {
		return "", "", errors.Join(err, os.Remove(private))
	}
	return private, public, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, content []byte, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("writing key %s: it exists, and a key is never replaced: choose another --out", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing key %s: there is no directory %s: make it first, or choose another --out", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("writing key %s: %w: choose another --out", path, reason(err))
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("writing key %s: %w", path, reason(err))
	}
	return nil
}

// reason is the cause of err without the call and the path that it names.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
