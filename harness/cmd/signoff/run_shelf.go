package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/signoff-dev/signoff/harness/report"
)

// latestName is the link that points to the newest run.
const latestName = "latest"

// shelf is the directory of the reports. A report is written under another
// name and only then put in its place, so that nobody ever sees half of one.
type shelf struct {
	root, partial, place string
	made, kept           bool
}

// room is how many bytes a report may need; a disk without them is found out
// before the run, not after it.
const room = 16 << 20

// newShelf makes the directory of the reports, unless it is there, and a place
// in it that no other run writes to.
func newShelf(root, id string) (*shelf, error) {
	s := &shelf{root: root, place: filepath.Join(root, id), partial: filepath.Join(root, "."+id+".partial")}
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		s.made = true
	}
	if err := os.MkdirAll(root, 0o755); err != nil { //nolint:gosec // reports are for everybody to read
		return nil, fmt.Errorf("making the report directory %s: %w; name another one with --out", root, reasonOf(err))
	}
	if info, err := os.Lstat(filepath.Join(root, latestName)); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return nil, fmt.Errorf("%s is in the way: it should be a link to the newest report; move it, or name another directory with --out", filepath.Join(root, latestName))
	}
	if _, err := os.Lstat(s.place); err == nil {
		return nil, fmt.Errorf("%s is there already; start again in a second, or name another directory with --out", s.place)
	}
	sweep(root)
	if err := os.Mkdir(s.partial, 0o755); err != nil { //nolint:gosec // reports are for everybody to read
		return nil, fmt.Errorf("making %s: %w; another run may be writing there: start again in a second, or name another directory with --out", s.partial, reasonOf(err))
	}
	if err := s.probe(); err != nil {
		s.discard()
		return nil, fmt.Errorf("writing to the report directory %s: %w; make room, or name another one with --out", root, reasonOf(err))
	}
	return s, nil
}

// abandoned is the age from which an unfinished report belongs to nobody: the
// longest profile takes an hour.
const abandoned = 24 * time.Hour

// sweep removes the unfinished reports of runs that were killed.
func sweep(root string) {
	partials, _ := filepath.Glob(filepath.Join(root, ".*.partial")) // the pattern is well formed
	for _, p := range partials {
		if info, err := os.Lstat(p); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(p)
		}
	}
}

// probe writes as much as a report may need, and removes it again.
func (s *shelf) probe() error {
	path := filepath.Join(s.partial, "probe")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, writeErr := file.Write(make([]byte, room))
	return errors.Join(writeErr, file.Close(), os.Remove(path))
}

// reasonOf takes the path out of a file error: the sentence around it has it.
func reasonOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// keep puts the report in its place and makes it the latest.
func (s *shelf) keep() (string, error) {
	if err := os.Rename(s.partial, s.place); err != nil {
		return "", fmt.Errorf("putting the report in its place %s: %w", s.place, reasonOf(err))
	}
	s.kept = true
	link := filepath.Join(s.root, "."+latestName+".new")
	_ = os.Remove(link)
	if err := os.Symlink(filepath.Base(s.place), link); err != nil {
		return "", fmt.Errorf("pointing %s to the report: %w", latestName, reasonOf(err))
	}
	if err := os.Rename(link, filepath.Join(s.root, latestName)); err != nil {
		return "", fmt.Errorf("pointing %s to the report: %w", latestName, reasonOf(err))
	}
	return s.place, nil
}

// discard removes what was written, unless it was kept.
func (s *shelf) discard() {
	if s.kept {
		return
	}
	_ = os.RemoveAll(s.partial)
	if s.made {
		_ = os.Remove(s.root) // goes only while it is empty
	}
}

// lastTimes is how long each scenario took in the latest run, if there is one.
func (s *shelf) lastTimes() map[string]time.Duration {
	times := map[string]time.Duration{}
	raw, err := os.ReadFile(filepath.Join(s.root, latestName, "report.json"))
	if err != nil {
		return times
	}
	run, err := report.Decode(raw)
	if err != nil {
		return times
	}
	for _, f := range run.Features {
		for _, sc := range f.Scenarios {
			if sc.Seconds > 0 {
				times[sc.ID] = time.Duration(sc.Seconds * float64(time.Second))
			}
		}
	}
	return times
}
