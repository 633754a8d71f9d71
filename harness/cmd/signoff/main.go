// Command signoff proves that a service keeps the promises written in its
// features, and signs the proof. It is the composition root of the harness:
// one file per verb, no logic of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// Exit codes of signoff, the same for every verb.
const (
	exitPassed = evidence.ExitPassed // every gating objective passed; allowed
	exitFailed = evidence.ExitFailed // at least one failed; denied
	exitBroken = evidence.ExitBroken // the work could not be done, or the command line is wrong
	exitOpen   = evidence.ExitOpen   // nothing failed, but something gating is inconclusive or unfit
)

// program is what a verb may touch of the outside world.
type program struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

// exit is an error that asks for one exit code. Its text, if any, is shown.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

func main() {
	p := program{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	os.Exit(run(context.Background(), p, os.Args[1:]))
}

// run carries out one command line and returns the exit code. The first
// SIGINT or SIGTERM cancels the work, which then cleans up after itself.
func run(ctx context.Context, p program, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPassed
	}
	var e exit
	if !errors.As(err, &e) {
		e = exit{code: exitBroken, err: err}
	}
	if e.err != nil {
		fmt.Fprintf(p.err, "signoff: %v\n", e.err)
	}
	return e.code
}

func newRoot(p program) *cobra.Command {
	root := &cobra.Command{
		Use:           "signoff",
		Short:         "Prove that a service keeps its promises, and sign the proof",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newRun(p),
		newVerify(p),
		newBaseline(p),
		newCompare(p),
		newTrend(p),
		newHistory(p),
		newKeygen(p),
		newDoctor(p),
		newServe(p),
		newSteps(p),
		newJanitor(p),
	)
	return root
}
