package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
)

// TestMain lets this binary play signoff itself, which a run needs as its
// janitor and the signal tests need as a process of its own; and it builds the
// programs that the tests run against.
func TestMain(m *testing.M) {
	if os.Getenv("SIGNOFF_TEST_PLAYS_SIGNOFF") != "" {
		main()
	}
	os.Exit(testAll(m))
}

func testAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signoff-test-programs-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, source := range map[string]string{"marketd": "../../../service/cmd/marketd", "faulty": "./testdata/faulty"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), source).CombinedOutput(); err != nil {
			panic(fmt.Sprintf("building %s: %v: %s", source, err, out))
		}
	}
	for name, value := range map[string]string{"SIGNOFF_TEST_PLAYS_SIGNOFF": "yes", "SIGNOFF_TEST_PROGRAMS": dir} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return m.Run()
}

// programs are the service under test and its faulty twin.
type programs struct{ marketd, faulty string }

func theService(t *testing.T) programs {
	t.Helper()
	dir := os.Getenv("SIGNOFF_TEST_PROGRAMS")
	return programs{marketd: filepath.Join(dir, "marketd"), faulty: filepath.Join(dir, "faulty")}
}

// site is a place to run in: keys, reports and temporary files of its own.
type site struct{ home, out, temp string }

func newSite(t *testing.T) site {
	t.Helper()
	s := site{home: t.TempDir(), out: filepath.Join(t.TempDir(), "out"), temp: t.TempDir()}
	require.NoError(t, os.Chmod(s.temp, 0o755))
	return s
}

// carryOutFloor runs the small floor on a private cluster and returns the exit
// code, what was said, and the record, if one was written.
func (s site) carryOutFloor(t *testing.T, service string, more ...string) (int, string, *evidence.Run) {
	t.Helper()
	args := append([]string{"run", "--features", "testdata/features", "--postgres", "local", "--out", s.out, "--seed", "7", "--service", service}, more...)
	code, out, complaint := call(t, s.home, args...)
	said := out + complaint
	raw, err := os.ReadFile(filepath.Join(s.out, latestName, "report.json"))
	if err != nil {
		return code, said, nil
	}
	run, err := report.Decode(raw)
	require.NoError(t, err)
	return code, said, &run
}

func verdictOf(t *testing.T, run *evidence.Run, name string) objective.Verdict {
	t.Helper()
	require.NotNil(t, run, "no report was written")
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			for _, o := range s.Objectives {
				if s.Skipped == "" && o.Measure == name {
					return o.Verdict
				}
			}
		}
	}
	t.Fatalf("no objective on %q", name)
	return ""
}

func TestASoundServiceIsSignedOffAndVerifies(t *testing.T) {
	s := newSite(t)
	code, said, run := s.carryOutFloor(t, theService(t).marketd)
	require.Equal(t, exitPassed, code, said)
	require.Equal(t, objective.Pass, verdictOf(t, run, "delivery lag, p99"))
	require.Equal(t, objective.Pass, verdictOf(t, run, "acknowledged prices lost"))
	require.Contains(t, said, "local key, preview only")
	require.Equal(t, "runs in profile nightly", run.Features[0].Scenarios[1].Skipped)
	for _, st := range run.Features[0].Scenarios[0].Steps {
		require.Equal(t, evidence.StepPassed, st.Status)
		require.NotEmpty(t, st.Keyword)
		require.Positive(t, st.Line)
	}

	code, out, complaint := call(t, s.home, "verify", filepath.Join(s.out, latestName))
	require.Equal(t, exitPassed, code, out+complaint)
	require.Contains(t, out, "recomputed 4 of 4 verdicts, all equal")
	requireNothingLeft(t, s)
}

func TestASlowServiceFailsTheLagPromise(t *testing.T) {
	s, p := newSite(t), theService(t)
	t.Setenv("FAULTY_REAL", p.marketd)
	t.Setenv("FAULTY_FAULT", "slow")
	code, said, run := s.carryOutFloor(t, p.faulty)
	require.Equal(t, exitFailed, code, said)
	require.Equal(t, objective.Fail, verdictOf(t, run, "delivery lag, p99"))
	require.Equal(t, objective.Pass, verdictOf(t, run, "prices delivered"))
	requireNothingLeft(t, s)
}

