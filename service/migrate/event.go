package migrate

import (
	"log/slog"
	"time"
)

// The kinds of events, in the order in which a statement has them.
const (
	// Begin says that a statement starts.
	Begin = "begin"
	// Progress says how far a long statement is.
	Progress = "progress"
	// Retry says that a statement did not get its lock and is tried again.
	Retry = "retry"
	// End says that a statement is done.
	End = "end"
	// Whole says that a whole step is done.
	Whole = "step"
)

// Options say who listens while steps run. The zero value is silent.
type Options struct {
	// Log receives what an operator should know later; nil discards it.
	Log *slog.Logger
	// Watch is called for every event, in order, from the goroutine that
	// migrates: it must not block. Nil watches nothing.
	Watch func(Event)
	// Patience is how long a statement is tried again while others keep its
	// tables in use; 0 is a minute.
	Patience time.Duration
}

// Event is one thing that happened while a step ran.
type Event struct {
	// Kind is Begin, Progress, Retry, End or Whole.
	Kind string
	// Version and Name identify the migration.
	Version int64
	Name    string
	// Up is false for a step down.
	Up bool
	// Statement counts from 1, Of is how many the step has; both are 0 for a
	// whole step.
	Statement, Of int
	// Title says in a few words what the statement does.
	Title string
	// Done and Rows are how many rows are through and how many there are, as
	// far as that is known; 0 when the statement does not count.
	Done, Rows int64
	// Took is how long the statement or the step ran so far.
	Took time.Duration
}

// Marker says that a step was begun and is not done: it runs now, or it was
// interrupted, and then the next run finishes it before anything else.
type Marker struct {
	// Version is the migration, Up its direction.
	Version int64
	Up      bool
	// Statement is the last one that was begun, from 1.
	Statement int
	// Since is when the step was begun.
	Since time.Time
}
