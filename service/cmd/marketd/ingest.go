package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/partition"
)

// skippedShown is how many skipped rows are listed.
const skippedShown = 20

func newIngest(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "ingest FILE.csv",
		Short: "Store the daily bars of a CSV file",
		Long: "Store the daily bars of a CSV file with the columns " + market.Header + ".\n" +
			"Rows that cannot be taken are listed and skipped; bars that are stored already are left alone,\n" +
			"so the same file may be taken again.",
		Args: cobra.ExactArgs(1),
	}
	dsn := databaseFlag(command, p)
	asJSON := command.Flags().Bool("json", false, "tell the result as one line of JSON, with every skipped row")
	command.RunE = func(command *cobra.Command, args []string) error {
		tell := report
		if *asJSON {
			tell = reportJSON
		}
		return ingest(command.Context(), p, *dsn, args[0], tell)
	}
	return command
}

func ingest(ctx context.Context, p program, dsn, path string, tell func(program, market.Ingested)) error {
	config, err := parseDatabase(dsn)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		return failed{fmt.Errorf("opening %s: %w", path, err)}
	}
	defer func() { _ = file.Close() }() // it was only read
	if err := requireSchema(ctx, config.ConnConfig, logTo(p)); err != nil {
		return failed{err}
	}
	pool, err := openPool(ctx, config)
	if err != nil {
		return failed{err}
	}
	defer pool.Close()

	partitions := partition.New(partition.Config{Pool: pool, Log: logTo(p)})
	result, err := market.New(market.Config{Pool: pool, Log: logTo(p), Partitions: partitions}).Ingest(ctx, file)
	if err != nil {
		if result.Stored > 0 {
			tell(p, result)
		}
		return failed{fmt.Errorf("ingesting %s: %w", path, explainDatabase(config.ConnConfig, err))}
	}
	tell(p, result)
	return nil
}

func report(p program, result market.Ingested) {
	for i, row := range result.Skipped {
		if i == skippedShown {
			fmt.Fprintf(p.out, "and %d more\n", len(result.Skipped)-skippedShown)
			break
		}
		fmt.Fprintln(p.out, "skipped", row)
	}
	fmt.Fprintf(p.out, "stored %d, duplicates %d, skipped %d\n", result.Stored, result.Duplicates, len(result.Skipped))
}

// reportJSON tells the result to a program: every skipped row with its line.
func reportJSON(p program, result market.Ingested) {
	type row struct {
		Line   int    `json:"line"`
		Reason string `json:"reason"`
	}
	told := struct {
		Stored     int   `json:"stored"`
		Duplicates int   `json:"duplicates"`
		Skipped    []row `json:"skipped"`
	}{Stored: result.Stored, Duplicates: result.Duplicates, Skipped: []row{}}
	for _, s := range result.Skipped {
		told.Skipped = append(told.Skipped, row{s.Line, s.Reason})
	}
	_ = json.NewEncoder(p.out).Encode(told) // to a stream that is gone there is nothing to tell
}
