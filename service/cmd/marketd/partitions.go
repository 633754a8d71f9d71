package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/partition"
)

// managerConnections is how many connections the partition manager has: one
// for its round and one for the days that the store asks for.
const managerConnections = 2

// byHand is how long one statement may run that somebody asked for, who can
// stop it: moving a very large day takes its time, and writers wait.
const byHand = 10 * time.Minute

// partitionsOptions are the flags that every verb of partitions has.
type partitionsOptions struct {
	database  *string
	asJSON    bool
	now       string
	ahead     int
	keepTicks string
	keepBars  string
}

// question is a command line of partitions that was read and found good.
type question struct {
	pool *pgxpool.Config
	now  time.Time
	keep partition.Keep
}

func newPartitions(p program) *cobra.Command {
	var o partitionsOptions
	command := &cobra.Command{
		Use:   "partitions",
		Short: "Look after the partitions: ticks by day, bars by year",
		Long: "Look after the partitions: ticks by day, bars by year, in UTC.\n" +
			"serve does this by itself each minute; these verbs are for looking and for the bad day.\n" +
			"One manager works at a time: a verb that finds another at work, or a migration, skips and says so.",
		Example: `  marketd partitions status                    what is there, what is missing, what is late
  marketd partitions ensure                    make what is missing up to 4 intervals ahead
  marketd partitions repair                    move rows out of the default partitions
  marketd partitions retain --keep-ticks 90d   detach what is older, and keep it`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: marketd partitions status, ensure, retain or repair")
		},
	}
	flags := command.PersistentFlags()
	o.database = databaseFlag(command, p)
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON object")
	flags.StringVar(&o.now, "now", "", "act as if it were this moment, such as 2026-12-31T23:59:00Z; default is the clock")
	flags.IntVar(&o.ahead, "ahead", partition.DefaultAhead, "how many days of ticks and years of bars are made ahead")
	repair := newPartitionsVerb(p, &o, "repair", "Move rows out of the default partitions, and end what was interrupted",
		(*partition.Manager).Repair)
	repair.Long = "Move rows out of the default partitions, and end what was interrupted.\n" +
		"It moves all rows of a day at once, and writers of the table wait while a day is moved: serve by itself\n" +
		"moves no day of more than " + thousands(partition.DefaultMostMoved) + " rows, and none that its --keep-days keeps no longer."
	command.AddCommand(newPartitionsStatus(p, &o), newPartitionsRetain(p, &o), repair,
		newPartitionsVerb(p, &o, "ensure", "Make the partitions that are missing, up to those ahead",
			(*partition.Manager).Ensure))
	return command
}

func keepFlags(command *cobra.Command, o *partitionsOptions) {
	command.Flags().StringVar(&o.keepTicks, "keep-ticks", "", "how long ticks stay attached, such as 90d; default is for ever")
	command.Flags().StringVar(&o.keepBars, "keep-bars", "", "how long bars stay attached, such as 10y; default is for ever")
}

func newPartitionsStatus(p program, o *partitionsOptions) *cobra.Command {
	command := &cobra.Command{
		Use:   "status",
		Short: "Tell what is there, what is missing, and what is late",
		Long:  "Tell what is there, what is missing, and what is late. It waits for nobody, also while partitions are locked.",
		Args:  cobra.NoArgs,
	}
	keepFlags(command, o)
	command.RunE = func(command *cobra.Command, _ []string) error {
		return o.managing(command.Context(), func(ctx context.Context, m *partition.Manager, q question) error {
			status, err := m.Status(ctx, q.now)
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(p.out, status)
			}
			printStatus(p.out, status)
			return nil
		})
	}
	return command
}

func newPartitionsVerb(
	p program, o *partitionsOptions, use, short string,
	do func(*partition.Manager, context.Context, time.Time) (partition.Report, error),
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return o.managing(command.Context(), func(ctx context.Context, m *partition.Manager, q question) error {
				report, err := do(m, ctx, q.now)
				return errors.Join(o.report(p, report, err), err)
			})
		},
	}
}

