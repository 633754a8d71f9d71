package drive

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// host is a made-up /proc.
func host(t *testing.T) procfs {
	t.Helper()
	return procfs(t.TempDir())
}

func (p procfs) write(t *testing.T, stat string, processes map[int]string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(string(p), "stat"), []byte(stat), 0o600))
	for pid, line := range processes {
		dir := filepath.Join(string(p), strconv.Itoa(pid))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), []byte(line), 0o600))
	}
}

// process is the line of a process that spent so many ticks.
func spender(name string, user, system int) string {
	return "7 (" + name + ") S 1 7 7 0 -1 4194560 100 0 0 0 " + strconv.Itoa(user) + " " + strconv.Itoa(system) + " 0 0 20 0 1 0 1 1 1"
}

func TestTheTimeOfTheProcessorsIsSharedOut(t *testing.T) {
	proc := host(t)
	o := &Observer{Service: 11, hostOf: string(proc)}
	look := func(stat string, service, worker int) sight {
		self := os.Getpid()
		proc.write(t, stat, map[int]string{11: spender("marketd", service, service), self: spender("signoff", 5, 5), 20: spender("postgres", worker, 0), 21: spender("postgres: x (y) z", worker, 0)})
		l := o.see(t.Context(), nil)
		l.postgres, l.local = o.servers.count(proc, []int{20, 21, 99})
		return l
	}
	first := look("cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 1 1 1", 10, 10)
	last := look("cpu  160 0 120 1015 55 0 0 0 0 0\ncpu0 1 1 1 1", 30, 20)
	p := spent(&first, &last)
	require.InDelta(t, 0.8, p.Busy, 1e-9)
	require.InDelta(t, 0.4, p.Service, 1e-9)
	require.InDelta(t, 0.2, *p.Postgres, 1e-9)
	require.Zero(t, p.Generator)
}

func TestAServerOnAnotherHostHasNoShareOfThisOne(t *testing.T) {
	proc := host(t)
	proc.write(t, "", map[int]string{20: spender("sshd", 1, 1)})
	var c census
	_, local := c.count(proc, []int{20, 21})
	require.False(t, local, "the number belongs to another program here")
	_, local = c.count(proc, []int{21})
	require.False(t, local, "no such process is here")
	_, local = c.count(proc, nil)
	require.False(t, local)
}

func TestAHostWithoutProcTellsNothing(t *testing.T) {
	o := &Observer{hostOf: filepath.Join(t.TempDir(), "none")}
	at := time.Now()
	for range 2 {
		o.looks = append(o.looks, o.see(t.Context(), nil))
	}
	s := o.Strain(at, time.Now())
	require.Nil(t, s.Processors)
	require.Nil(t, s.Sessions)
	cause, _ := s.Diagnose()
	require.Equal(t, CauseUnknown, cause)
}

func TestOnlyTheStretchAskedForCounts(t *testing.T) {
	began := time.Now()
	at := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	o := &Observer{}
	for i := range 40 {
		l := sight{at: at(float64(i) / 10), host: true, total: uint64(20 * i), server: true, waits: []string{""}}
		if i > 20 {
			l.busy, l.waits = uint64(20*(i-20)), []string{"IO:WalSync", "IO:WalSync"}
		}
		o.looks = append(o.looks, l)
	}
	o.pools = []poolLook{{at(1), Pool{Used: 1, Of: 4}}, {at(2), Pool{Used: 2, Of: 4, Waited: 0.25}}, {at(3.2), Pool{Used: 4, Of: 4}}}
	calm, strained := o.Strain(at(0), at(0.95)), o.Strain(at(2.05), at(2.95))
	require.Zero(t, calm.Processors.Busy)
	require.Equal(t, map[string]int64{"": 10}, calm.Sessions.Waits)
	require.Equal(t, Pool{Used: 1, Of: 4}, *calm.Pool)
	require.InDelta(t, 1, strained.Processors.Busy, 1e-9)
	require.Equal(t, map[string]int64{"IO:WalSync": 18}, strained.Sessions.Waits)
	require.EqualValues(t, 9, strained.Sessions.Looks)
	require.Equal(t, Pool{Used: 4, Of: 4}, *strained.Pool)
}

func FuzzParseProcessors(f *testing.F) {
	f.Add("cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1")
	f.Add("cpu 1 2 3")
	f.Add("cpu0 1 2 3 4 5 6 7 8")
	f.Fuzz(func(t *testing.T, text string) {
		busy, total, ok := parseProcessors(text)
		if ok {
			require.LessOrEqual(t, busy, total)
		} else {
			require.Zero(t, busy)
		}
	})
}

func FuzzParseProcess(f *testing.F) {
	f.Add("7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20")
	f.Add(") (")
	f.Add("7 (a) S 1")
	f.Fuzz(func(t *testing.T, text string) {
		_, ticks, ok := parseProcess(text)
		require.LessOrEqual(t, ticks, uint64(math.MaxUint64))
		if !ok {
			require.Zero(t, ticks)
		}
	})
}

func TestAProcessMayBeCalledAnything(t *testing.T) {
	name, ticks, ok := parseProcess(spender("a) b (c) 1 2", 12, 30))
	require.True(t, ok)
	require.Equal(t, "a) b (c) 1 2", name)
	require.EqualValues(t, 42, ticks)
}

func TestThePoolIsReadFromTheHealthOfTheDatabase(t *testing.T) {
	p, told := poolIn([]byte(`{"pool":{"acquired":3,"max":4,"wait_share":0.5}}`))
	require.True(t, told)
	require.Equal(t, Pool{Used: 3, Of: 4, Waited: 0.5}, p)
	p, told = poolIn([]byte(`{"pool":{"acquired":3,"max":4,"wait_share":null}}`))
	require.True(t, told)
	require.Zero(t, p.Waited)
	for _, raw := range []string{"", "{}", `{"pool":{"max":0}}`, `{"pool":3}`} {
		_, told = poolIn([]byte(raw))
		require.False(t, told, raw)
	}
}
