//go:build unix

package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Dial connects like net.Dialer and returns a connection whose reads wait in
// the kernel instead of the runtime's poller. Each waiting read holds a thread
// and saves the two thread switches of a poller's wake-up, which on a small
// machine cost as much as a short statement: it is for a handful of
// connections that ask and wait in turn, such as the workers of Closed.
//
// The connection has one deadline for reads and writes, and once it has
// passed the connection is of no more use.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	polled, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	defer polled.Close()
	number, err := duplicate(polled)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return &waiting{
		number: number,
		file:   os.NewFile(uintptr(number), address),
		local:  polled.LocalAddr(),
		remote: polled.RemoteAddr(),
	}, nil
}

// duplicate returns a second descriptor of the connection, in blocking mode.
func duplicate(c net.Conn) (int, error) {
	owner, ok := c.(syscall.Conn)
	if !ok {
		return 0, fmt.Errorf("a connection of type %T has no descriptor", c)
	}
	raw, err := owner.SyscallConn()
	if err != nil {
		return 0, err
	}
	var number int
	var refused error
	if err := raw.Control(func(fd uintptr) {
		number, refused = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return 0, err
	}
	if refused != nil {
		return 0, refused
	}
	if err := unix.SetNonblock(number, false); err != nil {
		return 0, errors.Join(err, unix.Close(number))
	}
	return number, nil
}

// waiting is a connection whose reads and writes block a thread.
type waiting struct {
	number        int
	file          *os.File
	local, remote net.Addr
	expired       atomic.Bool

	mu     sync.Mutex
	bell   *time.Timer // rings at the deadline; nil without one
	closed bool        // the number may belong to someone else
}

func (w *waiting) Read(b []byte) (int, error) {
	n, err := w.file.Read(b)
	return n, w.late(err)
}

func (w *waiting) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	return n, w.late(err)
}

// late turns the error of a connection that was cut at its deadline into the
// one that callers look for.
func (w *waiting) late(err error) error {
	if err != nil && w.expired.Load() {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Close ends the connection; whoever waits in it returns.
func (w *waiting) Close() error {
	w.mu.Lock()
	w.stopBell()
	w.cut()
	w.closed = true
	w.mu.Unlock()
	return w.file.Close()
}

func (w *waiting) LocalAddr() net.Addr  { return w.local }
func (w *waiting) RemoteAddr() net.Addr { return w.remote }

func (w *waiting) SetReadDeadline(t time.Time) error  { return w.SetDeadline(t) }
func (w *waiting) SetWriteDeadline(t time.Time) error { return w.SetDeadline(t) }

// SetDeadline sets the one deadline of the connection; zero lifts it.
func (w *waiting) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopBell()
	if !t.IsZero() {
		w.bell = time.AfterFunc(time.Until(t), w.expire)
	}
	return nil
}

func (w *waiting) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expired.Store(true)
	w.cut()
}

// cut wakes whoever waits in the connection; the caller holds the lock. Its
// error would only say that the peer was faster.
func (w *waiting) cut() {
	if !w.closed {
		_ = unix.Shutdown(w.number, unix.SHUT_RDWR)
	}
}

func (w *waiting) stopBell() {
	if w.bell != nil {
		w.bell.Stop()
		w.bell = nil
	}
}
