package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connect opens a connection to a database. Its errors begin with what was
// being done and name neither host nor user nor database: they go into reports.
func connect(ctx context.Context, dsn, doing string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, plain(err))
	}
	return conn, nil
}

// connected opens a connection for use and closes it afterwards. What use
// returns is made plain and begins with what was being done.
func connected(ctx context.Context, dsn, doing string, use func(*pgx.Conn) error) error {
	conn, err := connect(ctx, dsn, doing)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := use(conn); err != nil {
		return fmt.Errorf("%s: %w", doing, plain(err))
	}
	return nil
}

// finding is an error in our own words about what was read from a database;
// plain leaves it as it is.
type finding string

func (f finding) Error() string { return string(f) }

// plain turns an error of the driver into one that may stand in a report: it
// holds no host, user, database or SQL, only what the server said and its code.
// The original is not reachable through it.
func plain(err error) error {
	var ours finding
	var server *pgconn.PgError
	var dial *pgconn.ConnectError
	var config *pgconn.ParseConfigError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return finding("the server did not answer in time")
	case errors.As(err, &server):
		return finding(fmt.Sprintf("%s (SQLSTATE %s)", said(server), server.Code))
	case errors.As(err, &config):
		return finding("the address of the database is not readable")
	case errors.As(err, &dial):
		return finding("no Postgres answers; is the server still running?")
	case errors.Is(err, pgx.ErrNoRows):
		return finding("the server has no answer")
	}
	return finding("the connection to the server broke off, or its answer was not understood")
}

// said is what the server said. The classes whose messages quote users and
// databases are told in words of our own.
func said(e *pgconn.PgError) string {
	switch {
	case strings.HasPrefix(e.Code, "28"):
		return "the server does not let the user in"
	case strings.HasPrefix(e.Code, "3D"):
		return "the database does not exist"
	case e.Code == "42501":
		return "the user may not do that"
	case strings.HasPrefix(e.Code, "53"):
		return "the server has no room or no connection left"
	case strings.HasPrefix(e.Code, "55"):
		return "the database is in use, or not open for that"
	case strings.HasPrefix(e.Code, "57"):
		return "the server broke the work off"
	}
	return "the server says: " + e.Message
}
