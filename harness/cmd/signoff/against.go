package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// versions are the programs of a run: the tested one and, if the run compares,
// the one that --against names.
type versions struct {
	tested, before string // paths; before is empty if nothing is compared
	program        evidence.Program
	against        evidence.Against
	facts          []evidence.Fact
	room           string // of everything that is temporary
}

// roomName is what the temporary directories of comparing runs begin with.
const roomName = "signoff-against-"

// findVersions returns the programs that the command line asks for.
func findVersions(ctx context.Context, p program, o runOptions) (versions, error) {
	if o.selection.Against {
		return compareWith(ctx, p, o)
	}
	tested, err := findService(o.service)
	return versions{tested: tested}, err
}

// compareWith finds the commit that ref names in the repository that holds the
// features and builds the service from it. Without a given service the tested
// one is built from the work tree, in the same way. What is temporary goes with
// discard; when compareWith returns an error, it has gone already.
func compareWith(ctx context.Context, p program, o runOptions) (found versions, err error) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(p.err, format+"\n", args...) }
	from, err := openSource(ctx, o.selection.Dir)
	if err != nil {
		return versions{}, fmt.Errorf("--against %s: %w", o.against, err)
	}
	commit, err := from.find(ctx, o.against)
	if err != nil {
		return versions{}, fmt.Errorf("--against %s: %w", o.against, err)
	}
	sweepRooms(os.TempDir())
	v := versions{against: evidence.Against{Ref: o.against, Commit: commit}}
	if v.room, err = os.MkdirTemp("", roomName); err != nil {
		return versions{}, fmt.Errorf("making room for the version %s: %w", o.against, reasonOf(err))
	}
	defer func() {
		if err != nil {
			v.discard()
		}
	}()
	b := &builder{source: from, room: v.room, cache: openCache(), say: say}
	if v.before, err = b.before(ctx, v.against); err != nil {
		return versions{}, fmt.Errorf("--against %s: %w", o.against, err)
	}
	if v.against.Program, err = programOf(v.before); err != nil {
		return versions{}, err
	}
	v.against.Program.Revision = commit.SHA
	if err := v.test(ctx, o, b); err != nil {
		return versions{}, err
	}
	for _, f := range v.facts {
		say("%s: %s", f.Name, f.Value)
	}
	return v, nil
}

// test decides which program is tested: the one that was given, or one that is
// built from the work tree as it is.
func (v *versions) test(ctx context.Context, o runOptions, b *builder) error {
	tree := commitOf(ctx, b.source.top)
	var err error
	if o.service != "" {
		if v.tested, err = findService(o.service); err != nil {
			return err
		}
		if v.program, err = programOf(v.tested); err != nil {
			return err
		}
		v.note("Tested program", "given by --service and not built by signoff: how it was built may differ from how "+shortly(v.against.Commit.SHA)+" was")
		if told := otherState(v.program, tree); told != "" {
			v.note("State of the tested program", told)
		}
		return nil
	}
	if v.tested, err = b.tested(ctx, tree); err != nil {
		return err
	}
	if v.program, err = programOf(v.tested); err != nil {
		return err
	}
	v.program.Revision, v.program.Modified = tree.SHA, tree.Dirty
	v.note("Both programs", "built from source by "+b.toolchain+" with the same flags")
	if v.program.SHA256 == v.against.Program.SHA256 {
		v.note("No difference", "both programs are the same, byte for byte: whatever is found is chance")
	}
	return nil
}

func (v *versions) note(name, value string) {
	v.facts = append(v.facts, evidence.Fact{Name: name, Value: value})
}

// otherState says how a program was built from another state than the work
// tree is in, as far as it tells; empty is not known to.
func otherState(program evidence.Program, tree evidence.Commit) string {
	switch {
	case program.Revision == "" || tree.SHA == "":
		return ""
	case program.Revision != tree.SHA:
		return fmt.Sprintf("built from commit %s, and the work tree is at %s", shortly(program.Revision), shortly(tree.SHA))
	case program.Modified:
		return "built from commit " + shortly(program.Revision) + " with changes that no commit holds"
	case tree.Dirty:
		return "built from commit " + shortly(program.Revision) + " without the changes of the work tree"
	}
	return ""
}

// record writes down what was compared with what, if anything was.
func (v *versions) record(run *evidence.Run) {
	if v.before == "" {
		return
	}
	run.Against = &v.against
	run.Program = v.program
	run.Facts = slices.Concat(run.Facts, v.facts)
	run.Budget = againstBudget.Seconds()
}

// againstBudget is the time that a run that compares may take on 2 cores.
const againstBudget = 6 * time.Minute

// discard removes what is temporary.
func (v *versions) discard() {
	if v.room != "" {
		_ = os.RemoveAll(v.room)
	}
}

// sweepRooms removes the temporary directories of runs that were killed.
func sweepRooms(temp string) {
	rooms, _ := filepath.Glob(filepath.Join(temp, roomName+"*")) // the pattern is well formed
	for _, r := range rooms {
		if info, err := os.Lstat(r); err == nil && info.IsDir() && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(r)
		}
	}
}

// shortly is a commit as people write it.
func shortly(sha string) string { return sha[:min(len(sha), 7)] }

// errNoGo says that nothing can be built.
var errNoGo = errors.New("both versions are built with go, and there is no go on the PATH; install it (https://go.dev/dl)")
