package drive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Move is one move of the operator from a version of the schema to another.
type Move struct {
	From, To int64
	// Took is the time from the operator's command until the tool was done, with
	// everything that came between.
	Took time.Duration
	// Tries is how often the tool was called: once, unless it was stopped.
	Tries int
	// Unfinished says that the tool did not get there, and Problem what it said.
	Unfinished bool
	Problem    string
	// Name is that of the migration that was put on or taken back.
	Name string
	// Exclusive is how long writers were stopped by locks during the move, Stall
	// the longest time without an acknowledgement that touches it, and
	// Acknowledged how many prices were acknowledged meanwhile.
	Exclusive, Stall time.Duration
	Acknowledged     int64

	began, ended time.Time
}

// MoveTo brings the database from a version of the schema to another.
func (o Operator) MoveTo(ctx context.Context, from, to int64) error {
	if _, err := environ.Command(ctx, o.Tool, o.DSN, moving(from, to)...); err != nil {
		return fmt.Errorf("going from schema %d to %d: %w", from, to, err)
	}
	return nil
}

// moving are the arguments that have the tool go from a version to another.
func moving(from, to int64) []string {
	verb := "up"
	if to < from {
		verb = "down"
	}
	return []string{"migrate", verb, "--to", strconv.FormatInt(to, 10)}
}

// way is a way between versions as it is taken.
type way struct {
	operator Operator
	making   func(context.Context, *Move) error
	moves    []Move
	likeness Likeness
}

// take makes the moves one after the other and looks at the schema before and
// after each of them.
func (w *way) take(ctx context.Context, versions []int64) error {
	at, err := w.see(ctx)
	if err != nil {
		return err
	}
	for _, to := range versions {
		move := Move{From: at, To: to, began: time.Now()}
		err := w.making(ctx, &move)
		move.ended = time.Now()
		move.Took = move.ended.Sub(move.began)
		if err != nil {
			return err
		}
		if !move.Unfinished {
			if at, err = w.see(ctx); err != nil {
				return err
			}
			if at != to {
				move.Unfinished, move.Problem = true, fmt.Sprintf("the tool was content with schema %d", at)
			}
		}
		w.moves = append(w.moves, move)
		if move.Unfinished {
			return nil
		}
	}
	return nil
}

// closed says whether the way ended where it began.
func (w *way) closed() bool {
	last := w.moves[len(w.moves)-1]
	return !last.Unfinished && last.To == w.moves[0].From
}

// see looks at the schema and returns its version.
func (w *way) see(ctx context.Context) (int64, error) {
	version, err := SchemaVersion(ctx, w.operator.DSN)
	if err != nil {
		return 0, err
	}
	catalogue, err := ReadCatalogue(ctx, w.operator.DSN)
	if err != nil {
		return 0, err
	}
	w.likeness.See(version, catalogue)
	return version, nil
}

// look says of every move what could be seen of it from outside.
func (w *way) look(locks Locks, traded Outcome, names map[int64]string) {
	for i := range w.moves {
		m := &w.moves[i]
		m.Name = names[max(m.From, m.To)]
		m.Exclusive = locks.within(m.began, m.ended)
		m.Stall, m.Acknowledged = traded.Ledger.within(m.began.Sub(traded.began), m.ended.Sub(traded.began))
	}
}

// wayMeasures are those of the moves: how long they took, whether they got
// there, and how soon prices were taken after a way back.
func wayMeasures(moves []Move, traded Outcome) measure.Set {
	var longest, good time.Duration
	var back, unfinished int64
	says := ""
	for _, m := range moves {
		longest = max(longest, m.Took)
		if m.Unfinished {
			unfinished++
		}
		if m.To >= m.From {
			continue
		}
		back++
		took, served := m.good(traded)
		if took > good {
			good = took
			says = fmt.Sprintf("from %d to %d", m.From, m.To)
			if !served {
				says += ", and none until the end"
			}
		}
	}
	return measure.Set{
		"longest move":                     {Unit: "s", Amount: &measure.Amount{Value: longest.Seconds(), Of: int64(len(moves)), Says: fmt.Sprintf("longest of %d", len(moves))}},
		"rollback to the first good write": {Unit: "s", Amount: &measure.Amount{Value: good.Seconds(), Of: back, Says: says}},
		"migrations left unfinished":       count("migrations left unfinished", unfinished, int64(len(moves))),
	}
}

// good is the time from the command to the first acknowledgement of a price that
// came due after the move was done. If there was none it is the time to the end
// of the trading.
func (m Move) good(traded Outcome) (took time.Duration, served bool) {
	if at, ok := traded.Ledger.firstGoodAfter(m.ended.Sub(traded.began)); ok {
		return traded.began.Add(at).Sub(m.began), true
	}
	return traded.began.Add(traded.Load.Elapsed).Sub(m.began), false
}
