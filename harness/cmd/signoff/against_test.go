package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/steps"
)

// serviceRepository is a repository whose last commit holds a small service; the
// one before does not build, and the first holds none.
func serviceRepository(t *testing.T) string {
	t.Helper()
	dir, _ := repository(t)
	commit := func(message string) {
		git(t, dir, "add", "-A")
		git(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", message)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, servicePath), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "features"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "features", "x.feature"), nil, 0o644))
	source := filepath.Join(dir, servicePath, "main.go")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() { nowhere() }\n"), 0o644))
	commit("A service that does not build")
	git(t, dir, "tag", "broken")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644))
	commit("A small service")
	git(t, dir, "tag", "sound")
	return dir
}

// asked compares with a version of the repository, with temporary files and a
// cache of its own.
func asked(ctx context.Context, t *testing.T, dir, ref, service string) (versions, string, error) {
	t.Helper()
	var said bytes.Buffer
	o := runOptions{against: ref, service: service}
	o.selection = steps.Selection{Dir: filepath.Join(dir, "features"), Against: true}
	v, err := findVersions(ctx, program{err: &said}, o)
	return v, said.String(), err
}

// places gives the test temporary files and a cache of its own.
func places(t *testing.T) (temp, cache string) {
	t.Helper()
	temp, cache = t.TempDir(), t.TempDir()
	compiled, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	t.Setenv("GOCACHE", strings.TrimSpace(string(compiled)))
	t.Setenv("TMPDIR", temp)
	t.Setenv("XDG_CACHE_HOME", cache)
	return temp, filepath.Join(cache, "signoff", "against")
}

func TestAVersionThatCannotBeHadIsSaidSo(t *testing.T) {
	temp, _ := places(t)
	dir := serviceRepository(t)
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, shallow)
	outside := t.TempDir()
	tests := map[string]struct {
		dir, ref string
		want     []string
	}{
		"no such commit":           {dir, "nowhere", []string{"--against nowhere", "no such commit", "git fetch"}},
		"no name of a commit":      {dir, "--upload-pack=x", []string{"no name of a commit"}},
		"nothing at all":           {dir, "", []string{"no name of a commit"}},
		"a file and no commit":     {dir, "sound:go.mod", []string{"no such commit"}},
		"a span of commits":        {dir, "broken..sound", []string{"no such commit"}},
		"a shallow clone":          {shallow, "HEAD~1", []string{"--against HEAD~1", "shallow", "fetch-depth: 0"}},
		"no repository":            {outside, "HEAD", []string{"no git repository"}},
		"a version without it":     {dir, "sound~2", []string{"holds no ./service/cmd/marketd"}},
		"a version that is broken": {dir, "broken", []string{"--against broken", "does not build", "service/cmd/marketd/main.go:3:", "nowhere"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := asked(t.Context(), t, test.dir, test.ref, "")
			require.Error(t, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), temp)
			requireEmpty(t, temp)
		})
	}
}

func TestBothVersionsAreBuiltInTheSameWay(t *testing.T) {
	temp, cache := places(t)
	dir := serviceRepository(t)
	v, said, err := asked(t.Context(), t, dir, "sound", "")
	require.NoError(t, err)
	require.Contains(t, said, `against sound, commit `)
	require.Contains(t, said, "both programs are the same, byte for byte")
	sha := git(t, dir, "rev-parse", "sound")
	require.Equal(t, v.program, v.against.Program)
	require.Equal(t, evidence.Program{Name: "marketd", SHA256: v.program.SHA256, Revision: sha}, v.program)
	require.Equal(t, evidence.Commit{SHA: sha, Subject: "A small service"}, v.against.Commit)
	require.Equal(t, "## trunk", git(t, dir, "status", "--porcelain", "--branch"), "the repository is only read")
	require.NotContains(t, git(t, dir, "worktree", "list"), temp)
	v.discard()
	requireEmpty(t, temp)

	require.NoError(t, os.WriteFile(filepath.Join(dir, servicePath, "main.go"), []byte("package main\n\nfunc main() { println() }\n"), 0o644))
	v, said, err = asked(t.Context(), t, dir, "sound", "")
	require.NoError(t, err)
	require.Contains(t, said, "built before")
	require.Contains(t, said, "with changes that no commit holds")
	require.True(t, v.program.Modified)
	require.NotEqual(t, v.program.SHA256, v.against.Program.SHA256)
	run := evidence.Run{Facts: []evidence.Fact{{Name: "Features", Value: "features"}}}
	v.record(&run)
	require.Equal(t, "sound", run.Against.Ref)
	require.Len(t, run.Facts, 2)
	v.discard()
	requireEmpty(t, temp)
	kept, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Len(t, kept, 1, "only what a commit holds is kept")
}

