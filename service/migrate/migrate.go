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
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
		return fmt.Errorf("it is at %05d, this program needs %05d: %w", version, m.Newest(), ErrBehind)
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

// Up carries out every step up to and including the version. It returns the
// steps that were carried out, also on an error.
func (m *Migrator) Up(ctx context.Context, to int64) ([]Step, error) {
	return m.travel(ctx, to, func(current int64) int64 { return max(current, to) })
}

// Down takes back every step above the version. It returns the steps that were
// carried out, also on an error.
func (m *Migrator) Down(ctx context.Context, to int64) ([]Step, error) {
	return m.travel(ctx, to, func(current int64) int64 { return min(current, to) })
}

// To carries out every step between the database's version and the given
// one, up or down, whichever leads there. It returns the steps that were
// carried out, also on an error.
func (m *Migrator) To(ctx context.Context, version int64) ([]Step, error) {
	return m.travel(ctx, version, func(int64) int64 { return version })
}

// travel finishes the step that was interrupted, if one was, and goes step by
// step to where the aim says.
func (m *Migrator) travel(ctx context.Context, to int64, aim func(current int64) int64) (done []Step, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session, err = m.openSession(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.session.close(ctx)) }()
	if err := m.preflight(ctx, to); err != nil {
		return nil, err
	}
	finished, err := m.resume(ctx, aim)
	if err != nil {
		return finished, err
	}
	for done = finished; ; {
		current, err := m.Version(ctx)
		if err != nil {
			return done, err
		}
		target := aim(current)
		if target == current {
			return done, nil
		}
		version := current
		if target > current {
			version++
		}
		m.from = 0
		step, err := m.apply(ctx, version, target > current)
		if err != nil {
			return done, err
		}
		done = append(done, step)
	}
}

// resume finishes the step that was interrupted. If that step refuses, it is
// taken back, which is as good for whoever wants to go the other way.
func (m *Migrator) resume(ctx context.Context, aim func(current int64) int64) ([]Step, error) {
	marker, err := m.session.marker(ctx)
	if err != nil || marker == nil {
		return nil, err
	}
	applied, err := m.applied(ctx)
	if err != nil {
		return nil, err
	}
	if _, is := applied[marker.Version]; is == marker.Up {
		return nil, m.session.unmark(ctx) // only the marker was left
	}
	if marker.Version > m.Newest() {
		return nil, fmt.Errorf("finishing the interrupted step %05d: %w", marker.Version, ErrAhead)
	}
	m.options.Log.InfoContext(ctx, "finishing the step that was interrupted", "version", marker.Version, "up", marker.Up)
	m.from = marker.Statement - 1
	step, err := m.apply(ctx, marker.Version, marker.Up)
	if err == nil {
		return []Step{step}, nil
	}
	var refused *Refused
	if !errors.As(err, &refused) && !errors.Is(err, errTakenBack) {
		return nil, err
	}
	current := marker.Version
	if marker.Up {
		current--
	}
	if wanted := aim(current); errors.Is(err, errTakenBack) || (wanted > current) != marker.Up || wanted == current {
		return nil, nil
	}
	return nil, err
}

// apply carries out one step and takes the marker away once it is recorded.
func (m *Migrator) apply(ctx context.Context, version int64, up bool) (Step, error) {
	begun := time.Now()
	if _, err := m.provider.ApplyVersion(ctx, version, up); err != nil {
		return Step{}, m.explain(ctx, version, err)
	}
	if err := m.session.unmark(ctx); err != nil {
		return Step{}, m.explain(ctx, version, err)
	}
	step := Step{Version: version, Name: m.scripts[version-1].name, Up: up, Took: time.Since(begun)}
	m.options.Watch(Event{Kind: Whole, Version: version, Name: step.Name, Up: up, Took: step.Took})
	return step, nil
}

// explain names the step and, if it was the step that refused, the rows. What
// the server says otherwise goes to the log, for it is not made for users.
func (m *Migrator) explain(ctx context.Context, version int64, err error) error {
	var refused *Refused
	var server *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, ErrBusy):
		return fmt.Errorf("migration %05d: %w; run it again to finish it: what is done stays", version, ErrBusy)
	case errors.Is(err, errTakenBack):
		return errTakenBack
	case !errors.As(err, &server) || interrupted(server):
		return err
	}
	m.options.Log.ErrorContext(ctx, "migration failed", "version", version, "error", server.Error())
	if server.Code == notAllowed {
		return fmt.Errorf("migration %05d: %w: the log has the server's words", version, ErrPrivilege)
	}
	return &Refused{Version: version, Reason: "the server answered with SQLSTATE " + server.Code + "; the log has its words"}
}
