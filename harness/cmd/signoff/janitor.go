package main

import (
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/harness/environ"
)

// newJanitor is the process that cleans up after a run that was killed. A run
// starts it by itself; nobody else needs it.
func newJanitor(p program) *cobra.Command {
	return &cobra.Command{
		Use:    "janitor",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(c *cobra.Command, _ []string) error { return environ.Janitor(c.Context(), p.in) },
	}
}
