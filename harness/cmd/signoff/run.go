package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
	"github.com/signoff-dev/signoff/steps"
)

// runOptions is the command line of signoff run.
type runOptions struct {
	selection steps.Selection
	postgres  string
	seed      uint64
	out       string
	service   string
	against   string
	key       string
	history   string
	// historyRequired makes a run that cannot be remembered end with code 2.
	historyRequired bool
}

// budgets are the times that the profiles may take on 2 cores.
func budgets() map[string]time.Duration {
	return map[string]time.Duration{"pr": 3 * time.Minute, "nightly": time.Hour}
}

func newRun(p program) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run",
		Short: "Carry out the features, judge every objective and sign the report",
		Long: `Carry out the features against the service, judge every objective from what
was measured, and write a signed report to out/<run>; out/latest points to it.

With --against REF the features tagged @regression are carried out, and nothing
else: the work tree and the commit REF are built in the same way and measured
side by side, interleaved on the same server. It is what a pull request needs.

Exit codes: 0 every gating objective passed; 1 at least one failed; 2 the work
could not be done; 3 nothing failed, but something gating stayed open (in
profile pr that is 0 with a warning).`,
		Example: `  signoff run
  signoff run --profile nightly --postgres local
  signoff run --tags "@stream and not @nightly"
  signoff run --only SLO-INSERT-01 --seed 7
  signoff run --against origin/main`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("seed") {
				o.seed = rand.Uint64N(1 << 48)
			}
			o.selection.Against = c.Flags().Changed("against")
			return validate(c.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.selection.Profile, "profile", "pr", "pr (at most 3 min), nightly (at most 60 min) or release (all)")
	f.StringVar(&o.selection.Tags, "tags", "", "tag expression, such as \"@stream and not @nightly\"")
	f.StringSliceVar(&o.selection.Only, "only", nil, "scenario ids, such as SLO-STREAM-01")
	f.StringVar(&o.selection.Dir, "features", "features", "directory of the features")
	f.StringVar(&o.postgres, "postgres", "auto", "auto, container, local, embedded or a postgres:// address")
	f.Uint64Var(&o.seed, "seed", 0, "seed of every coin and every price; drawn when not given")
	f.StringVar(&o.out, "out", "out", "directory of the reports")
	f.StringVar(&o.service, "service", "", "program under test; marketd beside signoff or on the PATH when not given")
	f.StringVar(&o.against, "against", "", "compare the work tree with this branch, tag or commit of its repository; needs git and go")
	historyFlag(c, &o.history)
	f.BoolVar(&o.historyRequired, "require-history", false, "end with exit code 2 when the run cannot be added to the history")
	f.StringVar(&o.key, "key", "", "private key that signs the report (see signoff keygen); a local preview key when not given")
	return c
}

// validate carries out one run from the plan to the signed report.
func validate(ctx context.Context, p program, o runOptions) error {
	plan, err := steps.NewPlan(o.selection)
	if err != nil {
		return err
	}
	signer, err := chooseKey(p, o.key)
	if err != nil {
		return err
	}
	history, err := openHistory(p, o.history, o.out)
	if err != nil {
		return err
	}
	service, err := findVersions(ctx, p, o)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer service.discard()
	record, err := describe(ctx, plan, o, service.tested)
	if err != nil {
		return err
	}
	service.record(&record)
	shelf, err := newShelf(o.out, record.ID)
	if err != nil {
		return err
	}
	defer shelf.discard()

	screen := newScreen(p.err, isTerminal(p.err), shelf.lastTimes(), time.Duration(record.Budget*float64(time.Second)))
	defer screen.close()
	screen.say("%d of %d scenarios in profile %s, seed %d", len(plan.Planned()), total(plan), o.selection.Profile, o.seed)
	cucumber, leftovers, err := carryOut(ctx, p, o, service, screen, plan, &record)
	if err != nil {
		return interrupted(ctx, errors.Join(err, leftovers))
	}
	screen.say("judging and signing")
	if err := evidence.Judge(&record); err != nil {
		return fmt.Errorf("judging the run: %w", err)
	}
	if err := report.Write(shelf.partial, record, cucumber, signer.signer()); err != nil {
		return err
	}
	if err := seal.Sign(shelf.partial, record, signer.key); err != nil {
		return fmt.Errorf("signing the report: %w", err)
	}
	dir, err := shelf.keep()
	if err != nil {
		return err
	}
	screen.close()
	note, historyErr := remember(ctx, history, record, dir)
	signer.notes = append(signer.notes, note)
	if err := conclude(p, record, dir, signer); err != nil {
		return err
	}
	if historyErr != nil && o.historyRequired {
		return exit{exitBroken, errors.Join(historyErr, leftovers)}
	}
	return leftovers // the report stands, but something of the run is still there
}

