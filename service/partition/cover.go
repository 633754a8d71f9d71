package partition

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// mostCovered bounds how many partitions Cover makes in the life of a
	// process, so that a client with scattered dates cannot fill the
	// catalogue. Rows beyond it go to the default partition, where they are
	// found as well, only more slowly.
	mostCovered = 400
	// trustTime is how long Cover believes what it knows, distrustTime how
	// long it leaves a time alone that it could not cover.
	trustTime    = time.Minute
	distrustTime = 5 * time.Second
	// patience is how long Cover waits for another manager to finish.
	patience = 2 * time.Second
)

// cover is what a process knows of the partitions of one table.
type cover struct {
	table

	mu      sync.RWMutex
	spans   []span    // with a partition, by time
	absent  bool      // the table has no partitions
	until   time.Time // the spans are believed
	givenUp time.Time // until then nothing is tried

	turn chan struct{} // held while the catalogue is read or changed
}

// Cover makes the partitions for days that are about to be written, unless
// they are there or an error says why they are not: then the rows go to the
// default partition, so the error is for the log and not for the writer. Days
// that are known cost a read lock. Days that are kept no longer need nothing:
// a partition of theirs would be detached at once, and its rows with it.
//
// Call it before the transaction that writes: one that already holds a lock on
// the table would be waited for.
func (m *Manager) Cover(ctx context.Context, table string, days ...time.Time) error {
	c := m.covers[table]
	if c == nil {
		_, err := tableNamed(table)
		return err
	}
	if days = m.attached(c.table, days); len(c.unknown(days)) == 0 {
		return nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting to cover %s: %w", table, ctx.Err())
	}
	missing, err := c.refresh(ctx, m, days)
	if err != nil || len(missing) == 0 {
		return err
	}
	err = m.coverMissing(ctx, c, missing)
	if err != nil {
		c.giveUp()
	}
	return err
}

// attached leaves out the days whose partitions retention would detach.
func (m *Manager) attached(t table, days []time.Time) []time.Time {
	if m.config.Keep.of(t) == (Period{}) {
		return days
	}
	oldest := m.config.oldest(t, m.config.Now())
	return slices.DeleteFunc(slices.Clone(days), func(day time.Time) bool { return day.Before(oldest) })
}

// coverMissing makes partitions, or waits until another manager has.
func (m *Manager) coverMissing(ctx context.Context, c *cover, missing []time.Time) error {
	for begun := time.Now(); ; {
		report := newReport()
		most := limits{tries: 5, statement: time.Second, most: m.config.MostMoved, now: begun}
		skipped, err := m.alone(ctx, &report, most, func(w *work) error {
			l, err := readLayout(ctx, w.conn, c.table)
			if err != nil || l == nil {
				return err
			}
			return w.make(ctx, l, m.rationed(l, missing))
		})
		m.made.Add(int64(len(report.Created) + len(report.Adopted)))
		if err != nil {
			return fmt.Errorf("covering %s: %w", c.name, err)
		}
		if skipped == another && time.Since(begun) < patience {
			err = pause(ctx, 20*time.Millisecond)
		} else if skipped != "" {
			err = fmt.Errorf("covering %s: %s", c.name, skipped)
		}
		if err != nil {
			return err
		}
		left, err := c.refresh(ctx, m, missing)
		if err != nil || len(left) == 0 {
			return err
		}
		if report.Skipped != "" {
			return fmt.Errorf("covering %s: %s", c.name, report.Skipped)
		}
		if skipped == "" {
			return fmt.Errorf("covering %s: this process has made %d partitions, and more are not made for scattered days",
				c.name, m.made.Load())
		}
	}
}

// rationed names the partitions that the days need, as many as this process
// may still make.
func (m *Manager) rationed(l *layout, days []time.Time) []slice {
	covered := l.covered()
	var missing []span
	for _, day := range days {
		from := l.floor(day)
		found := gaps(span{from, l.add(from, 1)}, covered)
		covered = append(covered, found...)
		missing = append(missing, found...)
	}
	slices.SortFunc(missing, func(a, b span) int { return a.from.Compare(b.from) })
	wanted := l.wanted(missing)
	return wanted[:max(0, min(len(wanted), mostCovered-int(m.made.Load())))]
}

// unknown returns the days of which it is not known that they need nothing.
func (c *cover) unknown(days []time.Time) []time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := time.Now()
	if c.absent && now.Before(c.until) || now.Before(c.givenUp) {
		return nil
	}
	if !now.Before(c.until) {
		return days
	}
	var unknown []time.Time
	for _, day := range days {
		if !c.holds(day) {
			unknown = append(unknown, day)
		}
	}
	return unknown
}

func (c *cover) holds(day time.Time) bool {
	// The first span that ends after the day.
	i, _ := slices.BinarySearchFunc(c.spans, day, func(s span, day time.Time) int {
		if s.to.After(day) {
			return 1
		}
		return -1
	})
	return i < len(c.spans) && c.spans[i].holds(day)
}

// refresh reads the catalogue and returns the days that have no partition and
// could have one.
func (c *cover) refresh(ctx context.Context, m *Manager, days []time.Time) ([]time.Time, error) {
	if len(c.unknown(days)) == 0 {
		return nil, nil // another caller has refreshed it meanwhile
	}
	l, err := readLayout(ctx, m.config.Pool, c.table)
	if err != nil {
		return nil, err
	}
	c.learn(l)
	return c.unknown(days), nil
}

func (c *cover) learn(l *layout) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.absent, c.spans, c.until = l == nil, nil, time.Now().Add(trustTime)
	if l == nil {
		c.until = time.Now().Add(distrustTime)
		return
	}
	for _, p := range l.parts {
		if !p.pending {
			c.spans = append(c.spans, p.span)
		}
	}
}

func (c *cover) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.givenUp = time.Now().Add(distrustTime)
}
