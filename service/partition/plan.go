package partition

import (
	"context"
	"fmt"
	"time"
)

// Plan is what Retain would do.
type Plan struct {
	// Detach names attached partitions, Drop partitions and kept tables.
	Detach []string `json:"would_detach"`
	Drop   []string `json:"would_drop"`
	// Skipped says why Retain would do nothing; empty if it would.
	Skipped string `json:"skipped"`
}

// PlanRetain tells what Retain would do. It only reads catalogues, and waits
// for nobody.
func (m *Manager) PlanRetain(ctx context.Context, now time.Time, r Retention) (Plan, error) {
	plan := Plan{Detach: []string{}, Drop: []string{}}
	conn, err := m.config.Pool.Acquire(ctx)
	if err != nil {
		return plan, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Release()
	if plan.Skipped, err = aheadOfServer(ctx, conn, now); err != nil || plan.Skipped != "" {
		return plan, err
	}
	found := false
	for _, t := range tables() {
		l, err := readLayout(ctx, conn, t)
		if err != nil {
			return plan, err
		}
		found = found || l != nil
		cutoff, limited := r.Keep.of(t).before(now)
		if l == nil || !limited {
			continue
		}
		for _, p := range l.overdue(cutoff) {
			plan.Detach = append(plan.Detach, p.name)
			if r.Drop {
				plan.Drop = append(plan.Drop, p.name)
			}
		}
		kept, err := l.kept(ctx, conn)
		if err != nil {
			return plan, err
		}
		for _, name := range kept {
			if s, _ := l.keptSpan(name); r.Drop && !s.to.After(cutoff) {
				plan.Drop = append(plan.Drop, name)
			}
		}
	}
	if !found {
		plan.Skipped = Unpartitioned
	}
	return plan, nil
}
