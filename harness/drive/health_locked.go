package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Blockade is maintenance that locks a part of the prices, while an operator
// asks how the service is.
type Blockade struct {
	For time.Duration
	// Rate is how often the operator asks every question, a second.
	Rate int
	// Lock takes the lock.
	Lock func(ctx context.Context) (Hold, error)
}

// question is one that operators ask, with the contract of its answer.
type question struct {
	path, contract string
	refusable      bool // the answer may be that it cannot be told
}

// answered reports whether an answer is as agreed.
func (q question) answered(r reply) bool {
	if q.refusable && r.status >= http.StatusBadRequest {
		return contracts.Check("http/error", r.raw) == nil
	}
	return contracts.Check(q.contract, r.raw) == nil
}

// operatorsQuestions are all that the service answers about itself.
func operatorsQuestions() []question {
	var all []question
	for _, q := range [][2]string{
		{"/api/health", "http/health"},
		{"/api/health/live", "http/health_live"},
		{"/api/health/ready", "http/health_ready"},
		{"/api/health/database", "http/health_database"},
		{"/api/health/performance", "http/health_performance"},
		{"/api/health/partitions", "http/health_partitions"},
		{"/api/history?measure=pool.utilisation", "http/history"},
		{"/api/history/measures", "http/history_measures"},
		{"/api/alerts", "http/alerts"},
		{"/api/alerts/history", "http/alerts_history"},
		{"/api/alerts/rules", "http/alerts_rules"},
		{"/api/alerts/silences", "http/alerts_silences"},
	} {
		all = append(all, question{path: q[0], contract: q[1]})
	}
	return all
}

// planQuestion asks how the server would read the very table that is locked.
func planQuestion() question {
	return question{path: "/api/health/queries/prices%20of%20a%20span/plan", contract: "http/health_query_plan", refusable: true}
}

// staleAfter is the age in milliseconds beyond which what an answer tells and
// does not mark as stale pretends to be fresh: the database is looked at each
// second, the partitions each ten, and a look may be late.
func staleAfter() map[string]float64 {
	return map[string]float64{"http/health_database": 3000, "http/health_partitions": 20_000}
}

// AskUnderLock asks every question that operators ask, while the lock is held,
// and listens to the live figures. It yields "answers that break their schema", counted of all answers, "health
// answers missed", counted of all questions, "health answer" in milliseconds from
// the moment a question was due (a missed answer counts with the whole patience
// of 5 s), "old figures told as fresh": answers about the database and its
// partitions that are older than 3 s and 20 s and do not say that they are stale, of
// those; and "pause between figures" as Market.Follow does.
func (m *Market) AskUnderLock(ctx context.Context, b Blockade) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	hold, err := b.Lock(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	questions := append(operatorsQuestions(), planQuestion())
	var broken, posing measure.Share
	asked, err := load.Open(ctx, load.Plan{
		Schedule: load.Constant(float64(b.Rate*len(questions)), b.For),
		Workers:  1,
		Patience: m.monitor,
		Do: func(ctx context.Context, i int, _ time.Time) error {
			q := questions[i%len(questions)]
			r, err := m.ask(ctx, q.path)
			if err != nil || r.missed {
				return errors.Join(err, errMissed)
			}
			broken.Of++
			if !q.answered(r) {
				broken.Hits++
			}
			if limit, ages := staleAfter()[q.contract]; ages {
				posing.Of++
				posing.Hits += poses(r.raw, limit)
			}
			return nil
		},
	})
	if unreachable(asked.First) {
		err = errors.Join(err, asked.First)
	}
	lasted := time.Since(began)
	over, cancel := context.WithCancel(ctx)
	cancel() // all that came is heard
	figures, _ := c.until(over, anything)
	if err := errors.Join(err, hold.Release(context.WithoutCancel(ctx))); err != nil {
		return nil, fmt.Errorf("asking while a part of the prices is locked: %w", err)
	}
	readings := databaseReadings{age: measure.NewHistogram()}
	all := readings.measures(asked, m.monitor)
	return measure.Set{
		"answers that break their schema": {Share: &broken},
		"health answers missed":           all["health answers missed"],
		"health answer":                   all["health answer"],
		"old figures told as fresh":       {Share: &posing},
		"pause between figures":           figuresIn(began, lasted, figures)["pause between figures"],
	}, nil
}

// poses is 1 if an answer is older than the limit and names nothing as stale:
// its stale parts, or itself.
func poses(raw []byte, limit float64) int64 {
	var said struct {
		AgeMS float64         `json:"age_ms"`
		Stale json.RawMessage `json:"stale"`
	}
	fresh := json.Unmarshal(raw, &said) != nil || string(said.Stale) == "[]" || string(said.Stale) == "false"
	if said.AgeMS > limit && fresh {
		return 1
	}
	return 0
}

const lockingPartition = "locking a partition of the prices"

// HoldPartition locks the newest partition of the prices so that nobody can
// even read it.
func HoldPartition(ctx context.Context, dsn string) (Hold, error) {
	conn, err := connect(ctx, dsn, lockingPartition)
	if err != nil {
		return nil, err
	}
	hold := lockedPrices{conn}
	var partition string
	err = conn.QueryRow(ctx, `SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'ticks'::regclass AND c.relname <> 'ticks_default' ORDER BY c.relname DESC LIMIT 1`).Scan(&partition)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errors.New("the prices have no partition")
	}
	if err == nil {
		_, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+partition+" IN ACCESS EXCLUSIVE MODE")
	}
	if err != nil {
		return nil, errors.Join(because(lockingPartition, err), hold.Release(context.WithoutCancel(ctx)))
	}
	return hold, nil
}
