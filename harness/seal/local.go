package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of the key that is made on first use, in a directory of the user.
const (
	localKeyName    = "local.key"
	localPublicName = "local.pub"
)

// LocalKey returns the user's own key for previews, kept in dir as local.key
// and local.pub; it is made on first use. Two runs that both find none agree
// on one. With dir "" or unusable, the key lives for this run only, and note
// says so in one sentence; note is empty otherwise. LocalKey fails only if no
// key can be made at all.
//
// A local key proves that a report was not changed since it was made on this
// machine. It proves to nobody else who made it.
func LocalKey(dir string) (key Key, note string, err error) {
	if dir == "" {
		return ephemeral("this user has no configuration directory")
	}
	key, err = keepLocalKey(dir)
	if err != nil {
		return ephemeral(err.Error())
	}
	return key, "", nil
}

// LocalPublicKey returns the public half of the user's own key in dir, or nil
// if there is none that can be read.
func LocalPublicKey(dir string) *PublicKey {
	if dir == "" {
		return nil
	}
	public, err := LoadPublicKey(filepath.Join(dir, localPublicName))
	if err != nil {
		return nil
	}
	return &public
}

func ephemeral(why string) (Key, string, error) {
	key, err := GenerateKey()
	if err != nil {
		return Key{}, "", err
	}
	return key, "signed with a key that lives for this run only: " + why, nil
}

// keepLocalKey loads the key in dir, after making it if there is none.
func keepLocalKey(dir string) (Key, error) {
	path := filepath.Join(dir, localKeyName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeLocalKey(dir); err != nil {
			return Key{}, err
		}
	}
	key, err := LoadKey(path)
	if err != nil {
		return Key{}, err
	}
	if public := LocalPublicKey(dir); public == nil || !public.Equal(key.Public()) {
		text, err := key.Public().PEM()
		if err != nil {
			return Key{}, err
		}
		if err := writeFile(filepath.Join(dir, localPublicName), text, 0o644); err != nil {
			return Key{}, err
		}
	}
	return key, nil
}

// makeLocalKey puts a complete key in place in one step, unless another run
// did so first: a link never replaces, and never shows half a file.
func makeLocalKey(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making %s for the local key: %w", dir, reason(err))
	}
	key, err := GenerateKey()
	if err != nil {
		return err
	}
	text, err := key.PEM()
	if err != nil {
		return err
	}
	complete, err := writeTemporary(dir, text, 0o600)
	if err != nil {
		return fmt.Errorf("keeping the local key in %s: %w", dir, reason(err))
	}
	defer func() { _ = os.Remove(complete) }()
	if err := os.Link(complete, filepath.Join(dir, localKeyName)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keeping the local key in %s: %w", dir, reason(err))
	}
	return nil
}
