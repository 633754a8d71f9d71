package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/steps"
)

func newSteps(p program) *cobra.Command {
	var dir string
	var check bool
	c := &cobra.Command{
		Use:   "steps",
		Short: "Write features/STEPS.md, the catalogue of sentences that a feature may use",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var page bytes.Buffer
			if err := steps.Document(&page); err != nil {
				return err
			}
			path := filepath.Join(dir, "STEPS.md")
			if check {
				return checkSteps(path, page.Bytes())
			}
			if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil { //nolint:gosec // a page for everybody
				return fmt.Errorf("writing %s: %w", path, err)
			}
			_, err := fmt.Fprintf(p.out, "wrote %s: %d sentences\n", path, len(steps.Catalogue()))
			return err
		},
	}
	c.Flags().StringVar(&dir, "features", "features", "directory of the features")
	c.Flags().BoolVar(&check, "check", false, "write nothing; fail when the page is out of date")
	return c
}

func checkSteps(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if !bytes.Equal(got, want) {
		return exit{exitFailed, fmt.Errorf("%s is out of date; run make steps", path)}
	}
	return nil
}