func TestATestedProgramOfAnotherStateSaysSo(t *testing.T) {
	places(t)
	dir := serviceRepository(t)
	v, said, err := asked(t.Context(), t, dir, "sound", theService(t).marketd)
	require.NoError(t, err)
	defer v.discard()
	require.Equal(t, theService(t).marketd, v.tested)
	require.Contains(t, said, "given by --service and not built by signoff")

	tree := evidence.Commit{SHA: "0123456789"}
	for want, program := range map[string]evidence.Program{
		"":                            {},
		"and the work tree is at 01":  {Revision: "9876543210"},
		"with changes that no commit": {Revision: "0123456789", Modified: true},
	} {
		require.Contains(t, otherState(program, tree), want)
	}
	tree.Dirty = true
	require.Contains(t, otherState(evidence.Program{Revision: "0123456789"}, tree), "without the changes of the work tree")
}

// stopper cancels once something was said.
type stopper struct{ cancel context.CancelFunc }

func (s stopper) Write(b []byte) (int, error) {
	s.cancel()
	return len(b), nil
}

func TestABuildThatIsStoppedLeavesNothing(t *testing.T) {
	temp, _ := places(t)
	dir := serviceRepository(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := runOptions{against: "sound"}
	o.selection = steps.Selection{Dir: filepath.Join(dir, "features"), Against: true}
	defer cancel()
	_, err := findVersions(ctx, program{err: stopper{cancel}}, o) // when the first is built
	require.ErrorIs(t, err, context.Canceled)
	requireEmpty(t, temp)
	_, err = findVersions(ctx, program{err: stopper{cancel}}, o) // before anything is
	require.ErrorIs(t, err, context.Canceled)
	requireEmpty(t, temp)
}

func TestTheCacheIsBoundedAndWhole(t *testing.T) {
	c := programCache{t.TempDir()}
	built := filepath.Join(t.TempDir(), "marketd")
	require.NoError(t, os.WriteFile(built, bytes.Repeat([]byte("program "), 1<<10), 0o700))
	old := time.Now().Add(-2 * abandoned)
	half := filepath.Join(c.dir, beingWritten+"of-a-killed-run")
	require.NoError(t, os.WriteFile(half, nil, 0o600))
	require.NoError(t, os.Chtimes(half, old, old))

	var racing sync.WaitGroup
	for i := range 2 * mostKept {
		sha := strings.Repeat(string(rune('a'+i)), 40)
		for range 2 {
			racing.Go(func() { c.store(sha, "go1", built) })
		}
	}
	racing.Wait()
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Len(t, entries, mostKept)
	require.NoFileExists(t, half)

	c.store("0", "go1", built)
	to := filepath.Join(t.TempDir(), "room", "marketd")
	require.True(t, c.fetch("0", "go1", to))
	want, err := os.ReadFile(built)
	require.NoError(t, err)
	got, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.False(t, c.fetch("0", "go2", to+"2"), "another compiler makes another program")
	require.NoFileExists(t, to+"2")
	require.False(t, programCache{}.fetch("0", "go1", to+"3"), "without a cache everything is built")
}

func TestASlowerQueryIsNamedWithItsPlan(t *testing.T) {
	run := evidence.Run{
		Features: []evidence.Feature{{Scenarios: []evidence.Scenario{{Objectives: []evidence.Objective{
			{Measure: "looking up the latest price", Judgement: objective.Judgement{Verdict: objective.Fail}},
			{Measure: "looking up the daily bars", Judgement: objective.Judgement{Verdict: objective.Fail}},
			{Measure: "storing in batches of 1", Judgement: objective.Judgement{Verdict: objective.Fail}},
		}}}}},
		Queries: []evidence.Query{
			{Name: "latest price", Arm: "baseline", Shape: []string{"Limit", "  Index Scan using ticks_pkey"}},
			{Name: "daily bars", Arm: "baseline", Shape: []string{"Sort"}},
			{Name: "instruments", Arm: "baseline", Shape: []string{"Index Scan"}},
			{Name: "latest price", Arm: "current", Shape: []string{"Limit", "  Seq Scan on ticks " + strings.Repeat("x", 200)}},
			{Name: "daily bars", Arm: "current", Shape: []string{"Sort"}},
			{Name: "instruments", Arm: "current", Shape: []string{"Seq Scan"}},
		},
	}
	require.Empty(t, slower(run), "a run that compares no versions")
	run.Against = &evidence.Against{}
	told := slower(run)
	require.Equal(t, `slower     looking up the latest price; the plan of the query "latest price" changed:`, told[0])
	require.Equal(t, "           - Index Scan using ticks_pkey", told[1])
	require.Contains(t, told[2], "+ Seq Scan on ticks xxx")
	require.LessOrEqual(t, len([]rune(told[2])), 140)
	require.Equal(t, `slower     looking up the daily bars; the plan of the query "daily bars" is the same`, told[3])
	require.Equal(t, "other plan instruments; not shown to be slower, see the report", told[4])
}
