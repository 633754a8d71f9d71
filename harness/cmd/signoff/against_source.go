package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// source is the git repository that holds the features.
type source struct{ top string }

// openSource finds the repository in which dir lies.
func openSource(ctx context.Context, dir string) (source, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return source{}, errors.New("the other version is taken from git, and there is no git on the PATH")
	}
	top, err := source{top: dir}.git(ctx, nil, "rev-parse", "--show-toplevel")
	if ctx.Err() != nil {
		return source{}, context.Cause(ctx)
	}
	if err != nil || top == "" {
		return source{}, fmt.Errorf("the features in %s lie in no git repository, so that there is no other version to compare with", dir)
	}
	return source{top: top}, nil
}

// git runs git in the repository, whoever owns it, and returns what it printed.
// The error is what git said last.
func (r source) git(ctx context.Context, env []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", r.top, "-c", "safe.directory=*"}, args...)...)
	command.Env = append(command.Environ(), env...)
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		if text := strings.TrimSpace(said.String()); text != "" {
			return "", errors.New(text)
		}
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

// find resolves a name to the commit that it stands for.
func (r source) find(ctx context.Context, ref string) (evidence.Commit, error) {
	if ref == "" || strings.HasPrefix(ref, "-") {
		return evidence.Commit{}, errors.New("that is no name of a commit; name a branch, a tag or a commit, such as origin/main")
	}
	sha, err := r.git(ctx, nil, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if ctx.Err() != nil {
		return evidence.Commit{}, context.Cause(ctx)
	}
	if err != nil || len(sha) != 40 {
		return evidence.Commit{}, r.unknown(ctx)
	}
	subject, _ := r.git(ctx, nil, "log", "-1", "--format=%s", sha) // nothing rests on it
	return evidence.Commit{SHA: sha, Subject: subject}, nil
}

// unknown says why a commit may not be there.
func (r source) unknown(ctx context.Context) error {
	if shallow, err := r.git(ctx, nil, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		return errors.New("this shallow clone does not hold it; fetch it with git fetch --unshallow, in GitHub Actions with fetch-depth: 0 of actions/checkout")
	}
	return errors.New("the repository holds no such commit; fetch it first (git fetch), or name a branch, a tag or a commit that git log knows")
}

// export writes the files of a commit into an empty directory. It reads the
// repository and changes nothing in it, neither its index nor its list of work
// trees.
func (r source) export(ctx context.Context, sha, to string) error {
	index := []string{"GIT_INDEX_FILE=" + to + ".index"}
	defer func() { _ = os.Remove(to + ".index") }()
	if _, err := r.git(ctx, index, "read-tree", sha); err != nil {
		return fmt.Errorf("reading commit %s: %w", shortly(sha), err)
	}
	if _, err := r.git(ctx, index, "checkout-index", "--all", "--prefix="+to+string(filepath.Separator)); err != nil {
		return fmt.Errorf("taking the files of commit %s out of git: %w", shortly(sha), err)
	}
	return nil
}
