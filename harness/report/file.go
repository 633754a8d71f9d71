package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// File is one file of a report.
type File struct {
	Name    string
	Content []byte
}

// Digest returns the SHA-256 of the content in hex.
func (f File) Digest() string {
	sum := sha256.Sum256(f.Content)
	return hex.EncodeToString(sum[:])
}

// put writes every file beside its final name first and renames them only when
// all of them are on the disk, so that a full disk leaves no half a report.
func put(dir string, files []File) (err error) {
	var temporary []string
	defer func() {
		for _, name := range temporary {
			if e := os.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	for _, f := range files {
		name, err := stage(dir, f)
		if name != "" {
			temporary = append(temporary, name)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w%s", filepath.Join(dir, f.Name), err, wayOut(err))
		}
	}
	for i, f := range files {
		if err := os.Rename(temporary[i], filepath.Join(dir, f.Name)); err != nil {
			for _, done := range files[:i] { // half a report is worse than none
				temporary = append(temporary, filepath.Join(dir, done.Name))
			}
			return fmt.Errorf("writing %s: %w%s", filepath.Join(dir, f.Name), reason(err), wayOut(err))
		}
	}
	return nil
}

// stage writes f under a temporary name in dir and returns that name.
func stage(dir string, f File) (string, error) {
	t, err := os.CreateTemp(dir, "."+f.Name+".*")
	if err != nil {
		return "", reason(err)
	}
	_, err = t.Write(f.Content)
	if err == nil {
		err = t.Chmod(0o644)
	}
	if err == nil {
		err = t.Sync()
	}
	return t.Name(), reason(errors.Join(err, t.Close()))
}

// reason strips the name of the temporary file from err: nobody can find it.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

func wayOut(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "; make the directory first"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "; choose a directory that can be written to with --out"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; free some space, or choose another directory with --out"
	default:
		return ""
	}
}
