package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// servicePath is where the service is built from, below the top of its
// repository.
const servicePath = "service/cmd/marketd"

// builder makes the programs of a run that compares.
type builder struct {
	source    source
	room      string
	cache     programCache
	say       func(format string, args ...any)
	toolchain string // once something was built: "go1.26.0 linux/amd64"
}

// before returns the path of the service as it was at a commit, built or taken
// from the cache.
func (b *builder) before(ctx context.Context, against evidence.Against) (string, error) {
	settings, err := b.settings(ctx)
	if err != nil {
		return "", err
	}
	sha, program := against.Commit.SHA, filepath.Join(b.room, "before", filepath.Base(servicePath))
	named := fmt.Sprintf("against %s, commit %s %q", against.Ref, shortly(sha), against.Commit.Subject)
	if b.cache.fetch(sha, settings, program) {
		b.say("%s: built before", named)
		return program, nil
	}
	began := time.Now()
	tree := filepath.Join(b.room, "tree")
	defer func() { _ = os.RemoveAll(tree) }()
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", fmt.Errorf("making room for commit %s: %w", shortly(sha), reasonOf(err))
	}
	if err := b.source.export(ctx, sha, tree); err != nil {
		return "", err
	}
	if err := b.build(ctx, tree, "commit "+shortly(sha), program); err != nil {
		return "", err
	}
	b.cache.store(sha, settings, program)
	b.say("%s: built in %s", named, time.Since(began).Round(100*time.Millisecond))
	return program, nil
}

// tested returns the path of the service as it is in the work tree.
func (b *builder) tested(ctx context.Context, tree evidence.Commit) (string, error) {
	began := time.Now()
	named := "the work tree"
	if tree.SHA != "" {
		named += " at commit " + shortly(tree.SHA)
	}
	if tree.Dirty {
		named += " with changes that no commit holds"
	}
	program := filepath.Join(b.room, "tested", filepath.Base(servicePath))
	if err := b.build(ctx, b.source.top, named, program); err != nil {
		return "", err
	}
	b.say("tested %s: built in %s", named, time.Since(began).Round(100*time.Millisecond))
	return program, nil
}

// settings are those of the compiler that decide what it makes of a commit.
func (b *builder) settings(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", errNoGo
	}
	out, err := b.command(ctx, b.source.top, "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "CGO_ENABLED", "GOFLAGS", "GOEXPERIMENT").Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("asking go how it would build: %w", err)
	}
	settings := string(out)
	if told := strings.Split(settings, "\n"); len(told) > 2 {
		b.toolchain = fmt.Sprintf("%s %s/%s", told[0], told[1], told[2])
	}
	return settings, nil
}

// command is a call of go that neither a stamp of the repository nor a
// workspace around the work tree makes different for the two versions. When it
// is stopped, go has the time to put its own temporary files away.
func (b *builder) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(command.Environ(), "GOWORK=off")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	return command
}

// shownLines is how much of what the compiler says is shown.
const shownLines = 12

// build makes the program from the sources in dir, which are those of what is
// named.
func (b *builder) build(ctx context.Context, dir, named, program string) error {
	if info, err := os.Stat(filepath.Join(dir, servicePath)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s holds no ./%s that could be built", named, servicePath)
	}
	var said bytes.Buffer
	command := b.command(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-o", program, "./"+servicePath)
	command.Stdout, command.Stderr = &said, &said
	err := command.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if n := len(lines); n > shownLines {
			lines = append(lines[:shownLines], fmt.Sprintf("… and %d lines more", n-shownLines))
		}
		return fmt.Errorf("%s does not build:\n  %s", named, strings.Join(lines, "\n  "))
	}
	return nil
}
