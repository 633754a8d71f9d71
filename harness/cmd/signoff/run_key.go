package main

import (
	"os"
	"path/filepath"

	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

// signing is the key of a run and what to say about it.
type signing struct {
	key   seal.Key
	local bool
	notes []string
}

// keyDirectory is where a user's own preview key lives, or empty where there
// is no such place.
func keyDirectory(p program) string {
	if dir := p.getenv("SIGNOFF_KEYS"); dir != "" {
		return dir
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "signoff")
}

func chooseKey(p program, path string) (signing, error) {
	if path != "" {
		key, err := seal.LoadKey(path)
		return signing{key: key}, err
	}
	key, note, err := seal.LocalKey(keyDirectory(p))
	s := signing{key: key, local: true}
	if note != "" {
		s.notes = append(s.notes, note)
	}
	return s, err
}

func (s signing) signer() report.Signer {
	return report.Signer{KeyID: s.key.Public().Fingerprint(), Local: s.local}
}

func (s signing) says() string {
	if s.local {
		return "local key, preview only (" + s.key.Public().Fingerprint() + ")"
	}
	return s.key.Public().Fingerprint()
}