func newPartitionsRetain(p program, o *partitionsOptions) *cobra.Command {
	var drop, dryRun bool
	command := &cobra.Command{
		Use:   "retain",
		Short: "Detach the partitions that are older than they are to be kept",
		Long: "Detach the partitions that are older than they are to be kept. They stay as tables of their own,\n" +
			"ticks_kept_YYYYMMDD or bars_kept_YYYY. With --drop, such tables are dropped with their rows, for good.",
		Args: cobra.NoArgs,
	}
	keepFlags(command, o)
	command.Flags().BoolVar(&drop, "drop", false, "also drop what was detached and is older than it is to be kept")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "tell what would be detached and dropped, and change nothing")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if o.keepTicks == "" && o.keepBars == "" {
			return errors.New("say how long to keep: --keep-ticks 90d, --keep-bars 10y, or both")
		}
		return o.managing(command.Context(), func(ctx context.Context, m *partition.Manager, q question) error {
			retention := partition.Retention{Keep: q.keep, Drop: drop}
			if dryRun {
				plan, err := m.PlanRetain(ctx, q.now, retention)
				if err != nil {
					return err
				}
				return o.plan(p, plan)
			}
			report, err := m.Retain(ctx, q.now, retention)
			return errors.Join(o.report(p, report, err), err)
		})
	}
	return command
}

// check reports everything that is wrong with the options at once.
func (o *partitionsOptions) check() (question, error) {
	q := question{now: time.Now()}
	var problems [5]error
	q.pool, problems[0] = parseDatabase(*o.database)
	if o.now != "" {
		var err error
		if q.now, err = time.Parse(time.RFC3339, o.now); err != nil {
			problems[1] = fmt.Errorf("--now %s: want a moment such as 2026-12-31T23:59:00Z", o.now)
		}
	}
	if o.ahead < 1 || o.ahead > 1000 {
		problems[2] = fmt.Errorf("--ahead %d: must be from 1 to 1000", o.ahead)
	}
	q.keep.Ticks, problems[3] = partition.ParsePeriod(o.keepTicks)
	q.keep.Bars, problems[4] = partition.ParsePeriod(o.keepBars)
	return q, errors.Join(problems[:]...)
}

// managing runs do with a manager for the database of the options.
func (o *partitionsOptions) managing(
	ctx context.Context, do func(context.Context, *partition.Manager, question) error,
) error {
	q, err := o.check()
	if err != nil {
		return err
	}
	pool, err := openPool(ctx, managerPool(q.pool))
	if err != nil {
		return failed{err}
	}
	defer pool.Close()
	manager := partition.New(partition.Config{Pool: pool, Ahead: o.ahead, Keep: q.keep, Patience: byHand})
	if err := do(ctx, manager, q); err != nil {
		return failed{explainPartitions(q.pool, err)}
	}
	return nil
}

// managerPool gives the partition manager connections of its own, so that it
// never waits for those that serve requests and wait for it.
func managerPool(config *pgxpool.Config) *pgxpool.Config {
	config = config.Copy()
	config.MaxConns = managerConnections
	return config
}

// explainPartitions puts every answer of the server into our words and keeps
// what we said around it, on one line.
func explainPartitions(config *pgxpool.Config, err error) error {
	text := err.Error()
	found := serverAnswers(err)
	if len(found) == 0 {
		return explainDatabase(config.ConnConfig, err)
	}
	for _, answer := range found {
		text = strings.ReplaceAll(text, answer.Error(), partitionProblem(answer.Code))
	}
	return errors.New(strings.ReplaceAll(text, "\n", "; "))
}

func partitionProblem(code string) string {
	switch code {
	case "42501":
		return "this user may not do that; run it as the owner of the tables"
	case "57014":
		return "it took longer than it may beside the market; run marketd partitions repair when it is quiet"
	case "55P03", "40P01":
		return "others kept a table in use; try again later"
	case "57P01", "57P02":
		return "the server ended the connection; run it again"
	case "23514":
		return "it holds rows that do not belong there"
	case "42804", "42703":
		return "its columns or constraints are not those of a partition"
	case "42P17", "42P16", "42809":
		return "what is there does not fit it"
	}
	return serverProblem(code)
}

// serverAnswers finds every answer of the server that an error is made of.
func serverAnswers(err error) []*pgconn.PgError {
	//nolint:errorlint // every branch of the tree is walked, which errors.As does not
	switch e := err.(type) {
	case *pgconn.PgError:
		return []*pgconn.PgError{e}
	case interface{ Unwrap() []error }:
		var all []*pgconn.PgError
		for _, branch := range e.Unwrap() {
			all = append(all, serverAnswers(branch)...)
		}
		return all
	case interface{ Unwrap() error }:
		return serverAnswers(e.Unwrap())
	}
	return nil
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}
