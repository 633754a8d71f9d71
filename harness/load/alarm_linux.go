package load

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fineClock is a timer of the kernel. The runtime's own timers wait in whole
// milliseconds on Linux, which is more than many operations take.
type fineClock struct {
	number int
	file   *os.File
}

func newFineClock() (fineClock, error) {
	number, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fineClock{}, fmt.Errorf("creating a timer: %w", err)
	}
	return fineClock{number: number, file: os.NewFile(uintptr(number), "timer")}, nil
}

// wait blocks for d and reports whether it could.
func (c fineClock) wait(d time.Duration) bool {
	once := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	if err := unix.TimerfdSettime(c.number, 0, &once, nil); err != nil {
		return false
	}
	var rings [8]byte
	_, err := c.file.Read(rings[:])
	return err == nil
}

func (c fineClock) close() { _ = c.file.Close() }
