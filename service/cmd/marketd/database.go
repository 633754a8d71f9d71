package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/migrate"
)

const (
	databaseVariable = "DATABASE_URL"
	connectTime      = 5 * time.Second
)

// databaseFlag adds --database to the command and those below it. The help
// does not show the environment's value, for it may hold a password.
func databaseFlag(command *cobra.Command, p program) *string {
	flags := command.PersistentFlags()
	dsn := flags.String("database", p.getenv(databaseVariable),
		"where the database is: postgres://user:password@host:port/name; "+
			"default is the environment's "+databaseVariable)
	flags.Lookup("database").DefValue = ""
	return dsn
}

// parseDatabase reads the database's address. Its errors never repeat the
// address, for it may hold a password.
func parseDatabase(dsn string) (*pgxpool.Config, error) {
	const wanted = "want postgres://user:password@host:port/name in --database or " + databaseVariable
	if strings.TrimSpace(dsn) == "" {
		return nil, errors.New("no database is named: " + wanted)
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the database's address cannot be read: " + wanted)
	}
	config.ConnConfig.ConnectTimeout = connectTime
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "marketd"
	}
	return config, nil
}

// openPool connects and makes sure that the server answers.
func openPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unreachable(config.ConnConfig, err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unreachable(config.ConnConfig, err)
	}
	return pool, nil
}

// unreachable says in our words why there is no connection: the driver's text
// may hold more than a user should see.
func unreachable(config *pgx.ConnConfig, err error) error {
	where := fmt.Sprintf("database %q at %s port %d as user %q", config.Database, config.Host, config.Port, config.User)
	return fmt.Errorf("reaching %s: %s", where, connectProblem(err))
}

func connectProblem(err error) string {
	var refused *pgconn.PgError
	var name *net.DNSError
	switch {
	case errors.As(err, &refused):
		return serverProblem(refused.Code)
	case errors.As(err, &name):
		return "the host's name is not known"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return "nothing listens there; is Postgres running?"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return fmt.Sprintf("no answer within %s", connectTime)
	}
	return "the connection broke off; is it a Postgres server, and does it take TLS as asked?"
}

func serverProblem(code string) string {
	switch code {
	case "28P01", "28000":
		return "the server refused the user or the password"
	case "3D000":
		return "the database does not exist; create it first"
	case "42501":
		return "the user may not do that there; `marketd migrate verify` says what is lacking"
	case "53300":
		return "the server has no connection left"
	case "57P01", "57P02":
		return "the server ended the connection; try again"
	case "55P03":
		return "others kept the tables in use; try again"
	case "57P03":
		return "the server is starting up or shutting down; try again"
	}
	return "the server answered with SQLSTATE " + code
}

// explainDatabase puts what went wrong with the database into our words,
// where the error is not ours already.
func explainDatabase(config *pgx.ConnConfig, err error) error {
	var connecting *pgconn.ConnectError
	var network net.Error
	var step *migrate.Refused
	var refused *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &step):
		return err
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &connecting), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn):
		return unreachable(config, err)
	case errors.As(err, &refused):
		return errors.New(serverProblem(refused.Code))
	}
	return err
}

// brokeOff says that a connection that worked is gone.
func brokeOff(err error) bool {
	var network net.Error
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code == "57P01" || server.Code == "57P02" || server.Code == "57P03"
	}
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed)
}

// requireSchema makes sure that the database has a schema that this program
// serves: any version it knows, also while it changes. It notes an older one.
func requireSchema(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) error {
	migrator, err := migrate.Open(config, migrate.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = migrator.Close() }() // nothing was written through it
	err = migrator.Check(ctx)
	switch {
	case errors.Is(err, migrate.ErrBehind):
		version, versionErr := migrator.Version(ctx)
		if versionErr != nil {
			return explainDatabase(config, versionErr)
		}
		if version < 1 {
			return fmt.Errorf("%w; run `marketd migrate up` first", err)
		}
		log.InfoContext(ctx, "the schema is not the newest; it is served as it is",
			"version", version, "newest", migrator.Newest())
		return nil
	case errors.Is(err, migrate.ErrAhead):
		return fmt.Errorf("%w; use the newer marketd that migrated it, or let that one run `marketd migrate down --to %d`",
			err, migrator.Newest())
	}
	return explainDatabase(config, err)
}
