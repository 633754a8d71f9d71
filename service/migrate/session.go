package migrate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/service/internal/advisory"
)

const (
	// lockTimeout bounds how long a statement waits for a table that others
	// use, and so how long those wait who queue behind it.
	lockTimeout = "500ms"
	// lockPatience bounds how long a run waits for another migrator, or for a
	// change of partitions, to end.
	lockPatience = time.Minute
	lockPause    = 100 * time.Millisecond
)

// session is the one connection that carries out steps. It holds the advisory
// lock that keeps other migrators and the partition manager away, so that the
// lock and the statements live and die together.
type session struct {
	conn    *pgx.Conn
	options Options
	engine  string
	// prepared says that the procedures of the engine are there.
	prepared bool
	// progress is told what the server says about how far it is.
	progress func(done, rows int64)
}

func (m *Migrator) openSession(ctx context.Context) (*session, error) {
	s := &session{options: m.options, engine: m.engine}
	config := m.config.Copy()
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { s.notice(notice) }
	var err error
	if s.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connecting to migrate: %w", err)
	}
	// An autovacuum gives way to those who wait for it longer than this, and
	// the lock timeout is shorter than the server's own setting. Only some
	// users may set it; for others the statement is tried again.
	_ = s.exec(ctx, `set deadlock_timeout = '100ms'`)
	if err := s.lock(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// close ends the connection and with it the lock and the procedures.
func (s *session) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // what was done is committed
	return nil
}

// lock takes the advisory lock. It asks again and again instead of waiting in
// the server, for who waits there holds up an index that is built beside.
func (s *session) lock(ctx context.Context) error {
	for begun := time.Now(); ; {
		var locked bool
		if err := s.conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, advisory.Migration).Scan(&locked); err != nil {
			return fmt.Errorf("taking the migration lock: %w", err)
		}
		switch {
		case locked:
			return nil
		case time.Since(begun) > lockPatience:
			return fmt.Errorf("waiting for the migration lock: another migration or a change of partitions is under way: %w", ErrBusy)
		}
		if err := pause(ctx, lockPause); err != nil {
			return err
		}
	}
}

// exec sends the text as it is: some statements want to be alone, and a
// procedure commits on its own only then.
func (s *session) exec(ctx context.Context, text string) error {
	_, err := s.conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// notice understands "progress 500/2000" and leaves the rest to the log.
func (s *session) notice(notice *pgconn.Notice) {
	if numbers, ok := strings.CutPrefix(notice.Message, "progress "); ok {
		first, second, _ := strings.Cut(numbers, "/")
		done, errDone := strconv.ParseInt(first, 10, 64)
		rows, errRows := strconv.ParseInt(second, 10, 64)
		if errors.Join(errDone, errRows) == nil && s.progress != nil {
			s.progress(done, rows)
			return
		}
	}
	s.options.Log.Debug("the server says", "message", notice.Message)
}

// marker returns the step that was begun, nil for none.
func (s *session) marker(ctx context.Context) (*Marker, error) {
	var there bool
	if err := s.conn.QueryRow(ctx, `select to_regclass('migration_running') is not null`).Scan(&there); err != nil || !there {
		return nil, wrap(err, "looking for an interrupted step")
	}
	var found Marker
	err := s.conn.QueryRow(ctx, `select version, up, statement, since from migration_running`).
		Scan(&found.Version, &found.Up, &found.Statement, &found.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &found, wrap(err, "reading the interrupted step")
}

// begin writes the marker of a step. Its position belongs to the statement
// that copies rows: how far each table is.
func (s *session) begin(ctx context.Context, version int64, up bool) error {
	return wrap(s.exec(ctx, fmt.Sprintf(`
		create table if not exists migration_running (
			version bigint not null, up boolean not null, statement integer not null,
			since timestamptz not null default now(), position jsonb not null default '{}');
		delete from migration_running;
		insert into migration_running (version, up, statement) values (%d, %t, 1)`, version, up)), "marking the step as begun")
}

// mark notes which statement is begun.
func (s *session) mark(ctx context.Context, statement int) error {
	return wrap(s.exec(ctx, fmt.Sprintf(`update migration_running set statement = %d where statement <> %[1]d`, statement)),
		"marking the statement as begun")
}

// unmark takes the marker away. Someone may read it just now.
func (s *session) unmark(ctx context.Context) error {
	return wrap(s.insist(ctx, func() error { return s.exec(ctx, `drop table if exists migration_running`) }, func() {}),
		"marking the step as done")
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// pause waits for that long, or until the context ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
