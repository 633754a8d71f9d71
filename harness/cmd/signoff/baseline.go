package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

func newBaseline(p program) *cobra.Command {
	c := &cobra.Command{
		Use:   "baseline",
		Short: "Name the runs that later runs are compared with",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPromote(p), newBaselineList(p), newBaselineShow(p))
	return c
}

func newPromote(p program) *cobra.Command {
	var (
		pl     place
		name   string
		anyway bool
	)
	c := &cobra.Command{
		Use:   "promote RUN",
		Short: "Make a run the baseline of its profile and environment",
		Long: `Give a run a name that later runs are compared with. RUN is the id of a run in
the history (or its beginning), a directory of a report, or latest. A name holds
once for each profile and environment: promoting on another machine adds to it.
The figures are kept with the name, so that the report may go. A run with
--against cannot be one: its ratios divide by what that other version did.`,
		Example: `  signoff baseline promote latest
  signoff baseline promote 20261123T010000Z-9f3c2ab --name v1.4`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return promote(c.Context(), p, pl, args[0], name, anyway) },
	}
	pl.flags(c)
	c.Flags().StringVar(&name, "name", "main", "name of the baseline")
	c.Flags().BoolVar(&anyway, "anyway", false, "promote a run that failed or could not be carried out")
	return c
}

func promote(ctx context.Context, p program, pl place, asked, name string, anyway bool) error {
	h, err := neededHistory(p, pl)
	if err != nil {
		return err
	}
	f, err := newFinder(ctx, p, pl)
	if err != nil {
		return err
	}
	warn(p, f.faults)
	e, err := f.find(asked, "", "")
	if err != nil {
		return err
	}
	if (e.Outcome == evidence.Failed || e.Outcome == evidence.Broken) && !anyway {
		return fmt.Errorf("run %s ended %s, and every later run would be compared with that; choose another, or add --anyway", e.Run, e.Outcome)
	}
	promotion, err := baseline.NewPromotion(name, e, time.Now())
	if err != nil {
		return err
	}
	if err := h.Promote(ctx, promotion); err != nil {
		return err
	}
	note := ""
	if e.Commit.Dirty {
		note = "; its work tree had changes that no commit holds"
	}
	fmt.Fprintf(p.out, "%s is run %s in profile %s, environment %s%s\n", name, e.Run, e.Profile, e.Environment.ID, note)
	return nil
}

func newBaselineList(p program) *cobra.Command {
	var pl place
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the baselines, one for each name, profile and environment",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			names, err := promotions(c.Context(), p, pl)
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(p.out, standing(names))
			}
			if len(names) == 0 {
				fmt.Fprintln(p.out, "no baseline yet; signoff baseline promote latest names one")
				return nil
			}
			w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "name\trun\tcommit\tprofile\tenvironment\tpromoted")
			for _, n := range standing(names) {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s (%s)\t%s\n", n.Name, n.Entry.Run, n.Entry.Commit.SHA[:min(7, len(n.Entry.Commit.SHA))],
					n.Entry.Profile, n.Entry.Environment.ID, n.Entry.Environment.Says, n.Promoted.Format("2006-01-02"))
			}
			return w.Flush()
		},
	}
	pl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return c
}

func promotions(ctx context.Context, p program, pl place) ([]baseline.Promotion, error) {
	h, err := neededHistory(p, pl)
	if err != nil {
		return nil, err
	}
	names, faults, err := h.Promotions(ctx)
	warn(p, faults)
	return names, err
}

// standing are the promotions that hold: the newest of each name, profile and
// environment, in the order in which the names were first given.
func standing(all []baseline.Promotion) []baseline.Promotion {
	type key struct{ name, profile, environment string }
	at := map[key]int{}
	hold := []baseline.Promotion{}
	for _, p := range all {
		k := key{p.Name, p.Entry.Profile, p.Entry.Environment.ID}
		if i, there := at[k]; there {
			hold[i] = p
			continue
		}
		at[k] = len(hold)
		hold = append(hold, p)
	}
	return hold
}

func newBaselineShow(p program) *cobra.Command {
	var pl place
	var asJSON bool
	c := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show the figures of a baseline (main, when no name is given)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := "main"
			if len(args) == 1 {
				name = args[0]
			}
			names, err := promotions(c.Context(), p, pl)
			if err != nil {
				return err
			}
			var shown []baseline.Promotion
			for _, n := range standing(names) {
				if n.Name == name {
					shown = append(shown, n)
				}
			}
			if len(shown) == 0 {
				return finder{names: names}.noBaseline(name)
			}
			if asJSON {
				return writeIndented(p.out, shown)
			}
			return showBaselines(p, shown)
		},
	}
	pl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return c
}

func (f finder) noBaseline(name string) error {
	text := "there is no baseline " + name
	if len(f.names) == 0 {
		return errors.New(text + "; signoff baseline promote latest --name " + name + " makes it")
	}
	return errors.New(text + "; signoff baseline list tells which there are")
}

func showBaselines(p program, shown []baseline.Promotion) error {
	for i, n := range shown {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		e := n.Entry
		fmt.Fprintf(p.out, "%s: run %s, %s, profile %s\n%s (%s)\n\n", n.Name, e.Run, e.Outcome, e.Profile, e.Environment.ID, e.Environment.Says)
		w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "promise\tmeasure\tfigure\tverdict")
		for _, s := range e.Scenarios {
			for _, f := range s.Figures {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, f.Measure, report.HistoryFigure(f), verdictOfFigure(f))
			}
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("showing the baseline: %w", err)
		}
	}
	return nil
}

// verdictOfFigure is empty for what nobody promised anything about.
func verdictOfFigure(f baseline.Figure) string {
	if len(f.Promises) == 0 {
		return ""
	}
	return string(f.Verdict)
}
