package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
type question struct{ path, contract string }

// operatorsQuestions are all that the service answers about itself.
func operatorsQuestions() []question {
	return []question{
		{"/api/health", "http/health"},
		{"/api/health/live", "http/health_live"},
		{"/api/health/ready", "http/health_ready"},
		{"/api/health/database", "http/health_database"},
		{"/api/health/performance", "http/health_performance"},
		{"/api/health/partitions", "http/health_partitions"},
		{"/api/history?measure=pool.utilisation", "http/history"},
		{"/api/alerts", "http/alerts"},
		{"/api/alerts/rules", "http/alerts_rules"},
	}
}

// staleAfter is the age in milliseconds beyond which a snapshot that is not
// marked stale pretends to be fresh.
const staleAfter = 3000

// AskUnderLock asks every question that operators ask, while the lock is held.
// It yields "answers that break their schema", counted of all answers, "health
// answers missed", counted of all questions, "health answer" in milliseconds from
// the moment a question was due (a missed answer counts with the whole patience
// of 5 s), and "old figures told as fresh": answers about the database whose
// snapshot is older than 3 s and does not say that it is stale, of those.
func (m *Market) AskUnderLock(ctx context.Context, b Blockade) (measure.Set, error) {
	hold, err := b.Lock(ctx)
	if err != nil {
		return nil, err
	}
	questions := operatorsQuestions()
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
			if contracts.Check(q.contract, r.raw) != nil {
				broken.Hits++
			}
			if q.contract == "http/health_database" {
				posing.Of++
				posing.Hits += poses(r.raw)
			}
			return nil
		},
	})
	if unreachable(asked.First) {
		err = errors.Join(err, asked.First)
	}
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
	}, nil
}

func poses(raw []byte) int64 {
	var said struct {
		AgeMS float64 `json:"age_ms"`
		Stale []any   `json:"stale"`
	}
	if json.Unmarshal(raw, &said) != nil || said.AgeMS > staleAfter && len(said.Stale) == 0 {
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
