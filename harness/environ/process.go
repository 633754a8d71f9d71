package environ

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one line of the machine's table of processes.
type process struct {
	pid, parent int
	state       string // a letter, such as T (halted) and Z (ended, not yet reaped)
	born        string // in clock ticks since the machine was started; empty where there is no /proc
}

// readProcess looks a process up in /proc.
func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The name, in parentheses, may hold anything; the fields follow it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid: pid, parent: parent, state: fields[0], born: fields[19]}, err == nil
}

// processes are all of this machine, from ps where there is no /proc.
func processes(ctx context.Context) []process {
	var all []process
	for _, pid := range processNumbers() {
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		return all
	}
	for line := range strings.Lines(output(ctx, "ps", "-A", "-o", "pid=,ppid=,state=")) {
		var p process
		if n, err := fmt.Sscan(line, &p.pid, &p.parent, &p.state); err == nil && n == 3 {
			all = append(all, p)
		}
	}
	return all
}

func processNumbers() []int {
	var numbers []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil // not a Linux
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, pid)
		}
	}
	return numbers
}

// ended reports whether a process is no more than a number that its parent has
// not collected yet: it holds no memory and no files.
func (p process) ended() bool { return strings.HasPrefix(p.state, "Z") }

func (p process) halted() bool { return strings.HasPrefix(strings.ToUpper(p.state), "T") }

// family returns the living descendants of a process, and whether the process
// itself can make no further ones.
func family(ctx context.Context, root int) (below []int, still bool) {
	all := processes(ctx)
	still = true
	for _, p := range all {
		if p.pid == root && !p.halted() && !p.ended() {
			still = false
		}
	}
	for generation := []int{root}; len(generation) > 0; {
		var next []int
		for _, p := range all {
			if slices.Contains(generation, p.parent) {
				next = append(next, p.pid)
				if !p.ended() {
					below = append(below, p.pid)
				}
			}
		}
		generation = next
	}
	return below, still
}

// killFamily kills a process and all below it, and waits until those below are
// gone. The process is halted first: it can neither start another child nor
// see one die, so that all of them go down at the same moment, in the middle
// of whatever they do. It is carried through whatever becomes of ctx, because
// half a family is of no use to anybody.
func killFamily(ctx context.Context, root int) error {
	ctx = context.WithoutCancel(ctx)
	_ = syscall.Kill(root, syscall.SIGSTOP) // may have ended already
	err := repeat(ctx, 10*time.Second, func() (bool, error) {
		below, still := family(ctx, root)
		for _, pid := range below {
			// Each leads a group, with what it runs in a shell.
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(below) > 0 || !still {
			return false, fmt.Errorf("%d processes below process %d do not end", len(below), root)
		}
		return true, nil
	})
	_ = syscall.Kill(root, syscall.SIGKILL) // may have ended already
	return err
}

// usersOf are the processes that were started with a path below the directory
// as an argument.
func usersOf(dir string) []process {
	var users []process
	for _, pid := range processNumbers() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has just ended
		}
		for argument := range strings.SplitSeq(string(line), "\x00") {
			if strings.HasPrefix(argument, dir+string(filepath.Separator)) {
				if p, ok := readProcess(pid); ok {
					users = append(users, p)
				}
				break
			}
		}
	}
	return users
}
