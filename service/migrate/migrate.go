// Package migrate brings a database to a version of the market schema and
// back. Every step moves the rows with it, upwards and downwards, or refuses
// and says which rows are in the way.
//
// It refuses to know what the rows mean to anyone else: it talks to Postgres
// only, and every step stands on its own SQL.
package migrate

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed sql/*.sql
var files embed.FS

const (
	// lockTimeout bounds how long a step waits for a table that others use.
	lockTimeout = "500ms"
	// attempts bounds how often a step that did not get its lock is repeated.
	attempts = 10

	refusedByStep    = "SG001"
	lockNotAvailable = "55P03"
)

var (
	// ErrBehind says that the database is not at the newest migration.
	ErrBehind = errors.New("the database is not at the newest migration")
	// ErrAhead says that the database knows migrations that this program
	// does not.
	ErrAhead = errors.New("the database is newer than this program")
	// ErrBusy says that others kept a table or the migration lock in use.
	ErrBusy = errors.New("others kept the tables in use")
)

// Refused says why a step would not run: mostly rows that have no place in
// the schema it leads to. The database is as before the step.
type Refused struct {
	// Version is the migration that refused.
	Version int64
	// Reason names the rows, or what the server said.
	Reason string
}

// Error names the migration and the rows.
func (e *Refused) Error() string {
	return fmt.Sprintf("migration %05d refused: %s", e.Version, e.Reason)
}

// Step is one migration that was carried out.
type Step struct {
	// Version and Name identify the migration.
	Version int64
	Name    string
	// Up is false for a step down.
	Up bool
	// Took is how long the step ran.
	Took time.Duration
}

// State is one migration as the database knows it.
type State struct {
	// Version and Name identify the migration.
	Version int64
	Name    string
	// Applied is when it was applied; zero when it was not.
	Applied time.Time
}

// Migrator migrates one database. Close it after use.
type Migrator struct {
	db       *sql.DB
	provider *goose.Provider
	log      *slog.Logger
}

// Open prepares to migrate the database that the configuration names. It does
// not connect yet.
func Open(config *pgx.ConnConfig, o Options) (*Migrator, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	config = config.Copy()
	config.RuntimeParams["lock_timeout"] = lockTimeout
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO"
	db := stdlib.OpenDB(*config)

	steps, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, fmt.Errorf("opening the embedded migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return nil, fmt.Errorf("preparing the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the embedded migrations: %w", err), db.Close())
	}
	return &Migrator{db: db, provider: provider, log: log}, nil
}

// Close releases the connections.
func (m *Migrator) Close() error { return m.db.Close() }

// Newest is the version that Up leads to.
func (m *Migrator) Newest() int64 {
	sources := m.provider.ListSources()
	return sources[len(sources)-1].Version
}

// Version is the version the database is at; 0 is before the first.
func (m *Migrator) Version(ctx context.Context) (int64, error) {
	version, err := m.provider.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the version of the database: %w", err)
	}
	return version, nil
}

// Check returns nil if the database is at the newest version, and ErrBehind
// or ErrAhead otherwise.
func (m *Migrator) Check(ctx context.Context) error {
	version, err := m.Version(ctx)
	switch {
	case err != nil:
		return err
	case version < m.Newest():
		return fmt.Errorf("it is at %05d, this program needs %05d: %w", version, m.Newest(), ErrBehind)
	case version > m.Newest():
		return fmt.Errorf("it is at %05d, this program knows up to %05d: %w", version, m.Newest(), ErrAhead)
	}
	return nil
}

// Status lists every migration this program knows, oldest first.
func (m *Migrator) Status(ctx context.Context) ([]State, error) {
	known, err := m.provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations of the database: %w", err)
	}
	states := make([]State, len(known))
	for i, s := range known {
		states[i] = State{Version: s.Source.Version, Name: nameOf(s.Source.Path)}
		if s.State == goose.StateApplied {
			states[i].Applied = s.AppliedAt.UTC()
		}
	}
	return states, nil
}

// Up carries out every step up to and including the version. It returns the
// steps that were carried out, also on an error.
func (m *Migrator) Up(ctx context.Context, to int64) ([]Step, error) {
	if err := m.known(ctx, to); err != nil {
		return nil, err
	}
	return m.repeat(ctx, func() ([]*goose.MigrationResult, error) { return m.provider.UpTo(ctx, to) })
}

// Down takes back every step above the version. It returns the steps that were
// carried out, also on an error.
func (m *Migrator) Down(ctx context.Context, to int64) ([]Step, error) {
	if to != 0 {
		if err := m.known(ctx, to); err != nil {
			return nil, err
		}
	}
	return m.repeat(ctx, func() ([]*goose.MigrationResult, error) { return m.provider.DownTo(ctx, to) })
}

func (m *Migrator) known(ctx context.Context, version int64) error {
	if current, err := m.Version(ctx); err != nil {
		return err
	} else if current > m.Newest() {
		return fmt.Errorf("it is at %05d, this program knows up to %05d: %w", current, m.Newest(), ErrAhead)
	}
	for _, source := range m.provider.ListSources() {
		if source.Version == version {
			return nil
		}
	}
	return fmt.Errorf("there is no migration %05d; the newest is %05d", version, m.Newest())
}

// repeat runs the steps until they are through, fail, or were kept from their
// locks too often. What is done stays done between the tries.
func (m *Migrator) repeat(ctx context.Context, run func() ([]*goose.MigrationResult, error)) ([]Step, error) {
	var done []Step
	for try := 1; ; try++ {
		results, err := run()
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, r := range results {
			done = append(done, Step{
				Version: r.Source.Version, Name: nameOf(r.Source.Path),
				Up: r.Direction == "up", Took: r.Duration,
			})
		}
		if err == nil {
			return done, nil
		}
		if !busy(err) {
			return done, m.explain(ctx, err, partial)
		}
		if try == attempts {
			return done, fmt.Errorf("trying %d times: %w", attempts, ErrBusy)
		}
		m.log.WarnContext(ctx, "tables are in use, trying again", "try", try)
		if err := pause(ctx, try); err != nil {
			return done, err
		}
	}
}

func busy(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == lockNotAvailable
}

// explain names the step and, if it was the step that refused, the rows. What
// the server says otherwise goes to the log, for it is not made for users.
func (m *Migrator) explain(ctx context.Context, err error, partial *goose.PartialError) error {
	var refused *pgconn.PgError
	if partial == nil || !errors.As(err, &refused) {
		return err
	}
	version := partial.Failed.Source.Version
	if refused.Code == refusedByStep {
		return &Refused{Version: version, Reason: refused.Message}
	}
	m.log.ErrorContext(ctx, "migration failed", "version", version, "error", refused.Error())
	return &Refused{Version: version, Reason: "the server answered with SQLSTATE " + refused.Code + "; the log has its words"}
}

// pause waits a random while that grows with the tries, so that two who want
// the same lock do not meet again.
func pause(ctx context.Context, try int) error {
	wait := time.Duration(try) * 50 * time.Millisecond
	timer := time.NewTimer(wait + rand.N(wait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
