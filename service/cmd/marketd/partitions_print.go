package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/signoff-dev/signoff/service/partition"
)

// report prints what a verb did, also what it did before an error.
func (o *partitionsOptions) report(p program, r partition.Report, err error) error {
	if o.asJSON {
		return printJSON(p.out, r)
	}
	for _, line := range []struct {
		what  string
		names []string
	}{
		{"created", r.Created},
		{"adopted", r.Adopted},
		{"finalized", r.Finalized},
		{"detached, kept as", r.Detached},
		{"dropped", r.Dropped},
	} {
		for _, name := range line.names {
			fmt.Fprintf(p.out, "%s %s\n", line.what, name)
		}
	}
	if r.Moved > 0 {
		fmt.Fprintf(p.out, "moved %s out of the default partitions\n", counted(r.Moved, "row"))
	}
	if r.Skipped != "" {
		fmt.Fprintf(p.out, "skipped: %s\n", r.Skipped)
	}
	if r.Idle() && err == nil {
		fmt.Fprintln(p.out, "nothing to do")
	}
	return nil
}

// plan prints what retain would do.
func (o *partitionsOptions) plan(p program, plan partition.Plan) error {
	if o.asJSON {
		return printJSON(p.out, plan)
	}
	for _, name := range plan.Detach {
		fmt.Fprintf(p.out, "would detach %s\n", name)
	}
	for _, name := range plan.Drop {
		fmt.Fprintf(p.out, "would drop %s with its rows\n", name)
	}
	switch {
	case plan.Skipped != "":
		fmt.Fprintf(p.out, "would skip: %s\n", plan.Skipped)
	case len(plan.Detach)+len(plan.Drop) == 0:
		fmt.Fprintln(p.out, "nothing to do")
	}
	return nil
}

// printStatus prints the partitions as a table for people, and first what
// they should know of.
func printStatus(w io.Writer, s partition.Status) {
	if len(s.Tables) == 0 {
		fmt.Fprintf(w, "the schema is at version %d, and %s\n", s.SchemaVersion, "has no partitions; marketd migrate up makes them")
		return
	}
	for i, t := range s.Tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s by %s: %s, %.0f hours ahead, %s in the default partition\n", t.Table, t.Interval,
			counted(int64(len(t.Partitions)), "partition"), t.LookAheadHours, counted(t.DefaultRows, "row"))
		for _, gap := range t.Gaps {
			fmt.Fprintf(w, "  missing: %s to %s (marketd partitions ensure)\n", moment(&gap.From), moment(&gap.To))
		}
		if t.DefaultRows > 0 {
			fmt.Fprintln(w, "  rows wait in the default partition (marketd partitions repair)")
		}
		for _, reason := range t.Waiting {
			fmt.Fprintf(w, "  %s\n", reason)
		}
		printNames(w, "detaching was interrupted (marketd partitions repair)", t.DetachPending)
		if t.LeftOver != "" {
			fmt.Fprintf(w, "  an interrupted manager left the constraint %s (marketd partitions repair)\n", t.LeftOver)
		}
		printNames(w, "overdue (marketd partitions retain)", t.Overdue)
		printNames(w, "kept beside the table", t.Kept)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "  partition\tfrom\tto\t%11s\t%10s\n", "rows", "size")
		for _, p := range t.Partitions {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%11s\t%10s\n", p.Name, moment(p.From), moment(p.To), thousands(p.Rows), size(p.Bytes))
		}
		_ = table.Flush() // when the terminal is gone there is no one left to tell
	}
}

func printNames(w io.Writer, what string, names []string) {
	if len(names) > 0 {
		fmt.Fprintf(w, "  %s: %s\n", what, strings.Join(names, ", "))
	}
}

// moment writes a bound: the day alone where it is a midnight.
func moment(at *time.Time) string {
	switch {
	case at == nil:
		return "…"
	case at.Equal(at.Truncate(24 * time.Hour)):
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339)
}

func counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// thousands writes a number with a comma between each three digits.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func size(bytes int64) string {
	value, units := float64(bytes), []string{"B", "KB", "MB", "GB", "TB"}
	for value >= 1024 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}
