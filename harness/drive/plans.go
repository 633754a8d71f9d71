package drive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// Sample is what queries are asked about when their plans are wanted.
type Sample struct {
	// Symbol is an instrument that is listed and has prices and bars.
	Symbol string
	// From and To are the span that is asked for. Prices are stored at From,
	// as far as plans of storing are concerned.
	From, To time.Time
	// Since is from when on a price is recent; zero is RecentDays before To.
	Since time.Time
	// Limit is the most prices that are wanted of the span.
	Limit int
}

// PlannedQuery is a query and how the server carries it out.
type PlannedQuery struct {
	Name, SQL string
	Writes    bool
	Plan      plan.Node
}

// settledAfter is how often a query is carried out before its plan is read. Postgres
// plans the first five executions of a prepared statement for their values,
// and then decides whether to go on like that.
const settledAfter = 6

// PlanQueries asks the server how it carries the queries out, with the
// settings of the service's sessions. Reading queries are prepared and carried
// out as often as it takes until the server has made up its mind about them,
// and are then carried out once more, so that their plans tell what happened:
// that is what a connection of the service meets that has been open for a
// while. Queries that write are planned only.
//
// A parameter that nobody knows the meaning of is an error that names it.
func PlanQueries(ctx context.Context, dsn string, queries []ServiceQuery, sample Sample) ([]PlannedQuery, error) {
	var planned []PlannedQuery
	err := connected(ctx, dsn, "asking for the plans of queries", func(conn *pgx.Conn) error {
		for _, q := range queries {
			n, err := planOf(ctx, conn, q, sample)
			if err != nil {
				return finding(fmt.Sprintf("%s: %v", q.Name, plain(err)))
			}
			planned = append(planned, PlannedQuery{Name: q.Name, SQL: q.SQL, Writes: q.Writes, Plan: n})
		}
		return nil
	})
	return planned, err
}

func planOf(ctx context.Context, conn *pgx.Conn, q ServiceQuery, sample Sample) (plan.Node, error) {
	args, err := sample.arguments(ctx, conn, q)
	if err != nil {
		return plan.Node{}, err
	}
	for name, value := range q.Settings {
		if _, err := conn.Exec(ctx, `SELECT set_config($1, $2, false)`, name, value); err != nil {
			return plan.Node{}, err
		}
	}
	told := explainPlanned
	if !q.Writes {
		told = explainPrepared
	}
	text, err := told(ctx, conn, q.SQL, args)
	if err != nil {
		return plan.Node{}, err
	}
	n, err := plan.Parse([]byte(text))
	if err != nil {
		return plan.Node{}, finding(err.Error())
	}
	return n, nil
}

func explainPlanned(ctx context.Context, conn *pgx.Conn, sql string, args []any) (told string, err error) {
	err = conn.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&told)
	return told, err
}

// explainPrepared explains a statement that was prepared as a driver does it:
// EXECUTE knows it by its name.
func explainPrepared(ctx context.Context, conn *pgx.Conn, sql string, args []any) (told string, err error) {
	const name = "planned"
	if _, err := conn.Prepare(ctx, name, sql); err != nil {
		return "", err
	}
	for range settledAfter {
		rows, err := conn.Query(ctx, name, args...)
		if err != nil {
			return "", err
		}
		for rows.Next() { // every row crosses the wire, as for the service
		}
		if err := rows.Err(); err != nil {
			return "", err
		}
	}
	call := "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE " + name
	for i := range args {
		call += fmt.Sprintf("%s$%d", separator(i), i+1)
	}
	if len(args) > 0 {
		call += ")"
	}
	// Values of EXECUTE stand in its text.
	err = conn.QueryRow(ctx, call, slices.Concat([]any{pgx.QueryExecModeSimpleProtocol}, args)...).Scan(&told)
	return told, errors.Join(err, conn.Deallocate(ctx, name))
}

func separator(i int) string {
	if i == 0 {
		return "("
	}
	return ", "
}

// arguments are the values of a query's parameters.
func (s Sample) arguments(ctx context.Context, conn *pgx.Conn, q ServiceQuery) ([]any, error) {
	var id int32
	if slices.ContainsFunc(q.Parameters, func(name string) bool { return s.numbered(name, 0) != nil }) {
		err := conn.QueryRow(ctx, `SELECT id FROM instruments WHERE symbol = $1`, s.Symbol).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, finding(fmt.Sprintf("instrument %s is not listed, and its plan would tell of nothing", s.Symbol))
		}
		if err != nil {
			return nil, err
		}
	}
	args := make([]any, len(q.Parameters))
	for i, name := range q.Parameters {
		if args[i] = s.numbered(name, id); args[i] == nil {
			args[i] = s.named(name)
		}
		if args[i] == nil {
			return nil, finding(fmt.Sprintf("nobody knows what its parameter $%d, %q, means; "+
				"name it like one of the other queries, or teach the harness its meaning (Sample in harness/drive)", i+1, name))
		}
	}
	return args, nil
}

// numbered is the value of a parameter that is made of the instrument's
// number; nil is not one of those.
func (s Sample) numbered(name string, id int32) any {
	switch name {
	case "id":
		return id
	case "ids", "trade instruments", "bar instruments":
		return []int32{id}
	}
	return nil
}

func (s Sample) named(name string) any {
	const figure = 100.0
	switch name {
	case "symbol":
		return s.Symbol
	case "symbols":
		return []string{s.Symbol}
	case "names":
		return []string{""}
	case "deleted":
		return false
	case "from":
		return s.From
	case "to":
		return s.To
	case "trade time":
		return s.From
	case "trade number":
		return int64(0)
	case "trade price", "trade volume":
		return figure
	case "since":
		if s.Since.IsZero() {
			return s.To.AddDate(0, 0, -RecentDays)
		}
		return s.Since
	case "limit":
		return s.Limit
	case "trade times", "bar days":
		return []time.Time{s.From}
	case "trade numbers":
		return []int64{0}
	case "trade prices", "trade volumes", "bar opens", "bar highs", "bar lows", "bar closes", "bar volumes":
		return []float64{figure}
	}
	return nil
}
