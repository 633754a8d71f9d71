package partition

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// mostPerRun bounds how many partitions of a table one run makes.
	mostPerRun = 1200
	// mostPerTable bounds how many partitions a table may have: planning a
	// query takes longer with each.
	mostPerTable = 4000
)

// Ensure makes the partitions of the present interval and of those ahead, and
// fills gaps between the first partition and them. A second run does nothing.
func (m *Manager) Ensure(ctx context.Context, now time.Time) (Report, error) {
	return m.verb(ctx, m.asked(now), func(w *work, l *layout) error { return m.ensure(ctx, w, l, now) })
}

func (m *Manager) ensure(ctx context.Context, w *work, l *layout, now time.Time) error {
	window := l.window(m.config, now)
	missing := gaps(window, l.covered())
	today := l.floor(now)
	// What is written next comes before what was forgotten.
	var ahead, behind []span
	for _, gap := range missing {
		if gap.from.Before(today) {
			behind = append(behind, span{gap.from, earlier(gap.to, today)})
		}
		if gap.to.After(today) {
			ahead = append(ahead, span{later(gap.from, today), gap.to})
		}
	}
	wanted := append(l.wanted(ahead), l.wanted(behind)...)
	if room := min(mostPerRun, mostPerTable-len(l.parts)); len(wanted) > room {
		w.report.skip(fmt.Sprintf("%d more partitions of %s are missing than one run makes", len(wanted)-max(0, room), l.table.name))
		wanted = wanted[:max(0, room)]
	}
	return w.make(ctx, l, wanted)
}

// asked are the limits of a verb that somebody asked for.
func (m *Manager) asked(now time.Time) limits {
	return limits{tries: 20, statement: m.config.Patience, now: now}
}

// unasked are those of what the manager does by itself beside the market.
func (m *Manager) unasked(now time.Time) limits {
	most := m.asked(now)
	most.most = m.config.MostMoved
	return most
}

// verb runs one verb for each partitioned table. A table that fails does not
// keep the other from its turn.
func (m *Manager) verb(ctx context.Context, most limits, do func(*work, *layout) error) (Report, error) {
	report := newReport()
	skipped, err := m.alone(ctx, &report, most, func(w *work) error {
		var problems []error
		found := false
		for _, t := range tables() {
			l, err := readLayout(ctx, w.conn, t)
			switch {
			case err != nil:
				problems = append(problems, err)
			case l != nil:
				found = true
				problems = append(problems, do(w, l))
			}
			if ctx.Err() != nil {
				return errors.Join(append(problems, ctx.Err())...)
			}
		}
		if !found && errors.Join(problems...) == nil {
			report.skip(Unpartitioned)
		}
		return errors.Join(problems...)
	})
	if skipped != "" {
		report.skip(skipped)
	}
	return report, err
}

// Unpartitioned is why a verb skips on a schema without partitions.
const Unpartitioned = "this version of the schema has no partitions"
