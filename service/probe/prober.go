package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DefaultBudget is what a round may take of the database's time.
const DefaultBudget = time.Second

// The shares of the parts in the budget, in per cent. A statement ends before
// a fifth of it is over.
const (
	shareOfIndexes   = 11
	shareOfPool      = 9
	shareOfStock     = 38
	shareOfInserts   = 22
	shareOfAggregate = 10 // each of two
	shareOfStatement = 20
	// shareOfAll is for the whole round, with what the network takes.
	shareOfAll = 500
)

// Prober carries out rounds.
type Prober struct {
	// Database is where the market is. Required.
	Database *pgx.ConnConfig
	// Settings are those of the sessions that serve the market.
	Settings map[string]string
	// Log receives what could not be measured and why. Nil discards it.
	Log *slog.Logger
	// Budget is what a round may take of the database's time; zero is
	// DefaultBudget.
	Budget time.Duration

	ends time.Time // of the round's budget
}

// share is one of the budget.
func (p Prober) share(percent int64) time.Duration {
	if p.Budget == 0 {
		p.Budget = DefaultBudget
	}
	return time.Duration(int64(p.Budget) * percent / 100)
}

// within is a share of the budget, or what is left of it all.
func (p Prober) within(percent int64) time.Duration {
	return min(p.share(percent), time.Until(p.ends))
}

// Measure carries out one round.
func (p Prober) Measure(ctx context.Context) (Round, []Metric) {
	ctx, cancel := context.WithTimeout(ctx, p.share(shareOfAll))
	defer cancel()
	began := time.Now()
	p.ends = began.Add(p.share(100))
	metrics, err := p.measure(ctx)
	ended := time.Now().UTC()
	round := Round{State: stateMeasured, At: &ended, SpentMS: pointer(milliseconds(time.Since(began).Seconds()))}
	if err != nil {
		p.note(ctx, "connecting", err)
		round.State, round.Reason = stateFailed, pointer("database_unreachable")
	}
	for i := range metrics {
		if metrics[i].Value != nil {
			metrics[i].MeasuredAt = &ended
		}
	}
	return round, metrics
}

func (p Prober) measure(ctx context.Context) ([]Metric, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config())
	if err != nil {
		return nil, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // with it goes whatever was not taken back
	}()
	m, err := findMarket(ctx, conn)
	if err != nil {
		return nil, err
	}
	var metrics []Metric
	for _, part := range []struct {
		names []string
		do    func(ctx context.Context, conn *pgx.Conn, m market) ([]Metric, error)
	}{
		{[]string{IndexEfficiency}, p.indexes},
		{[]string{PartitionEfficiency, PartitionCost}, partitions},
		{[]string{PoolEffect}, p.pool},
		{[]string{IndexSize, StorageEfficiency, FloatSpeedupVWAP, FloatSpeedupSum, InsertImprovement}, p.twins},
	} {
		found, err := []Metric(nil), errOutOfBudget
		if time.Now().Before(p.ends) {
			found, err = part.do(ctx, conn, m)
		}
		if err != nil {
			p.note(ctx, part.names[0], err)
		}
		metrics = append(metrics, completed(found, part.names, err)...)
	}
	return metrics, nil
}

// completed gives every name a figure, if need be one that says why it is not
// there.
func completed(found []Metric, names []string, err error) []Metric {
	known := map[string]bool{}
	for i, m := range found {
		known[m.Name] = true
		if m.Value == nil && err != nil {
			found[i] = absent(m.Name, reasonOf(err))
		}
	}
	for _, name := range names {
		if !known[name] {
			found = append(found, absent(name, reasonOf(err)))
		}
	}
	return found
}

// config is that of a session of the probe: it serves nobody and waits for
// nobody.
func (p Prober) config() *pgx.ConnConfig {
	config := p.Database.Copy()
	if config.RuntimeParams == nil {
		config.RuntimeParams = map[string]string{}
	}
	maps.Copy(config.RuntimeParams, p.Settings)
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name":                    "marketd probe",
		"lock_timeout":                        "100ms",
		"statement_timeout":                   fmt.Sprint(p.share(shareOfStatement).Milliseconds()),
		"idle_in_transaction_session_timeout": "2s",
	})
	config.Tracer = nil
	config.ConnectTimeout = time.Second
	return config
}

func (p Prober) note(ctx context.Context, part string, err error) {
	if p.Log != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errNotApplicable) &&
		!errors.Is(err, errTooFewRows) && !errors.Is(err, errOutOfBudget) {
		p.Log.WarnContext(ctx, "performance could not be measured", "part", part, "error", err.Error())
	}
}

// Why a part measured nothing, though nothing is wrong.
var (
	errNotApplicable = errors.New("this version of the schema has no such thing")
	errTooFewRows    = errors.New("the market has too few rows")
	errOutOfBudget   = errors.New("the time of the round was over")
)

// reasonOf is the fixed code of an error.
func reasonOf(err error) string {
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, errNotApplicable):
		return NotApplicable
	case errors.Is(err, errTooFewRows):
		return TooFewRows
	case err == nil, errors.Is(err, errOutOfBudget):
		return OutOfBudget
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case !errors.As(err, &refused):
		return Unavailable
	}
	switch refused.Code {
	case "57014", "55P03", "40P01":
		return TimedOut
	case "42501", "25006":
		return NotPermitted
	}
	return Unavailable
}
