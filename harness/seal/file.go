package seal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	return content, nil
}

// writeFile puts content at path in one step: a reader sees the old file or
// the new one, and a full disk leaves the old one.
func writeFile(path string, content []byte, mode os.FileMode) error {
	complete, err := writeTemporary(filepath.Dir(path), content, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, reason(err))
	}
	if err := os.Rename(complete, path); err != nil {
		_ = os.Remove(complete)
		return fmt.Errorf("writing %s: %w", path, reason(err))
	}
	return nil
}

// writeTemporary writes a complete, synchronised file under a name of its own
// in dir and returns its path; nothing is left if it fails.
func writeTemporary(dir string, content []byte, mode os.FileMode) (string, error) {
	file, err := os.CreateTemp(dir, ".signoff-*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}
