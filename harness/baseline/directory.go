package baseline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// directory is a history of JSON Lines files, one a month, which can be
// committed or cached: 2026-11.jsonl holds the runs that began in that month
// (UTC), baselines.jsonl the names. A line is written whole and put on the disk
// before Append returns; it is never changed.
type directory string

const baselinesFile = "baselines.jsonl"

func (d directory) String() string { return string(d) }

// Append implements History.
func (d directory) Append(ctx context.Context, e Entry) error {
	if err := e.Validate(); err != nil {
		return fmt.Errorf("adding run %s to the history %s: %w", e.Run, d, err)
	}
	err := d.locked(ctx, func() error {
		known, err := d.Entries(ctx, Filter{Run: e.Run})
		if err != nil && !errors.Is(err, ErrNone) {
			return err
		}
		if len(known.Entries) > 0 {
			if same(known.Entries[0], e) {
				return nil
			}
			return ErrDiffers
		}
		return d.write(e.Started.UTC().Format("2006-01")+".jsonl", e)
	})
	if err != nil {
		return fmt.Errorf("adding run %s to the history %s: %w", e.Run, d, err)
	}
	return nil
}

// Promote implements History.
func (d directory) Promote(ctx context.Context, p Promotion) error {
	if err := d.locked(ctx, func() error { return d.write(baselinesFile, p) }); err != nil {
		return fmt.Errorf("naming run %s in the history %s: %w", p.Entry.Run, d, err)
	}
	return nil
}

// Entries implements History.
func (d directory) Entries(_ context.Context, f Filter) (Reading, error) {
	names, err := filepath.Glob(filepath.Join(string(d), "[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"))
	if err != nil {
		return Reading{}, fmt.Errorf("reading the history %s: its name cannot be a pattern: %w", d, err)
	}
	info, err := os.Stat(string(d))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Reading{}, fmt.Errorf("%w in %s", ErrNone, d)
	case err != nil:
		return Reading{}, fmt.Errorf("reading the history %s: %w", d, cause(err))
	case !info.IsDir():
		return Reading{}, fmt.Errorf("reading the history %s: it is a file and no directory", d)
	}
	slices.Sort(names)
	var r Reading
	var places []string
	for _, name := range names {
		err := readLines(name, func(place string, line []byte) {
			e, err := decodeEntry(line)
			if err != nil {
				r.Faults = append(r.Faults, faultOf(place, line, err))
				return
			}
			if f.picks(e) {
				r.Entries, places = append(r.Entries, e), append(places, place)
			}
		})
		if err != nil {
			return Reading{}, fmt.Errorf("reading the history: %w", err)
		}
	}
	r.put(places)
	return r, nil
}

// Promotions implements History.
func (d directory) Promotions(context.Context) ([]Promotion, []Fault, error) {
	var all []Promotion
	var faults []Fault
	err := readLines(filepath.Join(string(d), baselinesFile), func(place string, line []byte) {
		p, err := decodePromotion(line)
		if err != nil {
			faults = append(faults, faultOf(place, line, err))
			return
		}
		all = append(all, p)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("reading the baselines: %w", err)
	}
	sortPromotions(all)
	return all, faults, nil
}

// readLines hands out the lines of a file that are not blank, each with its
// place.
func readLines(name string, each func(place string, line []byte)) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, cause(err))
	}
	n := 0
	for line := range bytes.Lines(content) {
		n++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			each(fmt.Sprintf("%s line %d", name, n), line)
		}
	}
	return nil
}

// write adds one line to a file and puts it on the disk. A last line that was
// cut short, because a machine went down, is ended first, so that it does not
// spoil the new one.
func (d directory) write(name string, v any) (err error) {
	line, err := encode(v)
	if err != nil {
		return fmt.Errorf("writing it as JSON: %w", err)
	}
	path := filepath.Join(string(d), name)
	_, statErr := os.Stat(path)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644) //nolint:gosec // figures are for everybody to read
	if err != nil {
		return cause(err)
	}
	defer func() { err = cause(errors.Join(err, file.Close())) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, info.Size()-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		// Half a line would be a fault for ever after.
		return errors.Join(err, file.Truncate(info.Size()))
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		return syncDirectory(string(d))
	}
	return nil
}

// syncDirectory puts the name of a new file on the disk.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// locked makes the directory, unless it is there, and keeps other runs out of
// it meanwhile.
func (d directory) locked(ctx context.Context, do func() error) (err error) {
	if err := os.MkdirAll(string(d), 0o755); err != nil { //nolint:gosec // figures are for everybody to read
		return cause(err)
	}
	file, err := os.OpenFile(filepath.Join(string(d), ".lock"), os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // whoever may write to the directory may lock it
	if err != nil {
		return cause(err)
	}
	defer func() { err = errors.Join(err, cause(file.Close())) }() // which unlocks it
	if err := lock(ctx, file); err != nil {
		return err
	}
	return do()
}

// cause takes the path out of a file error: the sentence around it has it.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// flat puts an error of several lines on one.
func flat(err error) string {
	return string(bytes.ReplaceAll([]byte(err.Error()), []byte("\n"), []byte("; ")))
}
