package environ

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// remains are the pieces of shared memory that a server has and that outlive
// it when it is killed. The next server on the same data removes them; when
// there is no next one, we do.
func remains(data string, pids []int) []item {
	var found []item
	seen := map[string]bool{}
	for _, pid := range pids {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if err != nil {
			continue // not ours to read, or not a Linux
		}
		for line := range strings.Lines(string(maps)) {
			_, name, ok := strings.Cut(strings.TrimSpace(line), "/dev/shm/PostgreSQL.")
			if !ok || seen[name] || strings.HasSuffix(name, "(deleted)") {
				continue
			}
			seen[name] = true
			found = append(found, item{Kind: keptFile, Path: "/dev/shm/PostgreSQL." + name})
		}
	}
	if id, ok := memoryOf(data); ok {
		found = append(found, item{Kind: keptMemory, Memory: id})
	}
	return found
}

// memoryOf reads which System V memory a server uses to find out whether it is
// alone on its data: the second number in the seventh line of its pid file.
func memoryOf(data string) (id int, ok bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return 0, false
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return 0, false
	}
	id, err = strconv.Atoi(fields[1])
	return id, err == nil
}

func (it item) removeFile() error {
	if err := os.Remove(it.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", it.Path, err)
	}
	return nil
}

func (it item) removeMemory() error {
	_, err := unix.SysvShmCtl(it.Memory, unix.IPC_RMID, nil)
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EIDRM) {
		return fmt.Errorf("removing shared memory %d: %w", it.Memory, err)
	}
	return nil
}
