package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

// noHistory is the word that switches the history off.
const noHistory = "none"

// place is where a verb finds the history and the reports.
type place struct{ history, out, key string }

func (pl *place) flags(c *cobra.Command) {
	historyFlag(c, &pl.history)
	c.Flags().StringVar(&pl.out, "out", "out", "directory of the reports")
	c.Flags().StringVar(&pl.key, "key", "", "the public key `FILE` of whoever must have signed a report")
}

func historyFlag(c *cobra.Command, where *string) {
	c.Flags().StringVar(where, "history", "", "directory or postgres:// address of the history; SIGNOFF_HISTORY, or history in the directory of the reports, when not given")
}

// openHistory opens the history that a command line asks for; none is nil.
func openHistory(p program, asked, out string) (baseline.History, error) {
	if asked == "" {
		asked = p.getenv("SIGNOFF_HISTORY")
	}
	if asked == "" {
		asked = filepath.Join(out, "history")
	}
	if asked == noHistory {
		return nil, nil //nolint:nilnil // no history is what was asked for
	}
	h, err := baseline.Open(asked)
	if err != nil {
		return nil, fmt.Errorf("opening the history: %w", err)
	}
	return h, nil
}

// neededHistory is openHistory for a verb that is nothing without one.
func neededHistory(p program, pl place) (baseline.History, error) {
	h, err := openHistory(p, pl.history, pl.out)
	if err == nil && h == nil {
		err = errors.New("this needs a history: leave out --history none, or name a directory or a postgres:// address")
	}
	return h, err
}

// remember adds a run to the history and says so, and which plan is another than
// in the run before. A run is judged from its own evidence, so that a history
// which cannot be written takes nothing from it.
func remember(ctx context.Context, h baseline.History, run evidence.Run, dir string) (string, error) {
	if h == nil {
		return "history    none, as asked", nil
	}
	ctx = context.WithoutCancel(ctx)
	e := baseline.EntryOf(run)
	changed := plansChanged(ctx, h, e)
	if err := h.Append(ctx, e); err != nil {
		return fmt.Sprintf("WARNING    not remembered: %v\n           the report stands; add it later with: signoff history add %s", err, dir), err
	}
	return "history    " + h.String() + ", see signoff trend" + changed, nil
}

// plansChanged tells in one line that the server carries out a query otherwise
// than in the newest run that can be compared; it is empty where none changed.
func plansChanged(ctx context.Context, h baseline.History, e baseline.Entry) string {
	if len(e.Queries) == 0 {
		return ""
	}
	r, err := h.Entries(ctx, baseline.Filter{Profile: e.Profile, Environment: e.Environment.ID})
	if err != nil {
		return "" // there is none yet, or adding to it will say what is wrong
	}
	earlier, changes, there := baseline.SincePlans(r.Entries, e)
	if !there || len(changes) == 0 {
		return ""
	}
	var names []string
	for _, c := range changes {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return fmt.Sprintf("\nNOTICE     %s changed since run %s: see signoff compare %s %s", plansNamed(names), earlier.Run, earlier.Run, e.Run)
}

// plansNamed names the plans of one or two queries, and counts further ones.
func plansNamed(names []string) string {
	switch len(names) {
	case 1:
		return "plan of " + names[0]
	case 2:
		return "plans of " + names[0] + " and " + names[1]
	default:
		return fmt.Sprintf("plans of %s, %s and %d more", names[0], names[1], len(names)-2)
	}
}

func newHistory(p program) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "Add reports to the history of runs, and check what is in it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newHistoryAdd(p), newHistoryCheck(p))
	return c
}

func newHistoryAdd(p program) *cobra.Command {
	var pl place
	c := &cobra.Command{
		Use:   "add DIR...",
		Short: "Add the runs in these report directories to the history",
		Long: `Add the runs in these report directories to the history, as signoff run does by
itself. A report must verify; one that is there already changes nothing.`,
		Example: `  signoff history add out/latest
  signoff history add out/2026*`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, dirs []string) error {
			h, err := neededHistory(p, pl)
			if err != nil {
				return err
			}
			for _, dir := range dirs {
				e, err := entryIn(p, dir, pl.key)
				if err != nil {
					return err
				}
				if err := h.Append(c.Context(), e); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%s  %s\n", e.Run, h)
			}
			return nil
		},
	}
	pl.flags(c)
	return c
}

