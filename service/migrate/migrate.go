// Package migrate brings a database to a version of the market schema and
// back. Every step moves the rows with it, upwards and downwards, or refuses
// and says which rows are in the way.
//
// It refuses to know what the rows mean to anyone else: it talks to Postgres
// only, and every step stands on its own SQL.
//
// A step is a file of statements that are carried out one by one on one
// connection, each idempotent and none of them in the way of readers and
// writers for longer than milliseconds. Where rows have to be rewritten, a copy
// grows beside the table (sql/engine.sql). A marker notes which statement was
// begun: what was interrupted is finished by the next run.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
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
	config   *pgx.ConnConfig
	options  Options
	scripts  []script
	engine   string

	// mu is held while steps run; session and from are theirs.
	mu      sync.Mutex
	session *session
	from    int
}

// Open prepares to migrate the database that the configuration names. It does
// not connect yet.
func Open(config *pgx.ConnConfig, o Options) (*Migrator, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Watch == nil {
		o.Watch = func(Event) {}
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	config = config.Copy()
	config.RuntimeParams["lock_timeout"] = lockTimeout
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO"
	config.RuntimeParams["client_min_messages"] = "notice"
	// Plans that prefer indexes look dear to the planner, and compiling them
	// takes half a second, some of it under the lock of the switch.
	config.RuntimeParams["jit"] = "off"

	m := &Migrator{config: config, options: o}
	var err error
	if m.scripts, err = readScripts(); err != nil {
		return nil, err
	}
	procedures, err := files.ReadFile(engine)
	if err != nil {
		return nil, fmt.Errorf("reading the procedures that the steps share: %w", err)
	}
	m.engine = string(procedures)
	migrations := make([]*goose.Migration, len(m.scripts))
	for i, s := range m.scripts {
		migrations[i] = goose.NewGoMigration(s.version,
			&goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error { return m.session.carryOut(ctx, s, true, m.from) }},
			&goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error { return m.session.carryOut(ctx, s, false, m.from) }})
		migrations[i].Source = fmt.Sprintf("%05d_%s.go", s.version, s.name) // goose knows no other way to name it
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return nil, fmt.Errorf("preparing the migration lock: %w", err)
	}
	m.db = stdlib.OpenDB(*config)
	m.provider, err = goose.NewProvider(goose.DialectPostgres, m.db, nil,
		goose.WithGoMigrations(migrations...),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(o.Log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the migrations: %w", err), m.db.Close())
	}
	return m, nil
}

// Close releases the connections.
func (m *Migrator) Close() error { return m.db.Close() }

// Newest is the version that Up leads to.
func (m *Migrator) Newest() int64 { return int64(len(m.scripts)) }

// Version is the version the database is at; 0 is before the first. It reads
// only.
func (m *Migrator) Version(ctx context.Context) (int64, error) {
	applied, err := m.applied(ctx)
	if err != nil {
		return 0, err
	}
	var version int64
	for v := range applied {
		version = max(version, v)
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
		return fmt.Errorf("it is at %05d, the newest is %05d: %w", version, m.Newest(), ErrBehind)
	case version > m.Newest():
		return fmt.Errorf("it is at %05d, this program knows up to %05d: %w", version, m.Newest(), ErrAhead)
	}
	return nil
}

// Status lists every migration this program knows, oldest first. It reads
// only.
func (m *Migrator) Status(ctx context.Context) ([]State, error) {
	applied, err := m.applied(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]State, len(m.scripts))
	for i, s := range m.scripts {
		states[i] = State{Version: s.version, Name: s.name, Applied: applied[s.version]}
	}
	return states, nil
}

// running returns the step that was begun and is not done, nil for none.
func (m *Migrator) running(ctx context.Context) (*Marker, error) {
	v, err := m.Verify(ctx)
	return v.Running, err
}

// applied returns what goose recorded and when. Goose would make its table if
// there is none; whoever only looks must not.
func (m *Migrator) applied(ctx context.Context) (map[int64]time.Time, error) {
	var there bool
	if err := m.db.QueryRowContext(ctx, `select to_regclass('goose_db_version') is not null`).Scan(&there); err != nil {
		return nil, fmt.Errorf("reading the version of the database: %w", err)
	}
	applied := map[int64]time.Time{}
	if !there {
		return applied, nil
	}
	rows, err := m.db.QueryContext(ctx, `
		select version_id, max(tstamp) from goose_db_version where is_applied and version_id > 0 group by version_id`)
	if err != nil {
		return nil, fmt.Errorf("reading the version of the database: %w", err)
	}
	defer func() { _ = rows.Close() }() // the loop has its own answer
	for rows.Next() {
		var version int64
		var at time.Time
		if err := rows.Scan(&version, &at); err != nil {
			return nil, fmt.Errorf("reading the version of the database: %w", err)
		}
		applied[version] = at.UTC()
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the version of the database: %w", err)
	}
	return applied, nil
}
