package stream

import (
	"bufio"
	"net"
	"net/http"
	"syscall"
	"time"
)

// line is the connection of a client. It says when a write has to wait, and
// only then bothers the system with the deadline.
type line struct {
	net.Conn
	raw      syscall.RawConn // nil where there is no telling: any write may wait
	writers  *writers
	deadline time.Time // of the write under way

	// Guarded by the lock of the writers:
	writer  *writer // whose turn it is at this client
	waiting bool    // a write waits
}

// Write writes what the line takes at once, and waits only for the rest.
func (l *line) Write(data []byte) (int, error) {
	n := l.attempt(data)
	if n == len(data) {
		return n, nil
	}
	l.writers.wait(l)
	defer l.writers.waited(l)
	if err := l.Conn.SetWriteDeadline(l.deadline); err != nil {
		return n, err
	}
	rest, err := l.Conn.Write(data[n:])
	if err == nil {
		err = l.Conn.SetWriteDeadline(time.Time{})
	}
	return n + rest, err
}

// attempt writes as much as goes without waiting. Any error comes again with
// the next write.
func (l *line) attempt(data []byte) (n int) {
	if l.raw == nil {
		return 0
	}
	err := l.raw.Write(func(handle uintptr) bool {
		n = writeNow(handle, data)
		return true
	})
	if err != nil {
		return 0
	}
	return n
}

// SetWriteDeadline bounds the writes that follow. Like Write, it is for one
// goroutine at a time; the library sees to that.
func (l *line) SetWriteDeadline(at time.Time) error {
	l.deadline = at
	return nil
}

// sendBuffer is how many bytes the kernel may hold for a client. Left to
// itself it would hold megabytes, and a client that stopped reading would be
// noticed only long after its prices had become old.
const sendBuffer = 16 << 10

// lineTaker hands the library a line in place of the connection.
type lineTaker struct {
	http.ResponseWriter
	writers *writers
	line    *line
}

// Hijack takes the connection over.
func (t *lineTaker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.line = &line{Conn: conn, writers: t.writers}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a wish; the default works too
		if canWriteNow {
			t.line.raw, _ = tcp.SyscallConn()
		}
	}
	return t.line, buffers, nil
}
