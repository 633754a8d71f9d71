package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/migrate"
)

func newMigrate(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to a version of the schema, with every row",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: marketd migrate up, down or status")
		},
	}
	command.AddCommand(newMigrateUp(p), newMigrateDown(p), newMigrateStatus(p))
	return command
}

func newMigrateUp(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "up",
		Short: "Carry out the migrations that are missing",
		Args:  cobra.NoArgs,
	}
	dsn := databaseFlag(command, p)
	to := command.Flags().Int64("to", -1, "stop after this version; default is the newest")
	command.RunE = func(command *cobra.Command, _ []string) error {
		return migrating(command.Context(), p, *dsn, func(m *migrate.Migrator) ([]migrate.Step, error) {
			target := *to
			if target < 0 {
				target = m.Newest()
			}
			return m.Up(command.Context(), target)
		})
	}
	return command
}

func newMigrateDown(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "down",
		Short: "Take migrations back; every row goes with them",
		Args:  cobra.NoArgs,
	}
	dsn := databaseFlag(command, p)
	to := command.Flags().Int64("to", -1, "take back everything above this version; default is one step")
	command.RunE = func(command *cobra.Command, _ []string) error {
		return migrating(command.Context(), p, *dsn, func(m *migrate.Migrator) ([]migrate.Step, error) {
			target := *to
			if target < 0 {
				current, err := m.Version(command.Context())
				if err != nil {
					return nil, err
				}
				target = max(0, current-1)
			}
			return m.Down(command.Context(), target)
		})
	}
	return command
}

func newMigrateStatus(p program) *cobra.Command {
	command := &cobra.Command{
		Use:   "status",
		Short: "List the migrations and when they were applied",
		Args:  cobra.NoArgs,
	}
	dsn := databaseFlag(command, p)
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx := command.Context()
		return withMigrator(ctx, p, *dsn, func(m *migrate.Migrator) error {
			states, err := m.Status(ctx)
			if err != nil {
				return err
			}
			for _, s := range states {
				applied := "not applied"
				if !s.Applied.IsZero() {
					applied = s.Applied.Format(time.RFC3339)
				}
				fmt.Fprintf(p.out, "%05d  %-14s %s\n", s.Version, s.Name, applied)
			}
			return m.Check(ctx)
		})
	}
	return command
}

// migrating carries steps out and prints them, also those before an error.
func migrating(
	ctx context.Context, p program, dsn string, run func(*migrate.Migrator) ([]migrate.Step, error),
) error {
	return withMigrator(ctx, p, dsn, func(m *migrate.Migrator) error {
		steps, err := run(m)
		for _, s := range steps {
			direction := "down"
			if s.Up {
				direction = "up"
			}
			fmt.Fprintf(p.out, "%-4s %05d %-14s %6d ms\n", direction, s.Version, s.Name, s.Took.Milliseconds())
		}
		if err != nil {
			return err
		}
		version, err := m.Version(ctx)
		if err == nil {
			fmt.Fprintf(p.out, "the database is at %05d; the newest is %05d\n", version, m.Newest())
		}
		return err
	})
}

func withMigrator(ctx context.Context, p program, dsn string, do func(*migrate.Migrator) error) error {
	config, err := parseDatabase(dsn)
	if err != nil {
		return err
	}
	if err := reach(ctx, config.ConnConfig); err != nil {
		return failed{err}
	}
	migrator, err := migrate.Open(config.ConnConfig, migrate.Options{Log: logTo(p)})
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
