//go:build unix

package baseline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a run waits for another to write its line.
const patience = 10 * time.Second

// lock waits until nobody else holds the file. It is free again when the file is
// closed, also by the death of the process.
func lock(ctx context.Context, file *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) //nolint:gosec // a file descriptor is a small number
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another run has been writing to it all the time: %w", ctx.Err())
		case <-again.C:
		}
	}
}
