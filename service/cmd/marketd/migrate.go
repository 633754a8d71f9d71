package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/migrate"
	"github.com/signoff-dev/signoff/service/replica"
)

// migrateOptions are the flags that every verb of migrate has.
type migrateOptions struct {
	database *string
	dryRun   bool
	asJSON   bool
}

func newMigrate(p program) *cobra.Command {
	var o migrateOptions
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to a version of the schema, with every row",
		Long: "Bring the database to a version of the schema, with every row, while it is in use.\n" +
			"What was interrupted is finished by the next run: the same command goes on where it stopped.",
		Example: `  marketd migrate up --dry-run     what would be done: SQL, locks, and who has to wait
  marketd migrate up               to the newest version
  marketd migrate down             one version back; every row goes with it
  marketd migrate to 4             to version 4, from wherever the database is
  marketd migrate verify           whether the database is what it claims to be`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: marketd migrate up, down, to, status or verify")
		},
	}
	flags := command.PersistentFlags()
	o.database = databaseFlag(command, p)
	flags.BoolVar(&o.dryRun, "dry-run", false, "tell what would be done, and change nothing")
	flags.BoolVar(&o.asJSON, "json", false, "tell it as lines of JSON, as it happens")
	command.AddCommand(newMigrateUp(p, &o), newMigrateDown(p, &o), newMigrateTo(p, &o),
		newMigrateStatus(p, &o), newMigrateVerify(p, &o))
	return command
}

func newMigrateUp(p program, o *migrateOptions) *cobra.Command {
	command := &cobra.Command{
		Use:   "up",
		Short: "Carry out the migrations that are missing",
		Args:  cobra.NoArgs,
	}
	to := command.Flags().Int64("to", 0, "stop after this version; default is the newest")
	command.RunE = func(command *cobra.Command, _ []string) error {
		chosen := command.Flags().Changed("to")
		if chosen && *to < 1 {
			return fmt.Errorf("--to %d: want a version from 1 on", *to)
		}
		return migrating(command.Context(), p, o, course{
			aim: func(m *migrate.Migrator, _ migrate.Verification) int64 {
				if chosen {
					return *to
				}
				return m.Newest()
			},
			leads:  func(from, to int64) bool { return to > from },
			travel: (*migrate.Migrator).Up,
			beside: prepareMonitoring,
		})
	}
	return command
}

func newMigrateDown(p program, o *migrateOptions) *cobra.Command {
	command := &cobra.Command{
		Use:   "down",
		Short: "Take migrations back; every row goes with them",
		Args:  cobra.NoArgs,
	}
	to := command.Flags().Int64("to", 0, "take back everything above this version; default is one step")
	command.RunE = func(command *cobra.Command, _ []string) error {
		chosen := command.Flags().Changed("to")
		if chosen && *to < 0 {
			return fmt.Errorf("--to %d: want a version from 0 on", *to)
		}
		return migrating(command.Context(), p, o, course{
			aim: func(_ *migrate.Migrator, v migrate.Verification) int64 {
				switch {
				case chosen:
					return *to
				case v.Running != nil:
					// Whether that step went up or down, one step down
					// from it leads here.
					return v.Running.Version - 1
				}
				return max(0, v.Version-1)
			},
			leads:  func(from, to int64) bool { return to < from },
			travel: (*migrate.Migrator).Down,
		})
	}
	return command
}

func newMigrateTo(p program, o *migrateOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "to VERSION",
		Short: "Go to a version, up or down, whichever leads there",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			to, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || to < 0 {
				return fmt.Errorf("to %q: want a version from 0 on, such as 4", args[0])
			}
			return migrating(command.Context(), p, o, course{
				aim:    func(*migrate.Migrator, migrate.Verification) int64 { return to },
				leads:  func(from, to int64) bool { return from != to },
				travel: (*migrate.Migrator).To,
			})
		},
	}
}

