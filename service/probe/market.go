package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	store "github.com/signoff-dev/signoff/service/market"
)

// market is what the database has of the market.
type market struct {
	// split says that it has a register, ticks and bars, floats that its
	// figures are binary, partitioned that its ticks are in partitions.
	split, floats, partitioned bool
}

func findMarket(ctx context.Context, conn *pgx.Conn) (m market, err error) {
	err = conn.QueryRow(ctx, `
		select to_regclass('instruments') is not null and c.oid is not null,
			coalesce((select atttypid = 'float8'::regtype from pg_attribute where attrelid = c.oid and attname = 'price'), false),
			coalesce(c.relkind = 'p', false)
		from (select to_regclass('ticks') as ticks) as t left join pg_class c on c.oid = t.ticks`).
		Scan(&m.split, &m.floats, &m.partitioned)
	return m, err
}

// statement is the service's own of that name.
func statement(name string) (string, error) {
	all := store.Queries()
	at := slices.IndexFunc(all, func(q store.Query) bool { return q.Name == name })
	if at < 0 {
		return "", fmt.Errorf("looking for the service's statement %q: there is none", name)
	}
	return all[at].SQL, nil
}

// question is one that the market can be asked.
type question struct {
	sql  string
	args []any
}

// newest is an instrument that has rows, and the moment of its newest.
type newest struct {
	symbol string
	at     time.Time
}

// span is the question for the newest day of an instrument's ticks, or the
// newest year of its bars where there are no ticks.
func (m market) span(ctx context.Context, conn *pgx.Conn) (question, error) {
	if !m.split {
		n, err := find(ctx, conn, `
			select symbol, (select max(at) from market_data d where d.kind = o.kind and d.symbol = o.symbol)
			from (select kind, symbol from market_data limit 1) as o`)
		return question{`
			select at, trade, close::float8, volume::float8 from market_data
			where kind in ('tick', 'bar') and symbol = $1 and at >= $2 and at < $3
			order by at, trade limit 1000`, []any{n.symbol, n.at.AddDate(0, 0, -1), n.at.Add(time.Second)}}, err
	}
	n, err := m.newestTick(ctx, conn)
	if err == nil {
		sql, err := statement("prices of a span")
		return question{sql, []any{n.symbol, false, n.at.AddDate(0, 0, -1), n.at.Add(time.Second), 1000}}, err
	}
	if !errors.Is(err, errTooFewRows) {
		return question{}, err
	}
	n, err = find(ctx, conn, `
		select i.symbol, (select max(day)::timestamptz from bars b where b.instrument_id = i.id)
		from instruments i where i.id = (select instrument_id from bars limit 1)`)
	if err != nil {
		return question{}, err
	}
	sql, err := statement("daily bars")
	return question{sql, []any{n.symbol, false, n.at.AddDate(-1, 0, 0), n.at.AddDate(0, 0, 1)}}, err
}

func (m market) newestTick(ctx context.Context, conn *pgx.Conn) (newest, error) {
	return find(ctx, conn, `
		select i.symbol, (select max(at) from ticks t where t.instrument_id = i.id)
		from instruments i where i.id = (select instrument_id from ticks limit 1)`)
}

func find(ctx context.Context, conn *pgx.Conn, sql string) (n newest, err error) {
	err = conn.QueryRow(ctx, sql).Scan(&n.symbol, &n.at)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errTooFewRows
	}
	n.at = n.at.UTC()
	return n, err
}

// plan is how the server would answer a question.
type plan struct {
	// cost is the planner's, without that of finding the instrument's number,
	// and tables are those that are read.
	cost   float64
	tables []string
}

type planNode struct {
	Cost     float64    `json:"Total Cost"`
	Relation string     `json:"Relation Name"`
	Role     string     `json:"Parent Relationship"`
	Plans    []planNode `json:"Plans"`
}

func explain(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, q question) (plan, error) {
	var told string
	if err := conn.QueryRow(ctx, `explain (format json) `+strings.TrimSpace(q.sql), q.args...).Scan(&told); err != nil {
		return plan{}, err
	}
	var trees []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(told), &trees); err != nil || len(trees) == 0 {
		return plan{}, fmt.Errorf("reading a plan of %d bytes: %w", len(told), err)
	}
	p := plan{cost: trees[0].Plan.Cost}
	p.gather(trees[0].Plan)
	return p, nil
}

func (p *plan) gather(n planNode) {
	if n.Relation != "" && !slices.Contains(p.tables, n.Relation) {
		p.tables = append(p.tables, n.Relation)
	}
	for _, inner := range n.Plans {
		if inner.Role == "InitPlan" {
			p.cost -= inner.Cost
		}
		p.gather(inner)
	}
}