func newHistoryCheck(p program) *cobra.Command {
	var pl place
	c := &cobra.Command{
		Use:   "check",
		Short: "Read the whole history and name what cannot be read",
		Long: `Read the whole history and name every line that cannot be read. Other verbs
pass over such a line with a warning; nothing ever removes it.

Exit codes: 0 everything can be read; 1 something cannot; 2 there is no history.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := neededHistory(p, pl)
			if err != nil {
				return err
			}
			r, err := h.Entries(c.Context(), baseline.Filter{})
			if err != nil {
				return startOne(err)
			}
			names, faults, err := h.Promotions(c.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s: runs: %d, baselines: %d\n", h, len(r.Entries), len(standing(names)))
			if faults = append(r.Faults, faults...); len(faults) == 0 {
				return nil
			}
			for _, f := range faults {
				fmt.Fprintln(p.out, printable(f.String()))
			}
			fmt.Fprintln(p.out, "everything else is read; to mend it, take out each such line or row and add the report of its run again with signoff history add DIR")
			return exit{code: exitFailed}
		},
	}
	pl.flags(c)
	return c
}

// startOne adds the way out to an error that says there is no history.
func startOne(err error) error {
	if errors.Is(err, baseline.ErrNone) {
		return fmt.Errorf("%w; signoff run begins one, and signoff history add takes in the reports that are there", err)
	}
	return err
}

// entryIn draws the entry of the report in a directory. A report that fails its
// promises is one; a report that was changed, or signed by somebody else, is not.
func entryIn(p program, dir, key string) (baseline.Entry, error) {
	const such = "name a directory that signoff run made, such as out/latest"
	content, err := os.ReadFile(filepath.Join(dir, report.RecordFile))
	if err != nil {
		if info, statErr := os.Stat(dir); statErr != nil || !info.IsDir() {
			return baseline.Entry{}, fmt.Errorf("%s is no directory: %s", dir, such)
		}
		return baseline.Entry{}, fmt.Errorf("%s holds no %s, so that it is no run: %s", dir, report.RecordFile, such)
	}
	o := seal.VerifyOptions{Local: seal.LocalPublicKey(keyDirectory(p))}
	if key != "" {
		public, err := seal.LoadPublicKey(key)
		if err != nil {
			return baseline.Entry{}, err
		}
		o.Key = &public
	}
	answer, err := seal.Verify(dir, o)
	if err != nil {
		return baseline.Entry{}, err
	}
	if doubts := doubtsOf(answer); len(doubts) > 0 {
		return baseline.Entry{}, fmt.Errorf("the report in %s does not verify, and its figures are not used: %s; signoff verify %s tells all", dir, strings.Join(doubts[:min(3, len(doubts))], "; "), dir)
	}
	run, err := report.Decode(content)
	if err != nil {
		return baseline.Entry{}, err
	}
	return baseline.EntryOf(run), nil
}

// doubtsOf are the reasons to doubt the figures of a report. That they missed
// their targets is none.
func doubtsOf(answer seal.Verification) []string {
	var doubts []string
	for _, r := range answer.Reasons {
		switch r.Code {
		case seal.ObjectiveFailed, seal.ObjectiveOpen, seal.RunBroken, seal.NothingJudged:
		default:
			doubts = append(doubts, printable(fmt.Sprintf("%s %s: %s", r.Code, r.Where, r.Detail)))
		}
	}
	return doubts
}

// warn tells of what could not be read and was passed over.
func warn(p program, faults []baseline.Fault) {
	for _, f := range faults {
		fmt.Fprintln(p.err, "WARNING: not read: "+printable(f.String()))
	}
}
