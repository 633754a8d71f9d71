package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/service/migrate"
)

// tellEvery is how often the progress of one statement is told where lines
// cannot be overwritten.
const tellEvery = 5 * time.Second

// terminalWidth is what every terminal has.
const terminalWidth = 79

// teller tells the course of a migration as it happens.
type teller interface {
	// event tells what the migrator reports.
	event(migrate.Event)
	// planned tells the steps that would be carried out.
	planned([]migrate.PlannedStep)
	// monitoring tells that the schema in which the replicas of marketd meet
	// was made, or why not.
	monitoring(err error)
	// done tells where the database is at the end.
	done(version, newest int64)
	// refused tells why it ended before; the program repeats that in its
	// last line.
	refused(error)
}

func newTeller(p program, asJSON bool) teller {
	if asJSON {
		return &tellPrograms{out: json.NewEncoder(p.out)}
	}
	return &tellPeople{out: p.out, progress: p.err, terminal: isTerminal(p.err)}
}

// isTerminal says whether a line can be overwritten.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// tellPeople writes what was reached to out, and what is going on to
// progress.
type tellPeople struct {
	out, progress io.Writer
	terminal      bool

	step int64         // the step whose head is written
	any  bool          // a step was done
	told time.Duration // when progress was last told, since the statement began
	open bool          // a line without its end is on the terminal
}

func (t *tellPeople) event(e migrate.Event) {
	if e.Kind == migrate.Whole {
		t.step, t.any = 0, true
		fmt.Fprintf(t.out, "%-4s %05d %-14s %6d ms\n", direction(e.Up), e.Version, e.Name, e.Took.Milliseconds())
		return
	}
	if t.step != e.Version {
		t.step = e.Version
		fmt.Fprintf(t.progress, "%s %05d %s\n", direction(e.Up), e.Version, e.Name)
	}
	tell := func(spent, more string) string {
		return fmt.Sprintf("  %*d/%d %10s  %s%s", len(strconv.Itoa(e.Of)), e.Statement, e.Of, spent, e.Title, more)
	}
	switch e.Kind {
	case migrate.Begin:
		t.told = 0
		t.passing(tell("…", ""), e.Took)
	case migrate.Progress:
		t.passing(tell(howFar(e)), e.Took)
	case migrate.Retry:
		t.passing(tell("waits", ": others use the table"), e.Took)
	case migrate.End:
		t.lasting(tell(strconv.FormatInt(e.Took.Milliseconds(), 10)+" ms", ""))
	}
}

// howFar is the percentage, and the rows behind it.
func howFar(e migrate.Event) (percent, rows string) {
	if e.Rows == 0 {
		return "…", fmt.Sprintf(": %d rows", e.Done)
	}
	return fmt.Sprintf("%d %%", min(100, 100*e.Done/e.Rows)), fmt.Sprintf(": %d of %d rows", e.Done, e.Rows)
}

// passing writes a line that the next one replaces; where that cannot be,
// now and then a line of its own.
func (t *tellPeople) passing(line string, since time.Duration) {
	switch {
	case t.terminal:
		// A line that wraps could not be overwritten.
		fmt.Fprintf(t.progress, "\r\x1b[K%.*s", terminalWidth, line)
		t.open = true
	case since-t.told >= tellEvery:
		t.told = since
		fmt.Fprintln(t.progress, line)
	}
}

func (t *tellPeople) lasting(line string) {
	if t.open {
		fmt.Fprint(t.progress, "\r\x1b[K")
		t.open = false
	}
	fmt.Fprintln(t.progress, line)
}

// planned writes SQL that could be read by psql, with the rest as comments.
func (t *tellPeople) planned(steps []migrate.PlannedStep) {
	if len(steps) == 0 {
		fmt.Fprintln(t.out, "-- There is nothing to do.")
		return
	}
	for _, step := range steps {
		fmt.Fprintf(t.out, "-- %s %05d %s: %d statements\n", direction(step.Up), step.Version, step.Name, len(step.Statements))
		for i, s := range step.Statements {
			fmt.Fprintf(t.out, "\n-- %d/%d  %s\n-- Locks: %s\n-- Blocking: %s\n%s\n",
				i+1, len(step.Statements), s.Title, locks(s.Locks), s.Blocking, s.SQL)
		}
		fmt.Fprintln(t.out)
	}
	fmt.Fprintln(t.out, "-- Nothing was done: leave out --dry-run to do it.")
}

