package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/environ"
)

func newDoctor(p program) *cobra.Command {
	var postgres string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can do, and what a run would choose",
		Long: `Say which Postgres providers can be used here and why, which one a run would
choose, and the facts about this machine that its figures depend on. Nothing is
started and nothing is changed.

Exit codes: 0 a run would find a Postgres; 2 it would find none.`,
		Example: `  signoff doctor
  signoff doctor --postgres postgres://me@db.example/postgres`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return examine(c.Context(), p, postgres) },
	}
	c.Flags().StringVar(&postgres, "postgres", "auto", "auto, container, local, embedded or a postgres:// address")
	return c
}

// examine prints what is found and asks for the exit code.
func examine(ctx context.Context, p program, postgres string) error {
	options, err := environ.Survey(ctx, environ.Options{
		Choice:             postgres,
		DatabaseURL:        p.getenv("DATABASE_URL"),
		Image:              p.getenv("SIGNOFF_POSTGRES_IMAGE"),
		EmbeddedRepository: p.getenv("SIGNOFF_EMBEDDED_REPOSITORY"),
	})
	if err != nil {
		return exit{exitBroken, err}
	}
	var page bytes.Buffer
	printProviders(&page, options)
	printPrograms(ctx, &page)
	printMachine(ctx, &page)
	chosen := printChoice(&page, options)
	if _, err := page.WriteTo(p.out); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if !chosen {
		return exit{exitBroken, errors.New("no Postgres can be used as asked; the ways out are above")}
	}
	return nil
}

// section starts a table with a heading; flush ends it.
func section(w io.Writer, heading string) *tabwriter.Writer {
	fmt.Fprintln(w, heading)
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
}

func printProviders(w io.Writer, options []environ.Option) {
	table := section(w, "Postgres providers, in the order of auto")
	for _, o := range options {
		usable := "no"
		if o.Usable {
			usable = "yes"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", o.Name, usable, o.Why)
		if o.WayOut != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", o.WayOut)
		}
	}
	flush(table)
}

func printPrograms(ctx context.Context, w io.Writer) {
	table := section(w, "Programs")
	marketd, err := findService("")
	if err != nil {
		marketd = err.Error()
	}
	fmt.Fprintf(table, "  marketd\t%s\n", marketd)
	daemon, err := environ.Daemon(ctx)
	if err != nil {
		daemon = "none"
	}
	fmt.Fprintf(table, "  container daemon\t%s\n", daemon)
	fmt.Fprintf(table, "  built with\t%s\n", runtime.Version())
	flush(table)
}

func printMachine(ctx context.Context, w io.Writer) {
	host := environ.Host(ctx)
	machine := "bare metal"
	if host.Virtual {
		machine = "virtual: absolute times wander, ratios hold"
	}
	table := section(w, "Machine")
	fmt.Fprintf(table, "  system\t%s %s, %s\n", host.OS, host.Kernel, host.Arch)
	fmt.Fprintf(table, "  processor\t%s, %d cores usable\n", orUnknown(host.CPU), host.Cores)
	fmt.Fprintf(table, "  memory\t%.1f GiB\n", float64(host.Memory)/(1<<30))
	fmt.Fprintf(table, "  kind\t%s\n", machine)
	fmt.Fprintf(table, "  clock\t%s\n", orUnknown(host.Clock))
	fmt.Fprintf(table, "  one fsync\t%.2f ms (median, temporary directory)\n", host.FsyncMS)
	flush(table)
}

// printChoice says what a run would use and reports whether that is anything.
func printChoice(w io.Writer, options []environ.Option) bool {
	for _, o := range options {
		if o.Chosen {
			fmt.Fprintf(w, "A run would use %s: %s.\n", o.Name, o.Why)
			return true
		}
	}
	return false
}

// flush ends a table, which stands in a buffer, and sets it off.
func flush(table *tabwriter.Writer) {
	_ = table.Flush() // a buffer takes everything
	_, _ = fmt.Fprintln(table)
	_ = table.Flush()
}

func orUnknown(value string) string {
	if value == "" {
		return "unknown"
	}
	return value
}
