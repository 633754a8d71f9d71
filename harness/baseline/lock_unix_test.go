//go:build unix

package baseline_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAnotherRunIsWaitedForAndNotForEver(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	require.NoError(t, h.Append(t.Context(), entry(t, 1, 1.6, 4, 0)))
	other, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_EX))

	second := entry(t, 2, 1.6, 4, 0)
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, h.Append(impatient, second), "another run has been writing to it all the time")

	done := make(chan error)
	go func() { done <- h.Append(t.Context(), second) }()
	require.NoError(t, other.Close())
	require.NoError(t, <-done)
}
