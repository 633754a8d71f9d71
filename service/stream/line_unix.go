//go:build unix

package stream

import "syscall"

const canWriteNow = true

// writeNow writes what the socket takes at once.
func writeNow(socket uintptr, data []byte) int {
	n, err := syscall.Write(int(socket), data)
	if err != nil {
		return 0
	}
	return n
}
