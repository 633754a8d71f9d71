package migrate

import "context"

// PlannedStep is a step as it would be carried out.
type PlannedStep struct {
	// Version and Name identify the migration.
	Version int64
	Name    string
	// Up is false for a step down.
	Up bool
	// Statements are carried out in this order, each on its own.
	Statements []Planned
}

// Planned is one statement of a step.
type Planned struct {
	// Title says in a few words what it does. It ends with "(in every
	// session)" for what prepares the session and with "(after a refusal)"
	// for what only takes back.
	Title string
	// SQL is what the server is sent.
	SQL string
	// Locks are the table locks that it takes and that others may notice.
	Locks []Lock
	// Blocking says who has to wait for it, and how long.
	Blocking string
}

// Lock is a lock on a table.
type Lock struct {
	// Table is the table's name, Mode the lock's, as Postgres writes it:
	// "SHARE UPDATE EXCLUSIVE".
	Table string
	Mode  string
}

// Plan lists what To would do, from the database's version to the given one,
// after the step that was interrupted, if one was. It reads only.
func (m *Migrator) Plan(ctx context.Context, to int64) ([]PlannedStep, error) {
	if err := m.preflight(ctx, to); err != nil {
		return nil, err
	}
	current, err := m.Version(ctx)
	if err != nil {
		return nil, err
	}
	var steps []PlannedStep
	running, err := m.running(ctx)
	if err != nil {
		return nil, err
	}
	if running != nil && running.Version <= m.Newest() {
		steps = append(steps, m.plan(running.Version, running.Up, running.Statement-1))
		if current = running.Version; !running.Up {
			current--
		}
	}
	for ; current < to; current++ {
		steps = append(steps, m.plan(current+1, true, 0))
	}
	for ; current > to; current-- {
		steps = append(steps, m.plan(current, false, 0))
	}
	return steps, nil
}

// plan lists the statements of a step from the one with that index on.
func (m *Migrator) plan(version int64, up bool, from int) PlannedStep {
	s := m.scripts[version-1]
	step := PlannedStep{Version: version, Name: s.name, Up: up}
	if callsEngine(s.statements(up)) {
		step.Statements = append(step.Statements, Planned{
			Title: "make the procedures that the steps share (in every session)", SQL: m.engine, Blocking: "nobody",
		})
	}
	for i, st := range s.statements(up) {
		planned := Planned{Title: st.title, SQL: st.sql, Locks: st.locks, Blocking: st.blocking}
		switch {
		case st.only == everySession:
			planned.Title += " (in every session)"
		case i < from:
			continue
		case st.only == afterRefusal:
			planned.Title += " (after a refusal)"
		}
		step.Statements = append(step.Statements, planned)
	}
	return step
}
