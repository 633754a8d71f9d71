package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

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
	return fmt.Errorf("migration %05d stopped: the server answered with SQLSTATE %s, and the log has its words; "+
		"what is done stays, so take the cause away and run it again", version, server.Code)
}
