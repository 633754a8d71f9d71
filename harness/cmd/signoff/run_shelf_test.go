package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAReportAppearsWholeOrNotAtAll(t *testing.T) {
	root := filepath.Join(t.TempDir(), "out")
	s, err := newShelf(root, "run-1")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.partial, "report.json"), []byte("{}"), 0o600))
	require.NoFileExists(t, filepath.Join(root, latestName))

	_, err = newShelf(root, "run-1")
	require.ErrorContains(t, err, "another run may be writing there")

	place, err := s.keep()
	require.NoError(t, err)
	s.discard()
	require.FileExists(t, filepath.Join(place, "report.json"))
	require.FileExists(t, filepath.Join(root, latestName, "report.json"))

	_, err = newShelf(root, "run-1")
	require.ErrorContains(t, err, "is there already")
}

func TestADiscardedReportLeavesTheDirectoryAsItWas(t *testing.T) {
	made := filepath.Join(t.TempDir(), "out")
	s, err := newShelf(made, "run-1")
	require.NoError(t, err)
	s.discard()
	require.NoDirExists(t, made)

	given := t.TempDir()
	s, err = newShelf(given, "run-1")
	require.NoError(t, err)
	s.discard()
	require.DirExists(t, given, "the user's own directory was removed")
}

func TestWhatIsInTheWayIsNamed(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, latestName), 0o700))
	_, err := newShelf(root, "run-1")
	require.ErrorContains(t, err, "should be a link")
}

func TestOnlyAbandonedReportsAreSweptAway(t *testing.T) {
	root := t.TempDir()
	old, young := filepath.Join(root, ".run-0.partial"), filepath.Join(root, ".run-9.partial")
	require.NoError(t, os.Mkdir(old, 0o700))
	require.NoError(t, os.Mkdir(young, 0o700))
	long := time.Now().Add(-2 * abandoned)
	require.NoError(t, os.Chtimes(old, long, long))
	s, err := newShelf(root, "run-1")
	require.NoError(t, err)
	t.Cleanup(s.discard)
	require.NoDirExists(t, old)
	require.DirExists(t, young)
}

func TestAFullDiskIsFoundOutBeforeTheRun(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	s := &shelf{partial: t.TempDir()}
	require.NoError(t, os.Symlink("/dev/full", filepath.Join(s.partial, "probe")))
	require.ErrorContains(t, s.probe(), "no space left")
}
