package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one client: a socket and what it expects next.
type conn struct {
	fd int
	// rest is the beginning of a frame that is not whole yet.
	rest []byte
	next int64
}

// seen is what the clients of one process saw in one window.
type seen struct {
	// Lags are in microseconds, from when a frame was due to when it was read.
	Lags []int64 `json:"lags"`
	// Missing are frames that did not come, Repeated those that came again or
	// too late in order, Hungup the clients that the server left.
	Missing  int `json:"missing"`
	Repeated int `json:"repeated"`
	Hungup   int `json:"hungup"`
	// CPU is in microseconds.
	CPU int64 `json:"cpu"`
}

// crowd is all clients of one process. One goroutine serves them all, so that
// they cost as little as they can.
type crowd struct {
	epoll  int
	conns  []*conn // by file descriptor; nil is none
	window int64
	count  int64
	came   int64 // frames of the window that were read
	alive  int64
	began  int64
	seen   seen
}

// attend plays clients: ADDRESS COUNT GREETING. It says "ready" when all are
// connected, and for each line "window ID COUNT" of in what they saw, once all
// frames came or a moment after the last. It ends with in.
func attend(args []string, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(400)
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("reading how many clients: %w", err)
	}
	c := &crowd{}
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("making an epoll: %w", err)
	}
	for n := range count {
		if err := c.connect(args[0], args[2]); err != nil {
			return fmt.Errorf("seating client %d of %d: %w", n, count, err)
		}
	}
	fmt.Fprintln(out, "ready")
	orders := make(chan string)
	go func() {
		defer close(orders)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			orders <- lines.Text()
		}
	}()
	return c.loop(orders, out)
}

// loop reads what comes. A window ends with the order "end".
func (c *crowd) loop(orders <-chan string, out io.Writer) error {
	events, buffer := make([]unix.EpollEvent, 256), make([]byte, 64<<10)
	var patience time.Time
	for {
		select {
		case order, open := <-orders:
			if !open {
				return nil
			}
			if order == "end" {
				patience = time.Now().Add(5 * time.Second)
				break
			}
			var window, count int64
			if _, err := fmt.Sscanf(order, "window %d %d", &window, &count); err != nil {
				return fmt.Errorf("reading %q: %w", order, err)
			}
			c.open(window, count)
			fmt.Fprintln(out, "open")
		default:
		}
		if !patience.IsZero() && (c.came >= c.count*c.alive || time.Now().After(patience)) {
			patience = time.Time{}
			c.close()
			if err := json.NewEncoder(out).Encode(c.seen); err != nil {
				return fmt.Errorf("telling what was seen: %w", err)
			}
		}
		n, err := unix.EpollWait(c.epoll, events, 20)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("waiting for frames: %w", err)
		}
		for _, event := range events[:max(n, 0)] {
			c.read(c.conns[event.Fd], buffer)
		}
	}
}

func (c *crowd) open(window, count int64) {
	c.window, c.count, c.came = window, count, 0
	c.seen = seen{}
	for _, conn := range c.conns {
		if conn != nil {
			conn.next = 0
		}
	}
	c.began = ownCPU()
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		if conn != nil {
			c.seen.Missing += int(c.count - conn.next)
		}
	}
	c.seen.CPU = ownCPU() - c.began
}

// note takes down that a client read a stamp.
func (c *crowd) note(conn *conn, s stamp, at time.Time) {
	if s.window != c.window {
		return
	}
	c.came++
	c.seen.Lags = append(c.seen.Lags, at.Sub(s.due).Microseconds())
	if s.number < conn.next {
		c.seen.Repeated++
		return
	}
	c.seen.Missing += int(s.number - conn.next)
	conn.next = s.number + 1
}

func (c *crowd) read(conn *conn, buffer []byte) {
	kept := copy(buffer, conn.rest)
	n, err := unix.Read(conn.fd, buffer[kept:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		c.hangUp(conn)
		return
	}
	at, data := time.Now(), buffer[:kept+n]
	for {
		op, payload, size := cut(data)
		if size == 0 {
			break
		}
		c.hear(conn, op, payload, at)
		data = data[size:]
	}
	conn.rest = append(conn.rest[:0], data...)
}

// hear answers pings, those of the protocol and those of centrifuge.
func (c *crowd) hear(conn *conn, op byte, payload []byte, at time.Time) {
	switch {
	case op == opPing:
		_, _ = unix.Write(conn.fd, masked(opPong, payload))
	case op == opText && bytes.Equal(bytes.TrimSpace(payload), []byte("{}")):
		_, _ = unix.Write(conn.fd, masked(opText, []byte("{}")))
	case op == opText:
		eachStamp(payload, func(s stamp) { c.note(conn, s, at) })
	}
}

// hangUp takes a client that the server left out of the loop. It stays in the
// list, so that what it missed is counted.
func (c *crowd) hangUp(conn *conn) {
	c.seen.Hungup++
	c.alive--
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, conn.fd, nil)
}

// connect seats one more client.
func (c *crowd) connect(address, greeting string) error {
	fd, rest, err := dial(address, greeting, 0)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("making the socket not block: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watching the socket: %w", err)
	}
	for len(c.conns) <= fd {
		c.conns = append(c.conns, nil)
	}
	c.conns[fd] = &conn{fd: fd, rest: rest}
	c.alive++
	return nil
}

// dial connects one WebSocket client and says the greeting. Rest is what was
// read beyond the answer. A receive buffer of 0 bytes is left to the kernel.
func dial(address, greeting string, receive int) (fd int, rest []byte, err error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the address: %w", err)
	}
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, nil, fmt.Errorf("making a socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if receive > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receive); err != nil {
			return 0, nil, fmt.Errorf("making the receive buffer small: %w", err)
		}
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return 0, nil, fmt.Errorf("connecting: %w", err)
	}
	hello := "GET /ws HTTP/1.1\r\nHost: " + address + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	if _, err := unix.Write(fd, []byte(hello)); err != nil {
		return 0, nil, fmt.Errorf("asking for a WebSocket: %w", err)
	}
	if rest, err = awaitAnswer(fd); err != nil || greeting == "" {
		return fd, rest, err
	}
	if _, err := unix.Write(fd, masked(opText, []byte(greeting))); err != nil {
		return 0, nil, fmt.Errorf("greeting: %w", err)
	}
	piece := make([]byte, 1024)
	for _, _, size := cut(rest); size == 0; _, _, size = cut(rest) {
		n, err := unix.Read(fd, piece)
		if err != nil || n == 0 {
			return 0, nil, fmt.Errorf("waiting for an answer to the greeting: %w", orEnd(err))
		}
		rest = append(rest, piece[:n]...)
	}
	return fd, rest, nil
}

// awaitAnswer reads the answer to a handshake and returns what came behind it.
func awaitAnswer(fd int) ([]byte, error) {
	var got []byte
	piece := make([]byte, 1024)
	for {
		n, err := unix.Read(fd, piece)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("waiting for the answer: %w", orEnd(err))
		}
		got = append(got, piece[:n]...)
		if head, rest, whole := bytes.Cut(got, []byte("\r\n\r\n")); whole {
			if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
				return nil, fmt.Errorf("the server answered %q", head)
			}
			return bytes.Clone(rest), nil
		}
	}
}

func orEnd(err error) error {
	if err == nil {
		return net.ErrClosed
	}
	return err
}

// ownCPU is the CPU time of this process in microseconds.
func ownCPU() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return (used.Utime.Nano() + used.Stime.Nano()) / 1000
}
