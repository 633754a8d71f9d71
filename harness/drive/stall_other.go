//go:build !unix

package drive

import "syscall"

// narrow leaves the socket as it is: whether its line stalls is measured.
func narrow(string, string, syscall.RawConn) error { return nil }
