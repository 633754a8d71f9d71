//go:build unix

package drive

import "syscall"

// narrow makes the receive buffer of a socket small. That has to happen before
// it connects: a window that was once offered is not taken back.
func narrow(_, _ string, socket syscall.RawConn) error {
	var refused error
	if err := socket.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, stalledBuffer)
	}); err != nil {
		return err
	}
	return refused
}
