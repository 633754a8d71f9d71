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
	// Title says in a few words what it does.
	Title string
	// SQL is what the server is sent.
	SQL string
	// Locks are the table locks that it takes.
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

// Plan lists what To would do, from the database's version to the given one.
// It reads only.
func (m *Migrator) Plan(ctx context.Context, to int64) ([]PlannedStep, error) {
	return nil, nil
}

// To carries out every step between the database's version and the given
// one, up or down, whichever leads there. It returns the steps that were
// carried out, also on an error.
func (m *Migrator) To(ctx context.Context, version int64) ([]Step, error) {
	current, err := m.Version(ctx)
	if err != nil {
		return nil, err
	}
	if version < current {
		return m.Down(ctx, version)
	}
	return m.Up(ctx, version)
}
