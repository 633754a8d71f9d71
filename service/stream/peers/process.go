package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// process is a server or some clients.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start runs this program in a role. It is killed when ctx ends, and ends by
// itself when stopped.
func start(ctx context.Context, role ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	p := &process{command: exec.CommandContext(ctx, self, role...)}
	p.command.Stderr = os.Stderr
	p.in, err = p.command.StdinPipe()
	out, outErr := p.command.StdoutPipe()
	if err := errors.Join(err, outErr); err != nil {
		return nil, fmt.Errorf("laying pipes: %w", err)
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", role[0], err)
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.in.Close()
	_ = p.command.Wait()
}

func (p *process) say(order string, args ...any) error {
	_, err := fmt.Fprintf(p.in, order+"\n", args...)
	return err
}

func (p *process) hear() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("hearing of a process: %w", err)
	}
	return strings.TrimSpace(line), nil
}

func (p *process) expect(word string) error {
	line, err := p.hear()
	if err == nil && line != word {
		err = fmt.Errorf("expecting %q, heard %q", word, line)
	}
	return err
}

// cpu is the time that the process has spent so far.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("reading the CPU time: /proc is not as expected")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, err2)
}

// memory is the resident set in bytes.
func (p *process) memory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory: %w", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, fmt.Errorf("reading the memory: %w", err)
	}
	return resident * int64(os.Getpagesize()), nil
}

// files is how many files, and so sockets, the process has open.
func (p *process) files() (int, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	return len(list), err
}

// stage is a server and its clients.
type stage struct {
	server  *process
	address string
	crowds  []*process
	clients int
	empty   int64 // bytes of the server before the first client
	window  int64
}

// crowds is how many processes the clients are spread over: a process may have
// 20,000 files open, and two cores are there to read.
const crowds = 2

func setUp(ctx context.Context, kind string, clients int) (*stage, error) {
	server, err := start(ctx, roleServer, kind)
	if err != nil {
		return nil, err
	}
	s := &stage{server: server, clients: clients}
	if err := s.seat(ctx, kind); err != nil {
		s.tearDown()
		return nil, fmt.Errorf("seating %d clients at %s: %w", clients, kind, err)
	}
	return s, nil
}

func (s *stage) seat(ctx context.Context, kind string) (err error) {
	if s.address, err = s.server.hear(); err != nil {
		return err
	}
	if s.empty, err = s.server.memory(); err != nil {
		return err
	}
	for n := range crowds {
		share := s.clients / crowds
		if n == 0 {
			share += s.clients % crowds
		}
		p, err := start(ctx, roleClients, s.address, strconv.Itoa(share), greeting(kind))
		if err != nil {
			return err
		}
		s.crowds = append(s.crowds, p)
	}
	for _, p := range s.crowds {
		if err := p.expect("ready"); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) tearDown() {
	for _, p := range s.crowds {
		p.stop()
	}
	s.server.stop()
}

// outcome is what happened in one window.
type outcome struct {
	seen
	serverCPU time.Duration
	// memory is the largest resident set of the server in bytes.
	memory int64
}

// play publishes count frames and returns what all clients saw.
func (s *stage) play(count int, interval time.Duration) (outcome, error) {
	s.window++
	for _, p := range s.crowds {
		if err := errors.Join(p.say("window %d %d", s.window, count), p.expect("open")); err != nil {
			return outcome{}, err
		}
	}
	before, err := s.server.cpu()
	if err != nil {
		return outcome{}, err
	}
	if err := s.server.say("window %d %d %d", s.window, count, interval); err != nil {
		return outcome{}, err
	}
	var all outcome
	if all.memory, err = s.untilDone(); err != nil {
		return outcome{}, err
	}
	for _, p := range s.crowds {
		if err := p.say("end"); err != nil {
			return outcome{}, err
		}
	}
	for _, p := range s.crowds {
		line, err := p.hear()
		if err != nil {
			return outcome{}, err
		}
		var part seen
		if err := json.Unmarshal([]byte(line), &part); err != nil {
			return outcome{}, fmt.Errorf("reading what clients saw: %w", err)
		}
		all.add(part)
	}
	after, err := s.server.cpu()
	all.serverCPU = after - before
	return all, err
}

// untilDone looks at the server's memory until it has published everything.
func (s *stage) untilDone() (largest int64, err error) {
	done := make(chan error, 1)
	go func() { done <- s.server.expect("done") }()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return largest, err
		case <-look.C:
			now, err := s.server.memory()
			if err != nil {
				return largest, errors.Join(err, <-done)
			}
			largest = max(largest, now)
		}
	}
}

func (s *seen) add(part seen) {
	s.Lags = append(s.Lags, part.Lags...)
	s.Missing += part.Missing
	s.Repeated += part.Repeated
	s.Hungup += part.Hungup
	s.CPU += part.CPU
}
