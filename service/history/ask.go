package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Point is what was measured in one step. A step in which nothing was measured
// has no point.
type Point struct {
	// At is when the step begins, in UTC.
	At time.Time `json:"at"`
	// Least, Mean and Greatest are of Count seconds.
	Least    float64 `json:"least"`
	Mean     float64 `json:"mean"`
	Greatest float64 `json:"greatest"`
	Count    int64   `json:"count"`
}

// Answer is what is known about a Question.
type Answer struct {
	// From and To are the time that is answered for, in whole steps.
	From, To time.Time
	// Step is between two points, Resolution between the rows that they were
	// made of.
	Step, Resolution time.Duration
	// Memory says that there are no tables, and this process knows only what
	// it measured itself.
	Memory bool
	// Oldest is the oldest that there is of this resolution; nil is nothing.
	Oldest *time.Time
	// Points are those of each measure in the order of the question.
	Points [][]Point
}

// What an answer is made of. A row is unpacked once for all measures: the empty
// path leads to the whole of it. $1 are the measures, of which %[1]d is one.
const (
	askSQL = `select date_bin($4::interval, at, timestamptz 'epoch')%[1]s from (
			select at%[2]s from (select at, figures #> '{}' as figures from monitoring.%[3]s where at >= $2 and at < $3 offset 0) s offset 0
		) rows group by 1 order by 1`
	oneOfRow     = `, figures -> ($1::text[])[%[1]d] as f%[1]d`
	oneOfSeconds = `, min(f%[1]d::float8), least(max(f%[1]d::float8), greatest(min(f%[1]d::float8), avg(f%[1]d::float8))),
		max(f%[1]d::float8), count(f%[1]d)`
	oneOfOthers = `, min((f%[1]d -> 0)::float8), least(max((f%[1]d -> 2)::float8), greatest(min((f%[1]d -> 0)::float8),
			sum((f%[1]d -> 1)::float8 * (f%[1]d -> 3)::float8) / sum((f%[1]d -> 3)::float8))),
		max((f%[1]d -> 2)::float8), sum((f%[1]d -> 3)::bigint)::bigint`
	oldestSQL = `select min(at) from monitoring.%s`
)

// Ask answers a question. A database that does not answer within a second is not
// waited for. Its errors are Invalid, ErrBusy, or
// those of a database that does not answer.
func (k *Keeper) Ask(ctx context.Context, q Question) (Answer, error) {
	now := time.Now()
	p, err := q.plan(now, resolutions())
	if err != nil {
		return Answer{}, err
	}
	if k.tables() {
		answer, err := k.askTables(ctx, p)
		if !k.lack(err) {
			return answer, err
		}
	}
	if p, err = q.plan(now, resolutions()[:1]); err != nil {
		return Answer{}, err
	}
	return k.memory.ask(p), nil
}

func (k *Keeper) askTables(ctx context.Context, p plan) (Answer, error) {
	answer := Answer{From: p.from, To: p.to, Step: p.step, Resolution: p.source.step, Points: empty(p.measures)}
	err := k.alone(ctx, func() error {
		// Between two parts the next second may be written.
		part := max(p.step, (partRows * p.source.step).Truncate(p.step))
		for from := p.from; from.Before(p.to); from = from.Add(part) {
			if err := k.askPart(ctx, p, from, earliest(p.to, from.Add(part)), answer.Points); err != nil {
				return fmt.Errorf("reading %s: %w", p.source.table, err)
			}
		}
		return k.query(ctx, func(rows pgx.Rows) error { return rows.Scan(&answer.Oldest) }, fmt.Sprintf(oldestSQL, p.source.table))
	})
	if answer.Oldest != nil {
		*answer.Oldest = answer.Oldest.UTC()
	}
	return answer, err
}

// askPart adds the points of a part of the time, which is whole steps.
func (k *Keeper) askPart(ctx context.Context, p plan, from, to time.Time, points [][]Point) error {
	of := oneOfOthers
	if p.source.step == time.Second {
		of = oneOfSeconds
	}
	var inRow, inAnswer strings.Builder
	var at time.Time
	read := make([]struct {
		least, mean, greatest *float64
		count                 *int64
	}, len(p.measures))
	into := []any{&at}
	for i := range p.measures {
		fmt.Fprintf(&inRow, oneOfRow, i+1)
		fmt.Fprintf(&inAnswer, of, i+1)
		into = append(into, &read[i].least, &read[i].mean, &read[i].greatest, &read[i].count)
	}
	return k.query(ctx, func(rows pgx.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, r := range read {
			if r.mean != nil {
				points[i] = append(points[i], Point{at.UTC(), *r.least, *r.mean, *r.greatest, *r.count})
			}
		}
		return nil
	}, fmt.Sprintf(askSQL, &inAnswer, &inRow, p.source.table), p.measures, from, to, p.step)
}

// alone lets one at a time read.
func (k *Keeper) alone(ctx context.Context, read func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case k.asking <- struct{}{}:
		defer func() { <-k.asking }()
		return read()
	case <-ctx.Done():
		return ErrBusy
	}
}

// query reads rows, within the patience.
func (k *Keeper) query(ctx context.Context, each func(pgx.Rows) error, sql string, arguments ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := k.config.Pool.Query(ctx, sql, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// empty has a list without points for each measure.
func empty(measures []string) [][]Point {
	lists := make([][]Point, len(measures))
	for i := range lists {
		lists[i] = []Point{}
	}
	return lists
}
