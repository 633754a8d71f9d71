package baseline

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed schema.sql
var schema string

// schemaLock keeps two runs from making the schema at the same time.
const schemaLock = 7_306_007

// answer is how long the server may take for one piece of work.
const answer = 15 * time.Second

// postgres is a history in a schema of its own, signoff_history, which is made
// with the first entry. Whoever only reads needs no right to write.
type postgres struct {
	config *pgx.ConnConfig
}

func openPostgres(address string) (History, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil { // its text may hold the password
		return nil, errors.New("the address of the history cannot be read: write postgres://user@host:port/database")
	}
	config.ConnectTimeout = answer
	return postgres{config}, nil
}

func (h postgres) String() string {
	return "postgres://" + net.JoinHostPort(h.config.Host, strconv.Itoa(int(h.config.Port))) + "/" + h.config.Database
}

// Append implements History.
func (h postgres) Append(ctx context.Context, e Entry) error {
	err := e.Validate()
	if err == nil {
		err = h.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			text, err := encode(e)
			if err != nil {
				return fmt.Errorf("writing it as JSON: %w", err)
			}
			done, err := tx.Exec(ctx, `INSERT INTO signoff_history.entries (run, started, profile, environment, entry)
				VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run) DO NOTHING`, e.Run, e.Started, e.Profile, e.Environment.ID, string(text))
			if err != nil || done.RowsAffected() == 1 {
				return err
			}
			var there string
			if err := tx.QueryRow(ctx, `SELECT entry::text FROM signoff_history.entries WHERE run = $1`, e.Run).Scan(&there); err != nil {
				return err
			}
			if known, err := decodeEntry([]byte(there)); err != nil || !same(known, e) {
				return ErrDiffers
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("adding run %s to the history %s: %w", e.Run, h, err)
	}
	return nil
}

// Promote implements History.
func (h postgres) Promote(ctx context.Context, p Promotion) error {
	err := h.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		text, err := encode(p)
		if err != nil {
			return fmt.Errorf("writing it as JSON: %w", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO signoff_history.promotions (promoted, name, promotion) VALUES ($1, $2, $3)`, p.Promoted, p.Name, string(text))
		return err
	})
	if err != nil {
		return fmt.Errorf("naming run %s in the history %s: %w", p.Entry.Run, h, err)
	}
	return nil
}

// Entries implements History.
func (h postgres) Entries(ctx context.Context, f Filter) (Reading, error) {
	var r Reading
	var places []string
	err := h.read(ctx, `SELECT run, entry::text FROM signoff_history.entries
		WHERE ($1 = '' OR run = $1) AND ($2 = '' OR profile = $2) AND ($3 = '' OR environment = $3) ORDER BY started, run`,
		func(run, text string) {
			place := "signoff_history.entries, run " + run
			e, err := decodeEntry([]byte(text))
			if err != nil {
				r.Faults = append(r.Faults, Fault{place, flat(err)})
				return
			}
			if f.picks(e) {
				r.Entries, places = append(r.Entries, e), append(places, place)
			}
		}, f.Run, f.Profile, f.Environment)
	if err != nil {
		return Reading{}, err
	}
	r.put(places)
	return r, nil
}

// Promotions implements History.
func (h postgres) Promotions(ctx context.Context) ([]Promotion, []Fault, error) {
	var all []Promotion
	var faults []Fault
	err := h.read(ctx, `SELECT id::text, promotion::text FROM signoff_history.promotions ORDER BY id`, func(id, text string) {
		p, err := decodePromotion([]byte(text))
		if err != nil {
			faults = append(faults, Fault{"signoff_history.promotions, id " + id, flat(err)})
			return
		}
		all = append(all, p)
	})
	if err != nil && !errors.Is(err, ErrNone) {
		return nil, nil, err
	}
	sortPromotions(all)
	return all, faults, nil
}

// read hands out the rows of a query, each a name and a text. A schema that
// nobody has made is no history.
func (h postgres) read(ctx context.Context, query string, each func(name, text string), args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, h.config)
	if err != nil {
		return fmt.Errorf("reading the history %s: %w", h, h.plain(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, query, args...)
	if err == nil {
		var name, text string
		_, err = pgx.ForEachRow(rows, []any{&name, &text}, func() error {
			each(name, text)
			return nil
		})
	}
	if code(err) == "42P01" || code(err) == "3F000" {
		return fmt.Errorf("%w in %s", ErrNone, h)
	}
	if err != nil {
		return fmt.Errorf("reading the history %s: %w", h, h.plain(err))
	}
	return nil
}

// write makes the schema, unless it is there, and does one thing in it.
func (h postgres) write(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, h.config)
	if err != nil {
		return h.plain(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return h.plain(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass('signoff_history.promotions') IS NOT NULL`).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, schemaLock); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, schema); err != nil {
				return err
			}
		}
		return do(ctx, tx)
	}))
}

// plain turns a driver's error into one that a person can act on, and that
// holds no password.
func (h postgres) plain(err error) error {
	var server *pgconn.PgError
	var dial *pgconn.ConnectError
	switch {
	case err == nil, errors.Is(err, ErrDiffers):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errors.New("the server did not answer in time")
	case errors.As(err, &server):
		switch server.Code {
		case "28P01", "28000":
			return fmt.Errorf("the server does not let user %q in: correct user and password in the address", h.config.User)
		case "3D000":
			return fmt.Errorf("there is no database %q: make it first, or name another", h.config.Database)
		case "42501":
			return fmt.Errorf("user %q may not do that: grant CREATE on the database once, then USAGE on schema signoff_history and its tables", h.config.User)
		}
		return fmt.Errorf("the server answers %s (SQLSTATE %s)", server.Message, server.Code)
	case errors.As(err, &dial):
		return errors.New("no Postgres answers there: start it, or correct host, port and sslmode in the address")
	default:
		return errors.New("the connection broke off")
	}
}

func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}