// carryOut provides the Postgres, runs the scenarios on it and takes it away
// again. What was found goes into record; leftovers says what could not be put
// away, which does not make the record less true.
func carryOut(ctx context.Context, p program, o runOptions, service versions, screen *screen, plan steps.Plan, record *evidence.Run) (cucumber []byte, leftovers, err error) {
	steal := environ.NewStealSampler()
	sampling, stop := context.WithCancel(ctx)
	sampled := make(chan error, 1)
	go func() { sampled <- steal.Run(sampling) }()
	defer func() {
		stop()
		err = errors.Join(err, <-sampled)
	}()

	host := environ.Host(ctx)
	postgres, err := environ.Start(ctx, environOptions(p, o.postgres, record.ID, func(line string) { screen.say("%s", line) }))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if stopErr := postgres.Stop(context.WithoutCancel(ctx)); stopErr != nil {
			leftovers = fmt.Errorf("putting Postgres away: %w", stopErr)
		}
	}()
	found, err := steps.Run(ctx, steps.Config{
		Plan: plan, Postgres: postgres, Service: service.tested, Against: service.before, Seed: o.seed,
		Watch: steps.Watch{Started: screen.started, Doing: screen.doing, Finished: screen.finished},
	})
	record.Features, record.Accounts, record.SelfTests, record.Passages = found.Features, found.Accounts, found.SelfTests, found.Passages
	record.Proofs, record.Charts, record.Queries = found.Proofs, found.Charts, found.Queries
	record.Ended = time.Now().UTC()
	host.StealMedian, host.StealMax = steal.Shares()
	record.Environment.Host, record.Environment.Server = host, postgres.Facts()
	record.Environment.ID = environ.Identify(host, record.Environment.Server)
	record.Facts = append(record.Facts, found.Facts...)
	return found.Cucumber, nil, err
}

func environOptions(p program, choice, runID string, say func(string)) environ.Options {
	options := environ.Options{
		Choice:             choice,
		DatabaseURL:        p.getenv("DATABASE_URL"),
		Image:              p.getenv("SIGNOFF_POSTGRES_IMAGE"),
		EmbeddedRepository: p.getenv("SIGNOFF_EMBEDDED_REPOSITORY"),
		RunID:              runID,
		Progress:           say,
	}
	if self, err := os.Executable(); err == nil {
		options.JanitorCommand = []string{self, "janitor"}
	}
	return options
}

// findService returns the path of the program under test.
func findService(given string) (string, error) {
	if given != "" {
		info, err := os.Stat(given)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return "", fmt.Errorf("--service %s is no program that can be started", given)
		}
		return filepath.Abs(given)
	}
	const name = "marketd"
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("there is no marketd beside signoff or on the PATH; build it with make build, or name the program with --service")
	}
	return path, nil
}

func total(plan steps.Plan) int {
	n := 0
	for _, f := range plan.Features {
		n += len(f.Scenarios)
	}
	return n
}

// interrupted tells a run that was stopped by a signal from one that failed by itself.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return exit{exitBroken, errors.New("interrupted; everything was put away, and no report was written")}
	}
	return err
}

// conclude tells the outcome and asks for the exit code.
func conclude(p program, run evidence.Run, dir string, s signing) error {
	if err := printTable(p.out, run); err != nil {
		return err
	}
	latest := filepath.Join(filepath.Dir(dir), latestName)
	lines := []string{
		"",
		fmt.Sprintf("%s: %s", run.Result.Outcome, run.Result.Reason),
		"report     " + filepath.Join(latest, "report.html"),
		"signed by  " + s.says(),
		"check it   signoff verify " + latest,
	}
	for _, line := range slices.Concat(lines[:2], slower(run), lines[2:], s.notes) {
		if _, err := fmt.Fprintln(p.out, line); err != nil {
			return fmt.Errorf("telling the outcome: %w", err)
		}
	}
	if run.Result.ExitCode == exitPassed {
		return nil
	}
	return exit{code: run.Result.ExitCode}
}
