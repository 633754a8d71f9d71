package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/market"
)

// queryCatalogue is what queries --json prints.
type queryCatalogue struct {
	// Settings are those of the sessions that the statements are executed in.
	Settings map[string]string `json:"settings"`
	Queries  []market.Query    `json:"queries"`
}

func newQueries(p program) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "queries",
		Short: "List the statements that serve puts to the database",
		Long: "List the statements that serve puts to a database with the newest schema, as it executes them,\n" +
			"with the names of their parameters. It needs no database: it is for those who watch over plans and times.",
		Example: `  marketd queries          for people
  marketd queries --json   one object: the sessions' settings, and name, says, sql, parameters, writes of each`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			catalogue := queryCatalogue{Settings: servedSettings(), Queries: market.Queries()}
			if asJSON {
				return printJSON(p.out, catalogue)
			}
			for _, q := range catalogue.Queries {
				fmt.Fprintf(p.out, "%s (%s)\n  %s\n", q.Name, parameterList(q.Parameters), q.Says)
				fmt.Fprintf(p.out, "    %s\n\n", strings.Join(strings.Fields(q.SQL), " "))
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return command
}

func parameterList(names []string) string {
	if len(names) == 0 {
		return "no parameters"
	}
	numbered := make([]string, len(names))
	for i, name := range names {
		numbered[i] = fmt.Sprintf("$%d %s", i+1, name)
	}
	return strings.Join(numbered, ", ")
}
