package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CataloguedStatement is a statement of the service whose plan may be asked
// for.
type CataloguedStatement struct {
	Name string
	SQL  string
	// Parameters counts $1, $2 and so on.
	Parameters int
}

// QueryPlan is how the server would execute a statement whatever its
// parameters are: the body of GET /api/health/queries/{name}/plan.
type QueryPlan struct {
	Name string `json:"name"`
	// Version is the server's version, such as "17.2".
	Version string `json:"version"`
	// PlannedAt is when the server was asked, in UTC; AgeMS is how long ago.
	PlannedAt time.Time `json:"planned_at"`
	AgeMS     int64     `json:"age_ms"`
	SQL       string    `json:"sql"`
	// Method is "generic_plan", or "prepared" on a server before version 16.
	Method string `json:"method"`
	// Plan is the first element of what EXPLAIN (FORMAT JSON) says.
	Plan json.RawMessage `json:"plan"`
}

var (
	// ErrNoStatement says that the catalogue has no statement of that name.
	ErrNoStatement = errors.New("the catalogue has no statement of this name")
	// ErrNotPlannable says that the server answered that it cannot plan the statement.
	ErrNotPlannable = errors.New("the server cannot plan this statement")
)

const (
	// planKept is how long a plan is told again without asking.
	planKept = 10 * time.Second
	// planTime is how long a question may take, waiting included.
	planTime = time.Second
	// planName is the prepared statement on servers before version 16.
	planName = "marketd_plan"
)

// plans asks for one plan at a time.
type plans struct {
	flight turn
	mu     sync.Mutex
	known  map[string]QueryPlan
}

func newPlans() *plans { return &plans{flight: make(turn, 1), known: map[string]QueryPlan{}} }

// recent is the plan if it was asked for of late.
func (p *plans) recent(name string) (QueryPlan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, known := p.known[name]
	age := time.Since(plan.PlannedAt)
	plan.AgeMS = max(0, age.Milliseconds())
	return plan, known && age < planKept
}

// Plan tells how the server would execute a statement of the catalogue. It
// executes nothing, takes no longer than about a second, and asks the server
// for the same plan once in ten seconds at most. Its errors are ErrNoStatement,
// ErrNotPlannable with the server's reason, and those of a database that does
// not answer.
func (s *Service) Plan(ctx context.Context, name string) (QueryPlan, error) {
	at := slices.IndexFunc(s.config.Statements, func(c CataloguedStatement) bool { return c.Name == name })
	if at < 0 || s.config.Pool == nil {
		return QueryPlan{}, ErrNoStatement
	}
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	if plan, known := s.plans.recent(name); known {
		return plan, nil
	}
	if err := s.plans.flight.take(ctx); err != nil {
		return QueryPlan{}, err
	}
	defer s.plans.flight.end()
	if plan, known := s.plans.recent(name); known {
		return plan, nil
	}
	if err := s.aside.turn.take(ctx); err != nil {
		return QueryPlan{}, err
	}
	defer s.aside.turn.end()
	plan, err := s.explain(ctx, s.config.Statements[at])
	if err != nil {
		return QueryPlan{}, fmt.Errorf("planning %q: %w", name, err)
	}
	s.plans.mu.Lock()
	s.plans.known[name] = plan
	s.plans.mu.Unlock()
	return plan, nil
}

func (s *Service) explain(ctx context.Context, statement CataloguedStatement) (QueryPlan, error) {
	conn, err := s.config.Pool.Acquire(ctx)
	if err != nil {
		return QueryPlan{}, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Release()
	plan := QueryPlan{
		Name: statement.Name, SQL: statement.SQL, Method: "generic_plan",
		PlannedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	var version int
	if err := conn.QueryRow(ctx, `select split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::int`).
		Scan(&plan.Version, &version); err != nil {
		return plan, fmt.Errorf("reading the version: %w", err)
	}
	ask := `explain (generic_plan, settings, format json) ` + statement.SQL
	if version < version16 {
		plan.Method = "prepared"
		if err := plain(ctx, conn.Conn(), `prepare `+planName+` as `+statement.SQL); err != nil {
			return plan, planProblem(err)
		}
		defer func() {
			if plain(ctx, conn.Conn(), `deallocate `+planName) != nil {
				_ = conn.Conn().Close(context.WithoutCancel(ctx)) // the pool opens another one
			}
		}()
		ask = `explain (settings, format json) execute ` + planName
		if statement.Parameters > 0 {
			ask += `(` + strings.TrimSuffix(strings.Repeat("null, ", statement.Parameters), ", ") + `)`
		}
	}
	err = pgx.BeginFunc(ctx, conn.Conn(), func(tx pgx.Tx) error {
		for name, value := range s.config.Settings {
			if strings.HasSuffix(name, "_timeout") { // the monitor's own are shorter
				continue
			}
			if _, err := tx.Exec(ctx, `select set_config($1, $2, true)`, name, value); err != nil {
				return fmt.Errorf("setting %s: %w", name, err)
			}
		}
		if _, err := tx.Exec(ctx, `set local plan_cache_mode = force_generic_plan`); err != nil {
			return fmt.Errorf("asking for a generic plan: %w", err)
		}
		told, err := tx.Conn().PgConn().Exec(ctx, ask).ReadAll()
		if err != nil {
			return planProblem(err)
		}
		return firstPlan(told, &plan.Plan)
	})
	return plan, err
}

// plain sends one statement without parameters in the simple protocol, in
// which $1 needs no value.
func plain(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// planProblem tells a statement that cannot be planned from a server that does
// not answer or would have to wait.
func planProblem(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		switch answer.Code[:min(2, len(answer.Code))] {
		case "08", "53", "55", "57", "58", "XX":
		default:
			return fmt.Errorf("%w: %w", ErrNotPlannable, err)
		}
	}
	return err
}

func firstPlan(told []*pgconn.Result, plan *json.RawMessage) error {
	var text []byte
	for _, result := range told {
		for _, row := range result.Rows {
			for _, value := range row {
				text = append(text, value...)
			}
		}
	}
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("reading a plan of %d bytes: %w", len(text), err)
	}
	if len(all) == 0 {
		return ErrNotPlannable
	}
	*plan = all[0]
	return nil
}
