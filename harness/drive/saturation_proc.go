package drive

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// procfs is where a Linux host tells of its processors and processes. Another
// system has no such place, and nothing is known there.
type procfs string

// processors are the ticks that all processors together spent since the host
// began: busy, and all. Waiting for a disk is not busy; what a hypervisor took
// away is.
func (p procfs) processors() (busy, total uint64, ok bool) {
	text, err := os.ReadFile(filepath.Join(string(p), "stat"))
	if err != nil {
		return 0, 0, false
	}
	return parseProcessors(string(text))
}

func parseProcessors(text string) (busy, total uint64, ok bool) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	// cpu user nice system idle iowait irq softirq steal, and guests, who are
	// part of user and nice.
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseUint(field, 10, 48)
		if err != nil {
			return 0, 0, false
		}
		total += ticks
		if i != 3 && i != 4 {
			busy += ticks
		}
	}
	return busy, total, true
}

// process is the name of a process and the ticks that it spent.
func (p procfs) process(pid int) (name string, ticks uint64, ok bool) {
	text, err := os.ReadFile(filepath.Join(string(p), strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, false
	}
	return parseProcess(string(text))
}

// parseProcess reads "pid (name) state …". The name may hold anything, blanks
// and brackets included, so that it ends at the last bracket.
func parseProcess(text string) (name string, ticks uint64, ok bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return "", 0, false
	}
	fields := strings.Fields(text[end+1:])
	const user, system = 11, 12 // counted from the state
	if len(fields) <= system {
		return "", 0, false
	}
	u, err := strconv.ParseUint(fields[user], 10, 48)
	s, err2 := strconv.ParseUint(fields[system], 10, 48)
	if err != nil || err2 != nil {
		return "", 0, false
	}
	return text[open+1 : end], u + s, true
}

// census adds up what the processes of a server spent. They come and go: what
// one spent before it was first seen does not count.
type census struct {
	seen map[int]uint64
	sum  uint64
}

// count takes in the processes of the server and returns what they spent so
// far. It is false if none of them runs on this host, or if one of the numbers
// belongs to another program here: the server runs elsewhere then.
func (c *census) count(proc procfs, processes []int) (sum uint64, local bool) {
	if c.seen == nil {
		c.seen = map[int]uint64{}
	}
	for _, pid := range processes {
		name, ticks, ok := proc.process(pid)
		if !ok {
			continue // it has ended in this moment, or was never here
		}
		if !strings.HasPrefix(name, "postgres") {
			return c.sum, false
		}
		local = true
		if before, known := c.seen[pid]; known && ticks > before {
			c.sum += ticks - before
		}
		c.seen[pid] = ticks
	}
	return c.sum, local
}
