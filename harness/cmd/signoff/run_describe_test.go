package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/steps"
)

// repository is a new work tree with one commit that holds a small program.
func repository(t *testing.T) (dir, sha string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/small\n\ngo 1.24\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644))
	git(t, dir, "init", "-q", "-b", "trunk")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "A small program")
	return dir, git(t, dir, "rev-parse", "HEAD")
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func TestAWorkTreeIsCleanOnlyIfGitSaysSo(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, dir string)
		dirty  bool
	}{
		"as it was committed": {func(*testing.T, string) {}, false},
		"a changed file": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"), 0o644))
		}, true},
		"a file that git does not know": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "other.go"), []byte("package main\n"), 0o644))
		}, true},
		"the same where the user hides such files": {func(t *testing.T, dir string) {
			git(t, dir, "config", "status.showUntrackedFiles", "no")
			require.NoError(t, os.WriteFile(filepath.Join(dir, "other.go"), []byte("package main\n"), 0o644))
		}, true},
		"git cannot tell": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".git", "index"), []byte("nonsense"), 0o644))
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, sha := repository(t)
			test.change(t, dir)
			require.Equal(t, evidence.Commit{SHA: sha, Subject: "A small program", Branch: "trunk", Dirty: test.dirty}, commitOf(t.Context(), dir))
		})
	}
	require.Equal(t, evidence.Commit{}, commitOf(t.Context(), t.TempDir()), "outside a repository")
}

func TestTheProgramUnderTestIsIdentified(t *testing.T) {
	dir, sha := repository(t)
	path := filepath.Join(t.TempDir(), "small")
	build := func() evidence.Program {
		command := exec.Command("go", "build", "-buildvcs=true", "-o", path, ".")
		command.Dir = dir
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		p, err := programOf(path)
		require.NoError(t, err)
		return p
	}
	clean := build()
	require.Equal(t, evidence.Program{Name: "small", SHA256: clean.SHA256, Revision: sha}, clean)
	require.Regexp(t, `^[0-9a-f]{64}$`, clean.SHA256)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.go"), []byte("package main\n"), 0o644))
	changed := build()
	require.True(t, changed.Modified)
	require.NotEqual(t, clean.SHA256, changed.SHA256)

	script := filepath.Join(dir, "service.sh")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755))
	p, err := programOf(script)
	require.NoError(t, err)
	require.Empty(t, p.Revision, "what is no Go program has no stamp")
	_, err = programOf(script + ".absent")
	require.ErrorContains(t, err, "identifying the program under test")
}

// TestTheFeaturesOfTheProjectCanBeJudged: what the plan records of the features
// is what stands in their text, in every profile.
func TestTheFeaturesOfTheProjectCanBeJudged(t *testing.T) {
	for profile := range steps.Profiles() {
		t.Run(profile, func(t *testing.T) {
			var o runOptions
			o.selection = steps.Selection{Dir: "../../../features", Profile: profile}
			plan, err := steps.NewPlan(o.selection)
			require.NoError(t, err)
			run, err := describe(t.Context(), plan, o, theService(t).marketd)
			require.NoError(t, err)
			require.Equal(t, "marketd", run.Program.Name)
			require.Contains(t, run.Facts, evidence.Fact{Name: "Features", Value: "../../../features"})
		})
	}
}

func TestAPartOfTheProfileIsRecordedAsOne(t *testing.T) {
	var o runOptions
	o.selection = steps.Selection{Dir: "testdata/features", Profile: "nightly", Tags: "@stream", Only: []string{"SLO-FLOOR-02"}}
	plan, err := steps.NewPlan(o.selection)
	require.NoError(t, err)
	run, err := describe(t.Context(), plan, o, theService(t).marketd)
	require.NoError(t, err)
	require.Equal(t, `--tags "@stream" --only SLO-FLOOR-02`, run.Narrowing())
}
