package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/report"
)

func newTrend(p program) *cobra.Command {
	var (
		pl   place
		view baseline.View
		page string
	)
	c := &cobra.Command{
		Use:   "trend",
		Short: "Show every promise over all runs, and where it changed",
		Long: `Show every promise over the runs of one profile in one environment, those of
the newest run when not told otherwise, and where the figures changed. A change
is advice: it never decides about a release.`,
		Example: `  signoff trend
  signoff trend --html trend.html
  signoff trend --scenario SLO-INSERT-01 --measure "insert throughput"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return trend(c.Context(), p, pl, view, page) },
	}
	pl.flags(c)
	f := c.Flags()
	f.StringVar(&page, "html", "", "write a page with charts to this `FILE` instead")
	f.StringVar(&view.Scenario, "scenario", "", "id of one scenario, such as SLO-INSERT-01")
	f.StringVar(&view.Measure, "measure", "", "name of one measure, with or without its percentile")
	f.StringVar(&view.Profile, "profile", "", "profile; that of the newest run when not given")
	f.StringVar(&view.Environment, "environment", "", "environment, by its id; that of the newest run when not given")
	f.StringVar(&view.Against, "against", "", "show the runs that compared with this version, by `COMMIT` or name, instead of ordinary ones")
	f.BoolVar(&view.Unpromised, "unpromised", false, "show what was measured without a promise, too")
	return c
}

func trend(ctx context.Context, p program, pl place, view baseline.View, page string) error {
	h, err := neededHistory(p, pl)
	if err != nil {
		return err
	}
	r, err := h.Entries(ctx, baseline.Filter{})
	if err != nil {
		return startOne(err)
	}
	t, err := baseline.TrendOf(r, view)
	if err != nil {
		warn(p, r.Faults)
		return err
	}
	if page == "" {
		return report.TrendText(p.out, t)
	}
	var drawn bytes.Buffer
	if err := report.TrendPage(&drawn, t); err != nil {
		return fmt.Errorf("drawing the trend: %w", err)
	}
	if err := os.WriteFile(page, drawn.Bytes(), 0o644); err != nil { //nolint:gosec // a page for everybody
		return fmt.Errorf("writing %s: %w; name another file with --html", filepath.Clean(page), reasonOf(err))
	}
	warn(p, r.Faults)
	fmt.Fprintf(p.out, "wrote %s: %d measures over %d runs\n", page, len(t.Series), len(t.Runs))
	return nil
}