// course is where a verb leads and how.
type course struct {
	// aim is the version to go to.
	aim func(*migrate.Migrator, migrate.Verification) int64
	// leads says whether the verb goes from one version to the other.
	leads func(from, to int64) bool
	// travel goes there.
	travel func(*migrate.Migrator, context.Context, int64) ([]migrate.Step, error)
	// beside makes what lies beside the market's schema; nil makes nothing.
	beside func(ctx context.Context, dsn string, tell teller)
}

// migrating looks first, and then carries out the steps or tells them.
func migrating(ctx context.Context, p program, o *migrateOptions, c course) error {
	tell := newTeller(p, o.asJSON)
	var last migrate.Event
	watch := func(e migrate.Event) {
		last = e
		tell.event(e)
	}
	err := withMigrator(ctx, p, *o.database, watch, func(m *migrate.Migrator) error {
		v, err := m.Verify(ctx)
		if err == nil {
			err = v.Err()
		}
		if err != nil {
			return err
		}
		to := c.aim(m, v)
		if o.dryRun {
			return planning(ctx, m, tell, v, to, c.leads(v.Version, to))
		}
		if _, err := c.travel(m, ctx, to); err != nil {
			if last.Kind != "" && brokeOff(err) {
				return fmt.Errorf("the server ended the connection%s", leftOff(last))
			}
			return err
		}
		if c.beside != nil {
			c.beside(ctx, *o.database, tell)
		}
		version, err := m.Version(ctx)
		if err == nil {
			tell.done(version, m.Newest())
		}
		return err
	})
	if ctx.Err() != nil && err != nil {
		err = failed{errors.New("interrupted" + leftOff(last))}
	}
	var work failed
	if errors.As(err, &work) {
		tell.refused(work.error)
	}
	return err
}

// prepareMonitoring makes the schema in which the replicas of marketd meet. The
// market does not need it, so that it may fail.
func prepareMonitoring(ctx context.Context, dsn string, tell teller) {
	config, err := parseDatabase(dsn)
	if err != nil {
		return // the market's migration has found it right
	}
	made, err := replica.Prepare(ctx, config.ConnConfig)
	if made || err != nil {
		tell.monitoring(explainDatabase(config.ConnConfig, err))
	}
}

// planning tells the steps instead of carrying them out.
func planning(ctx context.Context, m *migrate.Migrator, tell teller, v migrate.Verification, to int64, leads bool) error {
	var steps []migrate.PlannedStep
	if leads || v.Running != nil {
		var err error
		if steps, err = m.Plan(ctx, to); err != nil {
			return err
		}
	}
	tell.planned(steps)
	return nil
}

// leftOff says where the work stopped and how it goes on.
func leftOff(last migrate.Event) string {
	const goesOn = "nothing is lost, and the same command goes on from here"
	where := fmt.Sprintf("step %05d %s (%s), statement %d of %d",
		last.Version, last.Name, direction(last.Up), last.Statement, last.Of)
	switch last.Kind {
	case "", migrate.Whole:
		return " between two steps; " + goesOn
	case migrate.End:
		return " after " + where + "; " + goesOn
	}
	return " in " + where + ": what it had not committed was rolled back; " + goesOn
}

func direction(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func withMigrator(
	ctx context.Context, p program, dsn string, watch func(migrate.Event), do func(*migrate.Migrator) error,
) error {
	config, err := parseDatabase(dsn)
	if err != nil {
		return err
	}
	if err := reach(ctx, config.ConnConfig); err != nil {
		return failed{err}
	}
	// Tries that are repeated are events; only what went wrong belongs to the
	// log as well.
	log := slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: slog.LevelError}))
	migrator, err := migrate.Open(config.ConnConfig, migrate.Options{Log: log, Watch: watch})
	if err != nil {
		return failed{err}
	}
	if err := do(migrator); err != nil {
		return failed{errors.Join(explainDatabase(config.ConnConfig, err), migrator.Close())}
	}
	if err := migrator.Close(); err != nil {
		return failed{err}
	}
	return nil
}

// reach makes sure that the server answers.
func reach(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unreachable(config, err)
	}
	return conn.Close(ctx)
}

// logTo makes the log of a verb that people run by hand: only what they
// should know of.
func logTo(p program) *slog.Logger {
	return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
