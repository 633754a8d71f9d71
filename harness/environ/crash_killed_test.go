package environ_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

// The moments at which a run that crashes its server is killed: what it last
// said, and how long after that.
func TestARunThatIsKilledWhileItCrashesItsServerLeavesNothing(t *testing.T) {
	t.Parallel()
	moments := map[string]struct {
		says  string
		after time.Duration
	}{
		"between crash and restart": {"crashed", 0},
		"at the start of a crash":   {"crashing", 0},
		"in the middle of a crash":  {"crashing", 8 * time.Millisecond},
		"as a restart begins":       {"restarting", 0},
		"in a restart":              {"restarting", 5 * time.Millisecond},
		"late in a restart":         {"restarting", 80 * time.Millisecond},
	}
	for _, choice := range []string{environ.Local, environ.Container} {
		for name, moment := range moments {
			t.Run(choice+" "+name, func(t *testing.T) {
				switch {
				case choice == environ.Local:
					needLocal(t)
					t.Parallel()
				case moment.says == "restarting" && moment.after == 0:
					needContainer(t)
				default:
					t.Skip("the daemon does its part in one go")
				}
				temp := sharedTemp(t)
				cmd := exec.Command(self(t), "crasher", choice, temp, runID(t)) //nolint:gosec // ourselves
				cmd.Stderr = os.Stderr
				stdout, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				t.Cleanup(func() { _ = cmd.Process.Kill() }) // ended long ago in a good test
				var pids []int
				memory := 0
				for s := bufio.NewScanner(stdout); s.Scan(); {
					word, rest, _ := strings.Cut(s.Text(), " ")
					if word == "serving" && choice == environ.Local {
						pids = processesOf(rest)
						memory = memoryOf(t, rest)
						require.True(t, memoryThere(memory))
					}
					if word == moment.says {
						break
					}
				}
				<-time.After(moment.after)
				require.NoError(t, cmd.Process.Kill())
				require.Error(t, cmd.Wait())
				if choice == environ.Container {
					require.Eventually(t, func() bool { return containers(t) == "" }, 40*time.Second, 50*time.Millisecond)
					return
				}
				require.Eventually(t, func() bool {
					left, err := os.ReadDir(temp)
					return err == nil && len(left) == 0 && len(processesOf(temp)) == 0
				}, 20*time.Second, 20*time.Millisecond, "directory and server must be gone")
				require.Eventually(t, func() bool { return !memoryThere(memory) }, 5*time.Second, 20*time.Millisecond)
				for _, pid := range pids {
					requireGone(t, pid)
				}
			})
		}
	}
}

// processesOf are the processes that were started with a path below a directory.
func processesOf(dir string) []int {
	var found []int
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(line), "\x00"+dir) {
			pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
			if pid != os.Getpid() && !strings.Contains(string(line), "crasher") {
				found = append(found, pid)
			}
		}
	}
	return found
}
