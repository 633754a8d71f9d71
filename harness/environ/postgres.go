package environ

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
)

// maxIdentifier is the longest name that Postgres keeps whole, in bytes.
const maxIdentifier = 63

// fileCopyFrom is the size of a template, in bytes, from which copying its
// files beats logging its pages: below it the two checkpoints cost more.
const fileCopyFrom = 64 << 20

// server is what a provider yields: where to connect and what can be done with
// the server beside that.
type server struct {
	address     address
	image       string
	imageDigest string
	stop        func(ctx context.Context) error

	// These are nil for a server that somebody else runs.
	another func(ctx context.Context, k *keeper) (*server, error)
	crash   func(ctx context.Context) error
	restart func(ctx context.Context) error // at the same address
}

// Postgres is a server that a run may use. It creates only databases of its
// own, and drops only those.
type Postgres struct {
	options Options
	prefix  string // of every database name
	address address
	facts   fingerprint.Server
	server  *server
	keeper  *keeper
	down    atomic.Bool // crashed and not restarted

	mu      sync.Mutex
	made    []string // full names, oldest first
	stopped bool
	stopErr error
}

func newPostgres(o Options, k *keeper, provider string, s *server) *Postgres {
	return &Postgres{
		options: o,
		prefix:  o.runName("_") + randomHex(3) + "_",
		address: s.address,
		facts:   fingerprint.Server{Provider: provider, Image: s.image, ImageDigest: s.imageDigest},
		server:  s,
		keeper:  k,
	}
}

// Facts tells where the server came from, its version and its settings.
func (p *Postgres) Facts() fingerprint.Server { return p.facts }

// DSN returns the connection string of the database that CreateDatabase made
// under this name. The empty name means the maintenance database, which is for
// asking about the server, not for tables.
func (p *Postgres) DSN(name string) string {
	if name == "" {
		return p.address.dsn("")
	}
	return p.address.dsn(p.fullName(name))
}

// CreateDatabase makes a database and returns its connection string. The
// template is the name of another database made here, whose content is copied,
// or empty for an empty database. Nobody may be connected to the template;
// connections that are just closing are waited for.
func (p *Postgres) CreateDatabase(ctx context.Context, name, template string) (string, error) {
	if identifier(name) == "" {
		return "", fmt.Errorf("creating database %q: the name needs a letter or a digit", name)
	}
	full := p.fullName(name)
	dsn := p.address.dsn(full)
	conn, err := p.connect(ctx)
	if err != nil {
		return "", fmt.Errorf("creating database %s: %w", full, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	statement := "CREATE DATABASE " + quote(full)
	if template != "" {
		source := p.fullName(template)
		var size int64
		if err := conn.QueryRow(ctx, "SELECT pg_database_size($1::name)", source).Scan(&size); err != nil {
			return "", fmt.Errorf("creating database %s: reading template %s: %w", full, source, p.plain(err))
		}
		strategy := "WAL_LOG"
		if size >= fileCopyFrom {
			strategy = "FILE_COPY"
		}
		statement += fmt.Sprintf(" TEMPLATE %s STRATEGY %s", quote(source), strategy)
	}
	release, err := p.keepDatabase(full)
	if err != nil {
		return "", err
	}
	if err := p.whileInUse(ctx, func() error { _, err := conn.Exec(ctx, statement); return err }); err != nil {
		release()
		return "", fmt.Errorf("creating database %s: %w", full, p.plain(err))
	}
	p.mu.Lock()
	p.made = append(p.made, full)
	p.mu.Unlock()
	return dsn, nil
}

// DropDatabase drops the database that CreateDatabase made under this name,
// and disconnects whoever uses it.
func (p *Postgres) DropDatabase(ctx context.Context, name string) error {
	full := p.fullName(name)
	p.mu.Lock()
	ours := slices.Contains(p.made, full)
	p.mu.Unlock()
	if !ours {
		return fmt.Errorf("dropping database %s: it was not made here", full)
	}
	if err := p.drop(ctx, full); err != nil {
		return err
	}
	p.mu.Lock()
	p.made = slices.DeleteFunc(p.made, func(s string) bool { return s == full })
	p.mu.Unlock()
	return nil
}

// Stop drops the databases made here, ends a server that was started for this
// run and removes all of it. Calling it again does nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return p.stopErr
	}
	p.stopped = true
	var errs []error
	if p.facts.Provider == External {
		for _, full := range slices.Backward(p.made) {
			errs = append(errs, p.drop(ctx, full))
		}
	}
	errs = append(errs, p.server.stop(ctx), p.keeper.done())
	p.stopErr = errors.Join(errs...)
	return p.stopErr
}

func (p *Postgres) drop(ctx context.Context, full string) error {
	conn, err := p.connect(ctx)
	if err != nil {
		return fmt.Errorf("dropping database %s: %w", full, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(full)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("dropping database %s: %w", full, p.plain(err))
	}
	p.keeper.forget(item{Kind: keptDatabase, DSN: p.address.dsn(""), Name: full})
	return nil
}

// keepDatabase has the janitor look after a database. One on a server of our
// own goes with that server.
func (p *Postgres) keepDatabase(full string) (release func(), err error) {
	if p.facts.Provider != External {
		return func() {}, nil
	}
	return p.keeper.keep(item{Kind: keptDatabase, DSN: p.address.dsn(""), Name: full})
}

func (p *Postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	if p.down.Load() {
		return nil, errors.New("the server is down: it was crashed and not yet restarted")
	}
	conn, err := pgx.Connect(ctx, p.address.dsn(""))
	if err != nil {
		return nil, p.plain(err)
	}
	return conn, nil
}

// plain says a server's error without the driver's words.
func (p *Postgres) plain(err error) error { return p.address.plain(err) }

// whileInUse repeats what fails because connections to the template have not
// quite ended: a backend leaves a moment after its client has.
func (p *Postgres) whileInUse(ctx context.Context, do func() error) error {
	const objectInUse = "55006"
	return repeat(ctx, 5*time.Second, func() (bool, error) {
		err := do()
		var server *pgconn.PgError
		return !errors.As(err, &server) || server.Code != objectInUse, err
	})
}

// fullName is the name on the server of a database of this run.
func (p *Postgres) fullName(name string) string {
	full := p.prefix + identifier(name)
	if len(full) <= maxIdentifier {
		return full
	}
	return full[:maxIdentifier-9] + "_" + shortDigest(full)
}

// identifier keeps the letters and digits of a name, in lower case.
func identifier(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, name), "_")
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// randomHex returns n random bytes in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// repeat calls attempt until it says that it is settled or the time is over,
// and returns its last error.
func repeat(ctx context.Context, limit time.Duration, attempt func() (settled bool, err error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		settled, err := attempt()
		if settled {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return err
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}
