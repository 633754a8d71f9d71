package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/steps"
)

// version is set by the linker for a release.
var version = ""

// describe begins the record of a run of the service, the path of a program.
func describe(ctx context.Context, plan steps.Plan, o runOptions, service string) (evidence.Run, error) {
	program, err := programOf(service)
	if err != nil {
		return evidence.Run{}, err
	}
	started := time.Now().UTC()
	commit := commitOf(ctx, o.selection.Dir)
	id := started.Format("20060102T150405Z")
	if commit.SHA != "" {
		id += "-" + commit.SHA[:7]
	}
	run := evidence.Run{
		Format:   evidence.Format,
		ID:       id,
		Service:  "marketd",
		Started:  started,
		Budget:   budgets()[o.selection.Profile].Seconds(),
		Tool:     evidence.Tool{Version: toolVersion(), Go: runtime.Version()},
		Program:  program,
		Commit:   commit,
		Profile:  o.selection.Profile,
		Tags:     o.selection.Tags,
		Only:     o.selection.Only,
		Seed:     o.seed,
		Family:   plan.Family,
		Alpha:    evidence.Alpha,
		Facts:    []evidence.Fact{{Name: "Features", Value: filepath.ToSlash(filepath.Clean(o.selection.Dir))}},
		Features: plan.Features,
	}
	return run, nil
}

// programOf identifies the program under test: by its content, and by the
// commit that the Go toolchain stamped into it. A program of another language,
// or built without the stamp, has no revision.
func programOf(path string) (evidence.Program, error) {
	file, err := os.Open(path)
	if err != nil {
		return evidence.Program{}, fmt.Errorf("identifying the program under test: %w", err)
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return evidence.Program{}, fmt.Errorf("identifying the program under test: %w", err)
	}
	p := evidence.Program{Name: filepath.Base(path), SHA256: hex.EncodeToString(sum.Sum(nil))}
	info, err := buildinfo.Read(file)
	if err != nil {
		return p, nil // without build information there is no revision
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			p.Revision = setting.Value
		case "vcs.modified":
			p.Modified = setting.Value == "true"
		}
	}
	return p, nil
}

func toolVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// commitOf describes the work tree that holds dir. Outside a repository, or
// without git, the commit stays empty, and the report says so. The tree is
// clean only if git says so: a file that git does not know may well have been
// compiled in, and a git that cannot tell proves nothing.
func commitOf(ctx context.Context, dir string) evidence.Commit {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "safe.directory=*"}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	sha, err := git("rev-parse", "HEAD")
	if err != nil || len(sha) != 40 {
		return evidence.Commit{}
	}
	c := evidence.Commit{SHA: sha, Dirty: true}
	if changes, err := git("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none"); err == nil {
		c.Dirty = changes != ""
	}
	// Without a branch, as in a checkout of a tag, there is no name to show.
	c.Subject, _ = git("log", "-1", "--format=%s")
	c.Branch, _ = git("symbolic-ref", "--short", "-q", "HEAD")
	return c
}
