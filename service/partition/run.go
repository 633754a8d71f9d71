package partition

import (
	"context"
	"time"
)

// Run ensures, repairs and, if the configuration says for how long to keep,
// retains: at once and then each minute, until ctx ends. What it cannot do it
// logs, once until it changes, and tries again. More rows of one day than
// MostMoved it leaves in the default partition: Repair moves them when asked.
func (m *Manager) Run(ctx context.Context) error {
	tick := m.config.Tick
	if tick == nil {
		ticker := time.NewTicker(Every)
		defer ticker.Stop()
		tick = ticker.C
	}
	said := map[string]string{}
	for {
		m.round(ctx, said)
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *Manager) round(ctx context.Context, said map[string]string) {
	now := m.config.Now()
	verbs := []struct {
		name string
		do   func() (Report, error)
	}{
		{"repair", func() (Report, error) { return m.repair(ctx, now, m.unasked(now)) }},
		{"retain", func() (Report, error) { return m.Retain(ctx, now, Retention{Keep: m.config.Keep}) }},
	}
	if m.config.Keep == (Keep{}) {
		verbs = verbs[:1]
	}
	for _, verb := range verbs {
		report, err := verb.do()
		if ctx.Err() != nil {
			return
		}
		m.tell(ctx, verb.name, report, err, said)
		if report.Skipped == Unpartitioned {
			return
		}
	}
}

// tell logs what a verb did, and what it did not once until that changes.
func (m *Manager) tell(ctx context.Context, verb string, r Report, err error, said map[string]string) {
	log := m.config.Log.With("verb", verb)
	if n := len(r.Created) + len(r.Adopted) + len(r.Detached) + len(r.Finalized); n > 0 || r.Moved > 0 {
		log.InfoContext(ctx, "partitions changed", "created", len(r.Created), "adopted", len(r.Adopted),
			"moved", r.Moved, "detached", len(r.Detached), "finalized", len(r.Finalized))
	}
	problem := r.Skipped
	if err != nil {
		problem = err.Error()
	}
	if said[verb] == problem {
		return
	}
	said[verb] = problem
	switch {
	case err != nil:
		log.WarnContext(ctx, "partitions not managed, tried again in a minute", "error", problem)
	case problem != "":
		log.InfoContext(ctx, "partitions not managed for now", "reason", problem)
	default:
		log.InfoContext(ctx, "partitions are managed again")
	}
}