func TestALossyServiceFailsDelivery(t *testing.T) {
	s, p := newSite(t), theService(t)
	t.Setenv("FAULTY_REAL", p.marketd)
	t.Setenv("FAULTY_FAULT", "lossy")
	code, said, run := s.carryOutFloor(t, p.faulty)
	require.Equal(t, exitFailed, code, said)
	require.Equal(t, objective.Fail, verdictOf(t, run, "prices delivered"))
}

func TestADeadServiceIsNoPassAndNoFailure(t *testing.T) {
	s, p := newSite(t), theService(t)
	t.Setenv("FAULTY_REAL", p.marketd)
	t.Setenv("FAULTY_FAULT", "dead")
	code, said, run := s.carryOutFloor(t, p.faulty)
	require.Equal(t, exitBroken, code, said)
	require.Equal(t, objective.NotRun, verdictOf(t, run, "delivery lag, p99"))
	require.Contains(t, said, "could not be carried out")
	requireNothingLeft(t, s)
}

func TestARunThatCannotWorkSaysWhyBeforeItStarts(t *testing.T) {
	p := theService(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := map[string]struct {
		args []string
		want []string
	}{
		"a misspelt tag":             {[]string{"--tags", "@sream"}, []string{"@sream", "known tags are", "@stream"}},
		"an unknown profile":         {[]string{"--profile", "hourly"}, []string{"hourly", "nightly"}},
		"an unknown id":              {[]string{"--only", "SLO-FLOOR-99"}, []string{"SLO-FLOOR-99", "SLO-FLOOR-01"}},
		"no such service":            {[]string{"--service", file}, []string{file, "no program"}},
		"a missing key":              {[]string{"--key", file + ".none"}, []string{file + ".none", "signoff keygen"}},
		"a file as directory":        {[]string{"--out", filepath.Join(file, "out")}, []string{"--out"}},
		"an unreadable address":      {[]string{"--postgres", "postgres://user:secret@%zz/"}, []string{"postgres://"}},
		"an unknown provider":        {[]string{"--postgres", "oracle"}, []string{"container", "embedded", "--postgres"}},
		"a server that is not there": {[]string{"--postgres", "postgres://127.0.0.1:1/postgres"}, []string{"127.0.0.1:1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			args := append([]string{"run", "--features", "testdata/features", "--out", s.out, "--service", p.marketd}, test.args...)
			code, out, complaint := call(t, s.home, args...)
			require.Equal(t, exitBroken, code, out+complaint)
			for _, want := range test.want {
				require.Contains(t, complaint, want)
			}
			require.NotContains(t, complaint, "secret")
			require.NotContains(t, complaint, "goroutine")
			require.NoDirExists(t, s.out, "something half-written was left behind")
		})
	}
}

func TestASignalLeavesNothingBehind(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			s, p := newSite(t), theService(t)
			self, err := os.Executable()
			require.NoError(t, err)
			var said bytes.Buffer
			trading := make(chan struct{})
			command := exec.Command(self, "run", "--features", "testdata/features", "--postgres", "local", "--out", s.out, "--service", p.faulty)
			command.Env = append(os.Environ(), "FAULTY_REAL="+p.marketd, "FAULTY_FAULT=slow", "TMPDIR="+s.temp, "SIGNOFF_KEYS="+s.home)
			command.Stderr = &watcher{out: &said, wanted: "postgres: using", seen: trading}
			require.NoError(t, command.Start())
			select {
			case <-trading:
			case <-time.After(time.Minute):
				t.Fatal("the run never began: " + said.String())
			}
			require.NoError(t, command.Process.Signal(sig))
			_ = command.Wait()
			require.Equal(t, exitBroken, command.ProcessState.ExitCode(), said.String())
			require.Contains(t, said.String(), "interrupted; everything was put away")
			require.NoDirExists(t, s.out)
			requireEmpty(t, s.temp)
		})
	}
}

// watcher closes seen when a line that holds wanted was written.
type watcher struct {
	out    *bytes.Buffer
	wanted string
	seen   chan struct{}
	once   sync.Once
}

func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	if strings.Contains(w.out.String(), w.wanted) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func requireNothingLeft(t *testing.T, s site) {
	t.Helper()
	entries, err := os.ReadDir(s.out)
	require.NoError(t, err)
	for _, e := range entries {
		require.False(t, strings.HasPrefix(e.Name(), "."), "%s was left behind", e.Name())
	}
}

// requireEmpty waits until the janitor has put the last things away, too.
func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		entries, err := os.ReadDir(dir)
		require.NoError(c, err)
		require.Empty(c, entries)
	}, 20*time.Second, 50*time.Millisecond)
}
