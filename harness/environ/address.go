package environ

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// address is where a server is and who we are there. It can be written for
// people without the password.
type address struct {
	url  url.URL
	host string
	port uint16
	user string
}

// parseAddress reads a postgres:// URL. Its errors never repeat the text: a
// password may stand anywhere in a URL that is written wrongly.
func parseAddress(text string) (address, error) {
	bad := errors.New("reading the Postgres address: it is not of the form " +
		"postgres://user:password@host:5432/database?sslmode=disable" +
		" (special characters in a password are written in per cent: @ is %40, / is %2F)")
	if !isAddress(text) {
		return address{}, bad
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, bad
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return address{}, bad
	}
	return address{url: *u, host: config.Host, port: config.Port, user: config.User}, nil
}

// loopbackAddress is the address of a server that was started for this run.
func loopbackAddress(host string, port uint16, user, password string) address {
	return address{
		url: url.URL{
			Scheme:   "postgres",
			User:     url.UserPassword(user, password),
			Host:     host + ":" + strconv.Itoa(int(port)),
			Path:     "/postgres",
			RawQuery: "sslmode=disable",
		},
		host: host, port: port, user: user,
	}
}

// dsn is the connection string of a database; empty means the one given.
func (a address) dsn(database string) string {
	u := a.url
	if database != "" {
		u.Path = "/" + database
		u.RawPath = ""
	}
	return u.String()
}

// String names the server without user, password and parameters.
func (a address) String() string { return a.host + ":" + strconv.Itoa(int(a.port)) }

// ping connects once, within 5 s.
func (a address) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, a.dsn(""))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// plain turns a driver's error into one that a person can act on, and that
// holds no password. The original stays reachable only for a PgError, by code.
func (a address) plain(err error) error {
	var server *pgconn.PgError
	var dial *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from %s in time", a)
	case errors.As(err, &server):
		return a.explain(server)
	case errors.As(err, &dial):
		return unusable{
			why:    fmt.Sprintf("no Postgres answers at %s", a),
			wayOut: "start the server, or correct host, port and sslmode in the address",
		}
	}
	return fmt.Errorf("the connection to %s broke off", a)
}

func (a address) explain(e *pgconn.PgError) error {
	switch e.Code {
	case "28P01", "28000":
		return unusable{
			why:    fmt.Sprintf("the server at %s does not let user %q in", a, a.user),
			wayOut: "correct user and password in the address, or pg_hba.conf on the server",
		}
	case "3D000":
		return unusable{
			why:    fmt.Sprintf("the database of the address does not exist at %s", a),
			wayOut: "name one that exists, such as /postgres",
		}
	case "42501":
		return unusable{
			why:    fmt.Sprintf("user %q may not do that at %s", a.user, a),
			wayOut: fmt.Sprintf("let a superuser run: ALTER ROLE %s CREATEDB", quote(a.user)),
		}
	case "53300":
		return unusable{
			why:    fmt.Sprintf("the server at %s has no connection left", a),
			wayOut: "raise max_connections (200 is enough) or close other clients",
		}
	case "57P03":
		return unusable{why: fmt.Sprintf("the server at %s is still starting up", a), wayOut: "try again in a moment"}
	}
	return fmt.Errorf("the server at %s answers %s (SQLSTATE %s)", a, e.Message, e.Code)
}
