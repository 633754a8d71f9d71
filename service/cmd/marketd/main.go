// Command marketd serves market data: prices in over HTTP, live prices out
// over WebSocket, both kept in Postgres. It is the composition root of the
// service: one file per verb, no logic of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of marketd, the same for every verb.
const (
	exitDone   = 0 // the work was done
	exitFailed = 1 // the work failed
	exitUsage  = 2 // the command line is wrong
)

// program is what a verb may touch of the outside world.
type program struct {
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

// failed marks work that was understood but could not be done, as against a
// command line that is wrong.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

func main() {
	p := program{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	os.Exit(run(context.Background(), p, os.Args[1:]))
}

// run carries out one command line and returns the exit code. The first
// SIGINT or SIGTERM asks the work to end well, the second ends it.
func run(ctx context.Context, p program, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRoot(p)
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(p.err, "marketd: %v\n", err)
	var work failed
	if errors.As(err, &work) {
		return exitFailed
	}
	return exitUsage
}

// newRoot is the whole command line.
func newRoot(p program) *cobra.Command {
	root := &cobra.Command{
		Use:           "marketd",
		Short:         "Serve market data from Postgres",
		SilenceUsage:  true,
		SilenceErrors: true,
		Example: `  marketd migrate up --database postgres://localhost/market
  marketd ingest bars.csv --database postgres://localhost/market
  marketd serve --database postgres://localhost/market`,
	}
	root.AddCommand(newServe(p), newMigrate(p), newPartitions(p), newIngest(p), newQueries(p), newAlerts(p), newPerformance(p), newVersion(p))
	return root
}

func newVersion(p program) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Fprintln(p.out, "marketd", version()) },
	}
}

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
