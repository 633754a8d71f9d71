package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/report"
)

func newCompare(p program) *cobra.Command {
	var (
		pl     place
		terms  baseline.Terms
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "Say how much faster or slower run B is than run A, and whether that is a regression",
		Long: `Compare run B with the earlier run A, measure by measure. Each is a baseline
name, the id of a run (or its beginning) in the history, a directory of a
report, or latest: out/latest, or else the newest run of the history.
X % faster means throughput ratio − 1.

A measure passes if it is shown to be no slower but for the margin, fails if it
is shown to be slower by more and by more than the machine does to equal blocks,
is inconclusive if the figures do not tell, and
unfit if they must not be compared: another environment, another profile, a
scenario that was written differently, or a run with --against beside one that
compared with something else. Ratios of gating promises decide; percentiles and
counts of one run against another are shown in brackets. Whether each run kept
its promises is its own verdict, and stands in the last column.

A query that the server carries out otherwise than before is shown with the
difference of its plans. That decides nothing.

Exit codes, as of signoff run: 0 nothing is slower; 1 something is; 2 the runs
have nothing in common; 3 nothing is shown to be slower, but something stayed
open (in profile pr that is 0 with a warning, unless nothing at all was decided).`,
		Example: `  signoff compare main latest
  signoff compare 20261121T010000Z-9f3c2ab 20261123T010000Z-51d0aa7
  signoff compare out/before out/after --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if terms.Margin < 0 || terms.Margin >= 100 {
				return fmt.Errorf("--margin %v is no slowdown: give a percentage below 100", terms.Margin)
			}
			return compare(c.Context(), p, pl, terms, args[0], args[1], asJSON)
		},
	}
	pl.flags(c)
	c.Flags().Float64Var(&terms.Margin, "margin", 5, "slowdown in per cent that is let through, at least 5")
	c.Flags().BoolVar(&terms.Across, "across-environments", false, "compare ratios even if the environments differ")
	c.Flags().BoolVar(&terms.AllGate, "all-gate", false, "let percentiles and counts decide, too")
	c.Flags().BoolVar(&asJSON, "json", false, "answer in JSON")
	return c
}

func compare(ctx context.Context, p program, pl place, terms baseline.Terms, a, b string, asJSON bool) error {
	f, err := newFinder(ctx, p, pl)
	if err != nil {
		return err
	}
	warn(p, f.faults)
	after, err := f.find(b, "", "")
	if err != nil {
		return err
	}
	before, err := f.find(a, after.Profile, after.Environment.ID)
	if err != nil {
		return err
	}
	c := baseline.Compare(before, after, terms)
	c.Before.Asked, c.After.Asked = a, b
	if asJSON {
		err = writeIndented(p.out, c)
	} else {
		err = report.ComparisonText(p.out, c)
	}
	if err != nil {
		return fmt.Errorf("telling the comparison: %w", err)
	}
	if c.Result.ExitCode != exitPassed {
		return exit{code: c.Result.ExitCode}
	}
	return nil
}

func writeIndented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// finder finds the run that somebody means.
type finder struct {
	p       program
	pl      place
	entries []baseline.Entry
	names   []baseline.Promotion
	faults  []baseline.Fault
}

// newFinder reads the history. None at all is fine: a directory can be named
// without one.
func newFinder(ctx context.Context, p program, pl place) (finder, error) {
	f := finder{p: p, pl: pl}
	h, err := openHistory(p, pl.history, pl.out)
	if err != nil || h == nil {
		return f, err
	}
	r, err := h.Entries(ctx, baseline.Filter{})
	if err != nil && !errors.Is(err, baseline.ErrNone) {
		return f, err
	}
	names, faults, err := h.Promotions(ctx)
	if err != nil {
		return f, err
	}
	f.entries, f.names, f.faults = r.Entries, names, slices.Concat(r.Faults, faults)
	return f, nil
}

// find finds a run by path, baseline name, id, or name of a report directory, in
// this order. profile and environment choose among the runs of one name.
func (f finder) find(asked, profile, environment string) (baseline.Entry, error) {
	if strings.ContainsRune(asked, filepath.Separator) || strings.Trim(asked, ".") == "" {
		return entryIn(f.p, asked, f.pl.key)
	}
	if named, ok := baseline.Named(f.names, asked, profile, environment); ok {
		return named.Entry, nil
	}
	var begin []baseline.Entry
	for _, e := range f.entries {
		if e.Run == asked {
			return e, nil
		}
		if strings.HasPrefix(e.Run, asked) {
			begin = append(begin, e)
		}
	}
	if len(begin) == 1 {
		return begin[0], nil
	}
	if len(begin) > 1 {
		return baseline.Entry{}, fmt.Errorf("%d runs begin with %s, among them %s and %s: give more of the id", len(begin), asked, begin[0].Run, begin[1].Run)
	}
	for _, dir := range []string{filepath.Join(f.pl.out, asked), asked} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return entryIn(f.p, dir, f.pl.key)
		}
	}
	if n := len(f.entries); n > 0 && asked == latestName {
		return f.entries[n-1], nil // the report is gone, or was made elsewhere
	}
	return baseline.Entry{}, f.unknown(asked)
}

func (f finder) unknown(asked string) error {
	text := asked + " is no baseline, no run of the history, and no directory of a report"
	var names []string
	seen := map[string]bool{}
	for _, n := range f.names {
		if !seen[n.Name] {
			seen[n.Name] = true
			names = append(names, n.Name)
		}
	}
	switch {
	case len(names) > 0:
		text += "; baselines are " + strings.Join(names, ", ")
	default:
		text += "; there is no baseline yet: signoff baseline promote latest names one"
	}
	if n := len(f.entries); n > 0 {
		text += "; the newest run is " + f.entries[n-1].Run
	}
	if len(f.faults) > 0 {
		text += fmt.Sprintf("; what could not be read of the history may have held it (%s)", printable(f.faults[0].Place))
	}
	return errors.New(text)
}
