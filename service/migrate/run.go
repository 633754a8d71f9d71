package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	refusedByStep    = "SG001"
	lockNotAvailable = "55P03"
	deadlock         = "40P01"
	notSerializable  = "40001"
	notAllowed       = "42501"

	// shortestPause and longestPause bound the random wait between two tries.
	shortestPause = 20 * time.Millisecond
	longestPause  = 400 * time.Millisecond
)

// errTakenBack says that a step was found half taken back after a refusal,
// and is now taken back wholly.
var errTakenBack = errors.New("the interrupted step was taken back")

// carryOut runs the statements of a step one by one, from the one with that
// index on.
func (s *session) carryOut(ctx context.Context, step script, up bool, from int) error {
	statements := step.statements(up)
	if from == 0 {
		if err := s.begin(ctx, step.version, up); err != nil {
			return err
		}
	}
	if err := s.prepare(ctx, statements); err != nil {
		return err
	}
	if from < len(statements) && statements[from].only == afterRefusal {
		return errors.Join(errTakenBack, s.takeBack(ctx, step, up, from))
	}
	for i := from; i < len(statements); i++ {
		if statements[i].only != always {
			continue
		}
		err := s.carryOutOne(ctx, step, up, i)
		if err == nil {
			continue
		}
		var server *pgconn.PgError
		if !errors.As(err, &server) || interrupted(server) || errors.Is(err, ErrBusy) || ctx.Err() != nil {
			return err // the next run goes on from here
		}
		undo := firstUndo(statements, i)
		if undo < 0 && i > firstAlways(statements) {
			return err
		}
		if undone := s.takeBack(ctx, step, up, undo); undone != nil {
			return errors.Join(err, undone)
		}
		if server.Code == refusedByStep {
			return &Refused{Version: step.version, Reason: server.Message}
		}
		return err
	}
	return nil
}

// prepare makes the procedures of this session that the step calls.
func (s *session) prepare(ctx context.Context, statements []statement) error {
	if !s.prepared && callsEngine(statements) {
		if err := s.exec(ctx, s.engine); err != nil {
			return fmt.Errorf("making the procedures of the session: %w", err)
		}
		s.prepared = true
	}
	for _, st := range statements {
		if st.only != everySession {
			continue
		}
		if err := s.exec(ctx, st.sql); err != nil {
			return fmt.Errorf("%s: %w", st.title, err)
		}
	}
	return nil
}

func callsEngine(statements []statement) bool {
	return slices.ContainsFunc(statements, func(st statement) bool { return strings.Contains(st.sql, "pg_temp.") })
}

// firstUndo is the first statement after the failed one that takes back; -1
// for none, because there is nothing to take back or no way back.
func firstUndo(statements []statement, failed int) int {
	for i := failed; i < len(statements); i++ {
		if statements[i].only == afterRefusal {
			return i
		}
	}
	return -1
}

func firstAlways(statements []statement) int {
	for i, st := range statements {
		if st.only == always {
			return i
		}
	}
	return 0
}

// takeBack runs what takes back the step, and removes its marker.
func (s *session) takeBack(ctx context.Context, step script, up bool, from int) error {
	statements := step.statements(up)
	for i := from; from >= 0 && i < len(statements); i++ {
		if statements[i].only != afterRefusal {
			continue
		}
		if err := s.carryOutOne(ctx, step, up, i); err != nil {
			return fmt.Errorf("taking the step back: %w", err)
		}
	}
	return s.unmark(ctx)
}

func (s *session) carryOutOne(ctx context.Context, step script, up bool, i int) error {
	statements := step.statements(up)
	st := statements[i]
	event := Event{
		Version: step.version, Name: step.name, Up: up,
		Statement: i + 1, Of: len(statements), Title: st.title,
	}
	begun := time.Now()
	say := func(kind string) {
		event.Kind, event.Took = kind, time.Since(begun)
		s.options.Watch(event)
	}
	if err := s.mark(ctx, i+1); err != nil {
		return err
	}
	event.Kind = Begin
	say(Begin)
	s.progress = func(done, rows int64) {
		event.Done, event.Rows = done, rows
		say(Progress)
	}
	defer func() { s.progress = nil }()
	if err := s.insist(ctx, func() error { return s.try(ctx, st) }, func() { say(Retry) }); err != nil {
		return fmt.Errorf("statement %d, to %s: %w", i+1, st.title, err)
	}
	say(End)
	return nil
}

// try sends the statement once.
func (s *session) try(ctx context.Context, st statement) error {
	if st.index != "" {
		if err := s.dropInvalid(ctx, st.index); err != nil {
			return err
		}
	}
	if st.patience == 0 {
		return s.exec(ctx, st.sql)
	}
	if err := s.exec(ctx, fmt.Sprintf(`set lock_timeout = '%dms'`, st.patience.Milliseconds())); err != nil {
		return err
	}
	err := s.exec(ctx, st.sql)
	if s.conn.IsClosed() {
		return err
	}
	return errors.Join(err, s.exec(ctx, `set lock_timeout = '`+lockTimeout+`'`))
}

// dropInvalid drops what an interruption left of an index.
func (s *session) dropInvalid(ctx context.Context, index string) error {
	var invalid bool
	err := s.conn.QueryRow(ctx, `
		select exists (select from pg_index where indexrelid = to_regclass($1) and not indisvalid)`, index).Scan(&invalid)
	if err != nil || !invalid {
		return err
	}
	return s.exec(ctx, `drop index concurrently if exists `+pgx.Identifier{index}.Sanitize())
}

// insist tries until it succeeds, or fails for another reason than others who
// use the tables, or patience is over. It waits a random while between tries,
// so that two who want the same lock do not meet again.
func (s *session) insist(ctx context.Context, try func() error, again func()) error {
	longest := shortestPause
	for begun := time.Now(); ; {
		err := try()
		if err == nil || !busy(err) {
			return err
		}
		if time.Since(begun) > s.options.Patience {
			return fmt.Errorf("trying for %s: %w", s.options.Patience, ErrBusy)
		}
		s.options.Log.WarnContext(ctx, "tables are in use, trying again", "error", err.Error())
		again()
		if err := pause(ctx, shortestPause+rand.N(longest)); err != nil {
			return err
		}
		longest = min(2*longest, longestPause)
	}
}

func busy(err error) bool {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return false
	}
	return server.Code == lockNotAvailable || server.Code == deadlock || server.Code == notSerializable
}

// interrupted says that the server stopped, ran out of something or lost the
// connection: the statement itself may be right.
func interrupted(server *pgconn.PgError) bool {
	return strings.HasPrefix(server.Code, "57") || strings.HasPrefix(server.Code, "53") ||
		strings.HasPrefix(server.Code, "58") || strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "XX")
}
