package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// programCache keeps programs that were built from a commit, so that the next
// run against the same one need not. It only ever saves time: what cannot be
// kept or read is built again. Runs that share it do not disturb each other,
// because a program appears in it whole, and every run works with a copy.
type programCache struct{ dir string } // empty keeps nothing

// mostKept is how many programs the cache holds; the ones that were used last
// stay.
const mostKept = 8

// beingWritten is what the name of a program begins with until it is whole.
const beingWritten = ".new-"

func openCache() programCache {
	user, err := os.UserCacheDir()
	if err != nil {
		return programCache{}
	}
	dir := filepath.Join(user, "signoff", "against")
	if os.MkdirAll(dir, 0o700) != nil {
		return programCache{}
	}
	return programCache{dir}
}

// place is where the program of a commit is kept, as built with some settings.
func (c programCache) place(sha, settings string) string {
	sum := sha256.Sum256([]byte(settings))
	return filepath.Join(c.dir, sha+"-"+hex.EncodeToString(sum[:6]))
}

// fetch copies a program out of the cache, and reports whether it was there.
func (c programCache) fetch(sha, settings, to string) bool {
	if c.dir == "" {
		return false
	}
	kept := c.place(sha, settings)
	if os.MkdirAll(filepath.Dir(to), 0o700) != nil {
		return false
	}
	if copyProgram(kept, to) != nil {
		_ = os.Remove(to)
		return false
	}
	now := time.Now()
	_ = os.Chtimes(kept, now, now) // it was used, and stays longer
	return true
}

// store keeps a copy of a program, and drops those that were not used for long.
func (c programCache) store(sha, settings, program string) {
	if c.dir == "" {
		return
	}
	whole, err := os.CreateTemp(c.dir, beingWritten)
	if err != nil {
		return
	}
	_ = whole.Close()
	if copyProgram(program, whole.Name()) != nil || os.Rename(whole.Name(), c.place(sha, settings)) != nil {
		_ = os.Remove(whole.Name())
	}
	c.tidy()
}

// tidy removes what is too much, and what a killed run left half written.
func (c programCache) tidy() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	type program struct {
		path string
		used time.Time
	}
	var kept []program
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(c.dir, e.Name())
		if !strings.HasPrefix(e.Name(), beingWritten) {
			kept = append(kept, program{path, info.ModTime()})
		} else if time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(path)
		}
	}
	slices.SortFunc(kept, func(a, b program) int { return b.used.Compare(a.used) })
	for _, p := range kept[min(mostKept, len(kept)):] {
		_ = os.Remove(p.path)
	}
}

// copyProgram copies a program, and leaves nothing half written behind its name
// unnoticed: what is there afterwards is whole, or there is an error.
func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700) //nolint:gosec // a program is to be started
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Chmod(0o700), target.Sync(), target.Close())
}
