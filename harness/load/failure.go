package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// class names the kind of a failure in a word or three. An error may name its
// own class with a method Class() string.
func class(err error) string {
	var (
		named    interface{ Class() string }
		state    interface{ SQLState() string }
		deadline net.Error
	)
	switch {
	case errors.As(err, &named):
		return named.Class()
	case errors.As(err, &state):
		return "SQLSTATE " + state.SQLState()
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &deadline) && deadline.Timeout():
		return "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection lost"
	default:
		return "other"
	}
}
