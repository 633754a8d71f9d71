package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

// printTable tells every objective that was meant to be judged, and why those
// are open or broken that are.
func printTable(out io.Writer, run evidence.Run) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nverdict\tpromise\tmeasure\ttarget\tmeasured\theadroom")
	var remarks []string
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			if s.Skipped != "" {
				continue
			}
			if s.Broken != "" {
				remarks = append(remarks, fmt.Sprintf("%s could not be carried out: %s", s.ID, s.Broken))
			}
			for _, o := range s.Objectives {
				measured, headroom := report.Line(s, o)
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark(o.Verdict), s.ID, o.Measure, o.Target, measured, headroom)
				if o.Gating && o.Verdict != "pass" && s.Broken == "" {
					remarks = append(remarks, fmt.Sprintf("%s %s: %s", s.ID, o.Measure, o.Reason))
				}
			}
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	if len(remarks) > 0 {
		fmt.Fprintln(out)
	}
	for _, r := range remarks {
		if _, err := fmt.Fprintln(out, r); err != nil {
			return fmt.Errorf("printing the table: %w", err)
		}
	}
	return nil
}
