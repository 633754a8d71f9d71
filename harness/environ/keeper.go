package environ

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// The kinds of things that a run may leave behind.
const (
	keptProcess   = "process"
	keptDirectory = "directory"
	keptContainer = "container"
	keptDatabase  = "database"
	keptFile      = "file"
	keptMemory    = "memory"
)

// item is one thing that must be gone when the run is over.
type item struct {
	Kind string `json:"kind"`
	// PID leads a process group; Born is its start time in clock ticks, so
	// that a process that got the same number later is left alone.
	PID  int    `json:"pid,omitempty"`
	Born string `json:"born,omitempty"`
	// Signal ends the process; it is killed 5 s later.
	Signal int    `json:"signal,omitempty"`
	Path   string `json:"path,omitempty"`   // of a directory or a file
	Host   string `json:"host,omitempty"`   // of the container daemon
	DSN    string `json:"dsn,omitempty"`    // of the maintenance database
	Name   string `json:"name,omitempty"`   // of a container or a database
	Memory int    `json:"memory,omitempty"` // number of a System V segment
}

// message is one line from the keeper to its janitor. A pipe that closes
// without Done means that the run was killed.
type message struct {
	Keep   *item `json:"keep,omitempty"`
	Forget *item `json:"forget,omitempty"`
	Done   bool  `json:"done,omitempty"`
}

// keeper tells the janitor process what there is to clean up. A keeper without
// a process does nothing.
type keeper struct {
	mu      sync.Mutex
	command *exec.Cmd
	pipe    io.WriteCloser
	ended   error
	over    bool
}

// startKeeper starts the janitor in a session of its own, where neither Ctrl-C
// nor a signal to our process group reaches it.
func startKeeper(command []string) (*keeper, error) {
	if len(command) == 0 {
		return &keeper{over: true}, nil
	}
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the janitor process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the janitor process %s: %w", command[0], err)
	}
	return &keeper{command: cmd, pipe: pipe}, nil
}

// keep has the janitor look after something, best before it is made. The
// function that it returns makes the janitor forget it again.
func (k *keeper) keep(it item) (release func(), err error) {
	if err := k.send(message{Keep: &it}); err != nil {
		return nil, fmt.Errorf("telling the janitor process about a %s: %w", it.Kind, err)
	}
	return func() { k.forget(it) }, nil
}

// keepProcess has the janitor look after a process that leads a group.
func (k *keeper) keepProcess(pid int, signal syscall.Signal) (release func(), err error) {
	p, _ := readProcess(pid) // where there is no /proc, the number has to do
	return k.keep(item{Kind: keptProcess, PID: pid, Born: p.born, Signal: int(signal)})
}

// forget is for things that are gone. That the janitor died meanwhile is no
// reason to fail: it has nothing left to do for this one.
func (k *keeper) forget(it item) { _ = k.send(message{Forget: &it}) }

func (k *keeper) send(m message) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return nil
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = k.pipe.Write(append(line, '\n'))
	return err
}

// done lets the janitor go, once everything is cleaned up, and waits for it.
func (k *keeper) done() error {
	sendErr := k.send(message{Done: true})
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return k.ended
	}
	k.over = true
	if err := errors.Join(sendErr, k.pipe.Close(), k.command.Wait()); err != nil {
		k.ended = fmt.Errorf("parting from the janitor process: %w", err)
	}
	return k.ended
}