func locks(all []migrate.Lock) string {
	words := make([]string, len(all))
	for i, lock := range all {
		words[i] = lock.Table + " " + lock.Mode
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

func (t *tellPeople) monitoring(err error) {
	if err != nil {
		fmt.Fprintf(t.progress, "schema monitoring is not made: %v; several marketd on this database will not know of each other\n", err)
		return
	}
	fmt.Fprintln(t.out, "made schema monitoring, where several marketd on this database meet")
}

func (t *tellPeople) done(version, newest int64) {
	if !t.any {
		fmt.Fprint(t.out, "nothing to do: ")
	}
	fmt.Fprintf(t.out, "the database is at %05d; the newest is %05d\n", version, newest)
}

func (t *tellPeople) refused(error) {
	if t.open {
		fmt.Fprintln(t.progress)
		t.open = false
	}
}

// tellPrograms writes one object a line.
type tellPrograms struct{ out *json.Encoder }

// line is one of those objects; what does not apply is left out.
type line struct {
	Event     string     `json:"event"`
	Version   *int64     `json:"version,omitempty"`
	Newest    int64      `json:"newest,omitempty"`
	Name      string     `json:"name,omitempty"`
	Up        *bool      `json:"up,omitempty"`
	Statement int        `json:"statement,omitempty"`
	Of        int        `json:"of,omitempty"`
	Title     string     `json:"title,omitempty"`
	Done      *int64     `json:"done,omitempty"`
	Rows      *int64     `json:"rows,omitempty"`
	TookMS    *int64     `json:"took_ms,omitempty"`
	SQL       string     `json:"sql,omitempty"`
	Locks     []lineLock `json:"locks,omitempty"`
	Blocking  string     `json:"blocking,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

type lineLock struct {
	Table string `json:"table"`
	Mode  string `json:"mode"`
}

// tell writes to a stream that may be gone: then there is no one to tell.
func (t *tellPrograms) tell(l line) { _ = t.out.Encode(l) }

func (t *tellPrograms) event(e migrate.Event) {
	took := e.Took.Milliseconds()
	l := line{
		Event: e.Kind, Version: &e.Version, Name: e.Name, Up: &e.Up,
		Statement: e.Statement, Of: e.Of, Title: e.Title, TookMS: &took,
	}
	if e.Kind == migrate.Progress {
		l.Done, l.Rows = &e.Done, &e.Rows
	}
	t.tell(l)
}

func (t *tellPrograms) planned(steps []migrate.PlannedStep) {
	for _, step := range steps {
		for i, s := range step.Statements {
			l := line{
				Event: "plan", Version: &step.Version, Name: step.Name, Up: &step.Up,
				Statement: i + 1, Of: len(step.Statements), Title: s.Title, SQL: s.SQL, Blocking: s.Blocking,
			}
			for _, lock := range s.Locks {
				l.Locks = append(l.Locks, lineLock(lock))
			}
			t.tell(l)
		}
	}
}

func (t *tellPrograms) monitoring(err error) {
	l := line{Event: "monitoring"}
	if err != nil {
		l.Reason = err.Error()
	}
	t.tell(l)
}

func (t *tellPrograms) done(version, newest int64) {
	t.tell(line{Event: "done", Version: &version, Newest: newest})
}

func (t *tellPrograms) refused(err error) {
	l := line{Event: "refused", Reason: err.Error()}
	if step, ok := refusedStep(err); ok {
		l.Version = &step
	}
	t.tell(l)
}

// refusedStep is the migration that refused, if it was one.
func refusedStep(err error) (int64, bool) {
	var step *migrate.Refused
	if errors.As(err, &step) {
		return step.Version, true
	}
	return 0, false
}
